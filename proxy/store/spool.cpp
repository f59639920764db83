// Memory first, then an unnamed file.
#include "proxy/store/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace proxy {

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

bool Spool::write_out(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file_, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool Spool::append(std::string_view octets) {
  if (file_ < 0 && memory_.size() + octets.size() <= memory_limit_) {
    memory_.append(octets);
    size_ += octets.size();
    return true;
  }
  if (file_ < 0) {
    file_ = ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file_ < 0 || !write_out(memory_)) return false;
    memory_.clear();
    memory_.shrink_to_fit();
  }
  if (!write_out(octets)) return false;
  size_ += octets.size();
  return true;
}

std::size_t Spool::read(std::size_t offset, std::span<char> into) const {
  if (file_ >= 0) return read_file(file_, size_, offset, into);
  return offset < size_ ? memory_.copy(into.data(), into.size(), offset) : 0;
}

}  // namespace proxy
