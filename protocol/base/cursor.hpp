// A reader over octets that never reads past their end: after the first want of octets everything it returns is zero or
// empty and ok() is false. For binary formats, in network byte order; never copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

class Cursor {
 public:
  explicit Cursor(std::string_view octets, std::size_t offset = 0)
      : octets_(octets), offset_(offset), ok_(offset <= octets.size()) {}

  bool ok() const { return ok_; }
  std::size_t offset() const { return offset_; }  ///< from the start of the octets, not of the reading
  bool at_end() const { return ok_ && offset_ == octets_.size(); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }

  /// The next `count` octets: a view of the input.
  std::string_view take(std::size_t count) {
    if (!ok_ || octets_.size() - offset_ < count) {
      ok_ = false;
      return {};
    }
    offset_ += count;
    return octets_.substr(offset_ - count, count);
  }

 private:
  std::uint32_t number(std::size_t width) {
    std::uint32_t value = 0;
    for (const char c : take(width)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  std::string_view octets_;
  std::size_t offset_;
  bool ok_;
};

}  // namespace base
