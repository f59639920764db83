// A message's octets that can be read again and again, wherever they lie: memory, an unnamed file, the queue.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace proxy {

class Octets {
 public:
  virtual ~Octets() = default;
  virtual std::size_t size() const = 0;
  /// Reads from `offset` into `into`; the octets read, 0 at the end or on an error.
  virtual std::size_t read(std::size_t offset, std::span<char> into) const = 0;
};

/// As Octets::read, of a file that is `size` octets long.
inline std::size_t read_file(int file, std::size_t size, std::size_t offset, std::span<char> into) {
  if (offset >= size) return 0;
  ssize_t got = 0;
  do {
    got = ::pread(file, into.data(), std::min(into.size(), size - offset), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

class OctetsInMemory final : public Octets {
 public:
  explicit OctetsInMemory(std::string octets) : octets_(std::move(octets)) {}
  std::size_t size() const override { return octets_.size(); }
  std::size_t read(std::size_t offset, std::span<char> into) const override {
    if (offset >= octets_.size()) return 0;
    return octets_.copy(into.data(), into.size(), offset);
  }

 private:
  std::string octets_;
};

class OctetsInFile final : public Octets {
 public:
  /// Owns the descriptor.
  OctetsInFile(int file, std::size_t size) : file_(file), size_(size) {}
  ~OctetsInFile() override { ::close(file_); }
  OctetsInFile(const OctetsInFile&) = delete;
  OctetsInFile& operator=(const OctetsInFile&) = delete;
  std::size_t size() const override { return size_; }
  std::size_t read(std::size_t offset, std::span<char> into) const override {
    return read_file(file_, size_, offset, into);
  }

 private:
  int file_;
  std::size_t size_;
};

}  // namespace proxy
