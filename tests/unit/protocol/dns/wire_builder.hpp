// Builds DNS answers octet by octet for the tests: also wrong ones, so it checks nothing.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace wire {

inline std::string u8(unsigned value) {
  return std::string(1, static_cast<char>(value & 0xff));
}
inline std::string u16(unsigned value) {
  return u8(value >> 8) + u8(value);
}
inline std::string u32(unsigned long value) {
  return u16(static_cast<unsigned>(value >> 16 & 0xffff)) + u16(static_cast<unsigned>(value & 0xffff));
}
/// A character-string, or a label.
inline std::string counted(std::string_view text) {
  return u8(static_cast<unsigned>(text.size())) + std::string(text);
}

/// Without compression; "" is the root.
inline std::string name(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto dot = text.find('.');
    result += counted(text.substr(0, dot));
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return result + '\0';
}
inline std::string pointer(unsigned offset) {
  return u16(0xc000 | offset);
}

constexpr unsigned a = 1, ns = 2, cname = 5, soa = 6, mx = 15, txt = 16, aaaa = 28, opt = 41, tlsa = 52;
constexpr unsigned qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080, ad = 0x0020;

/// One answer. The question stands at octet 12, so pointer(12) is the asked name.
struct Message {
  unsigned id = 7, flags = qr | rd | ra, questions = 1;
  std::string question;
  unsigned answers = 0, authorities = 0, additionals = 0;
  std::string body{};

  Message(std::string_view asked, unsigned type) : question(name(asked) + u16(type) + u16(1)) {}

  static std::string record(std::string_view owner, unsigned type, unsigned long ttl, std::string_view data) {
    return std::string(owner) + u16(type) + u16(1) + u32(ttl) + u16(static_cast<unsigned>(data.size())) +
           std::string(data);
  }
  Message& answer(std::string_view owner, unsigned type, unsigned long ttl, std::string_view data) {
    ++answers;
    body += record(owner, type, ttl, data);
    return *this;
  }
  Message& authority(std::string_view owner, unsigned type, unsigned long ttl, std::string_view data) {
    ++authorities;
    body += record(owner, type, ttl, data);
    return *this;
  }
  Message& additional(std::string_view owner, unsigned type, unsigned long ttl, std::string_view data) {
    ++additionals;
    body += record(owner, type, ttl, data);
    return *this;
  }
  Message& soa_of(unsigned long ttl, unsigned long minimum) {
    return authority(name("test"), soa, ttl,
                     name("ns.test") + name("root.test") + u32(1) + u32(2) + u32(3) + u32(4) + u32(minimum));
  }
  Message& flag(unsigned more) {
    flags |= more;
    return *this;
  }
  Message& rcode(unsigned code) { return flag(code); }

  /// Where the next record will begin.
  unsigned size() const { return static_cast<unsigned>(12 + question.size() + body.size()); }
  std::string str() const {
    return u16(id) + u16(flags) + u16(questions) + u16(answers) + u16(authorities) + u16(additionals) + question + body;
  }
};

}  // namespace wire
