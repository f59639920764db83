// A message held until its end is known: in memory to a limit, then in an unnamed file. Nothing is synced, and nothing
// of it outlives the transaction unless the queue gives the file a name.
#pragma once

#include <string>
#include <string_view>

#include "proxy/store/octets.hpp"

namespace proxy {

class Spool final : public Octets {
 public:
  /// `directory`: for the file. `memory`: octets held without one.
  explicit Spool(std::string directory, std::size_t memory = 65536)
      : directory_(std::move(directory)), memory_limit_(memory) {}
  ~Spool() override;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// False when the disk takes no more; the message is then answered 452.
  bool append(std::string_view octets);
  std::size_t size() const override { return size_; }
  std::size_t read(std::size_t offset, std::span<char> into) const override;

  /// The unnamed file; -1: all of it is in memory().
  int file() const { return file_; }
  const std::string& memory() const { return memory_; }

 private:
  bool write_out(std::string_view octets);

  std::string directory_;
  std::size_t memory_limit_;
  std::string memory_;
  int file_ = -1;
  std::size_t size_ = 0;
};

}  // namespace proxy
