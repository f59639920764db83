// A message held until its end is known: in memory to 64 KiB, then in an unnamed file. Nothing of it outlives the
// transaction, and nothing is synced: the client still owns the mail.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace proxy {

class Spool {
 public:
  explicit Spool(std::string directory) : directory_(std::move(directory)) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// False when the disk takes no more; the message is then answered 452.
  bool append(std::string_view octets);
  std::size_t size() const { return size_; }
  /// Reads from `offset` into `into`; the octets read, 0 at the end or on an error.
  std::size_t read(std::size_t offset, std::span<char> into) const;

 private:
  bool write_out(std::string_view octets);

  std::string directory_;
  std::string memory_;
  int file_ = -1;
  std::size_t size_ = 0;
};

}  // namespace proxy
