// Memory first, then an unnamed file.
#include "proxy/transaction/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace proxy {

namespace {
constexpr std::size_t memory_limit = 65536;
}

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
  if (file_ < 0 && memory_.size() + octets.size() <= memory_limit) {
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
  if (offset >= size_) return 0;
  const auto wanted = std::min(into.size(), size_ - offset);
  if (file_ < 0) {
    std::copy_n(memory_.data() + offset, wanted, into.data());
    return wanted;
  }
  ssize_t got = 0;
  do {
    got = ::pread(file_, into.data(), wanted, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace proxy
