// Text to wire octets and back.
#include "tests/lab/dns_wire.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "protocol/base/cursor.hpp"
#include "protocol/base/text.hpp"

namespace lab {
namespace {

constexpr std::pair<std::string_view, std::uint16_t> types[] = {
    {"A", 1},    {"NS", 2},  {"CNAME", 5},  {"SOA", 6},   {"MX", 15},     {"TXT", 16}, {"AAAA", 28},
    {"OPT", 41}, {"DS", 43}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48}, {"TLSA", 52}};
constexpr std::uint16_t type_opt = 41;

[[noreturn]] void refuse(const std::string& what, std::string_view text) {
  throw std::invalid_argument(what + ": " + base::printable(text, 100));
}

void append_u16(std::string& wire, std::size_t value) {
  wire += static_cast<char>(value >> 8 & 0xff);
  wire += static_cast<char>(value & 0xff);
}

void append_u32(std::string& wire, std::uint32_t value) {
  append_u16(wire, value >> 16);
  append_u16(wire, value & 0xffff);
}

unsigned number(std::string_view text, unsigned limit) {
  const long long value = base::decimal(text, 10);
  if (value < 0 || value > limit) refuse("not a number up to " + std::to_string(limit), text);
  return static_cast<unsigned>(value);
}

std::vector<std::string> split(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string hex(std::string_view text) {
  std::string octets;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned octet = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + std::min(i + 2, text.size()), octet, 16);
    if (error != std::errc() || end != text.data() + i + 2) refuse("not hexadecimal", text);
    octets += static_cast<char>(octet);
  }
  return octets;
}

std::string address(int family, std::size_t size, std::string_view text) {
  char octets[16];
  if (::inet_pton(family, std::string(text).c_str(), octets) != 1) refuse("not an address", text);
  return {octets, size};
}

void append_label_text(std::string& text, std::string_view label) {
  if (!text.empty()) text += '.';
  for (const char c : label) {
    if (base::is_printable(c) && c != ' ' && c != '.' && c != '\\') {
      text += base::to_lower(c);
      continue;
    }
    const std::string digits = std::to_string(static_cast<unsigned char>(c));
    text += '\\' + std::string(3 - digits.size(), '0') + digits;
  }
}

/// nullopt: no uncompressed name.
std::optional<std::string> name_at(base::Cursor& cursor) {
  std::string text;
  for (std::size_t length = cursor.u8(); length != 0; length = cursor.u8()) {
    if (length > 63) return std::nullopt;
    append_label_text(text, cursor.take(length));
  }
  if (!cursor.ok()) return std::nullopt;
  return text.empty() ? "." : text;
}

void append_record(std::string& wire, const DnsRecord& record, const DnsQuestion& question) {
  if (record.owner == question.name)
    append_u16(wire, 0xc00c);  // RFC 1035 §4.1.4: a pointer to the question's name
  else
    wire += dns_name(record.owner);
  append_u16(wire, record.type);
  append_u16(wire, 1);
  append_u32(wire, record.ttl);
  append_u16(wire, record.data.size());
  wire += record.data;
}

}  // namespace

std::optional<DnsQuestion> read_question(std::string_view wire) {
  base::Cursor cursor(wire);
  DnsQuestion question;
  question.id = cursor.u16();
  const unsigned flags = cursor.u16(), questions = cursor.u16(), answers = cursor.u16(), authorities = cursor.u16(),
                 additional = cursor.u16();
  if (!cursor.ok() || (flags & 0x8000) != 0 || questions != 1 || answers != 0 || authorities != 0) return std::nullopt;
  question.recursion_desired = (flags & 0x0100) != 0;
  question.wants_authentic = (flags & 0x0020) != 0;
  question.checking_disabled = (flags & 0x0010) != 0;

  const std::size_t begin = cursor.offset();
  auto asked = name_at(cursor);
  if (!asked) return std::nullopt;
  question.name = std::move(*asked);
  question.type_code = cursor.u16();
  cursor.u16();
  if (!cursor.ok()) return std::nullopt;
  question.wire = wire.substr(begin, cursor.offset() - begin);
  question.type = "TYPE" + std::to_string(question.type_code);
  for (const auto& [name, code] : types)
    if (code == question.type_code) question.type = name;

  // RFC 6891 §6.1.2: only an OPT record is looked at.
  if (additional == 1 && cursor.u8() == 0 && cursor.u16() == type_opt && cursor.ok()) {
    question.edns = true;
    question.payload = std::max<std::size_t>(512, cursor.u16());
    const std::uint32_t extended = cursor.u32();
    question.dnssec_ok = (extended & 0x8000) != 0;
    if (question.dnssec_ok) question.wants_authentic = true;
  }
  return question;
}

std::uint16_t dns_type_code(std::string_view type) {
  for (const auto& [name, code] : types)
    if (name == type) return code;
  return 0;
}

std::string dns_name_text(std::string_view name) {
  std::string text = base::lower(name);
  if (text.size() > 1 && text.ends_with('.') && !text.ends_with("\\.")) text.pop_back();
  return text;
}

std::string dns_text(std::string_view wire) {
  base::Cursor cursor(wire);
  auto name = name_at(cursor);
  if (!name || !cursor.at_end()) refuse("not a domain name", wire);
  return std::move(*name);
}

std::string dns_name(std::string_view text) {
  std::string wire, label;
  const auto end_label = [&] {
    if (label.empty() || label.size() > 63) refuse("not a domain name", text);
    wire += static_cast<char>(label.size());
    wire += std::exchange(label, {});
  };
  if (text != ".") {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '.') {
        end_label();
      } else if (text[i] != '\\') {
        label += text[i];
      } else if (i + 1 < text.size() && !base::is_digit(text[i + 1])) {
        label += text[++i];
      } else {
        label += static_cast<char>(number(text.substr(i + 1, 3), 255));
        i += 3;
      }
    }
    if (!label.empty()) end_label();
  }
  wire += '\0';
  if (wire.size() > 255) refuse("a domain name too long", text);
  return wire;
}

std::string dns_strings(const std::vector<std::string>& strings) {
  std::string data;
  for (const auto& string : strings) {
    if (string.size() > 255) refuse("a TXT string of more than 255 octets", string);
    data += static_cast<char>(string.size());
    data += string;
  }
  return data;
}

std::string dns_rdata(std::string_view type, std::string_view text) {
  if (type == "A") return address(AF_INET, 4, text);
  if (type == "AAAA") return address(AF_INET6, 16, text);
  if (type == "CNAME" || type == "NS") return dns_name(text);
  std::string data;
  if (type == "TXT") {
    std::vector<std::string> strings;
    do {
      strings.emplace_back(text.substr(0, 255));
      text.remove_prefix(strings.back().size());
    } while (!text.empty());
    return dns_strings(strings);
  }
  const auto words = split(text);
  if (type == "MX" && words.size() == 2) {
    append_u16(data, number(words[0], 65535));
    return data + dns_name(words[1]);
  }
  if (type == "TLSA" && words.size() == 4) {
    for (int i = 0; i < 3; ++i) data += static_cast<char>(number(words[static_cast<std::size_t>(i)], 255));
    return data + hex(words[3]);
  }
  if (type == "SOA" && words.size() == 7) {
    data = dns_name(words[0]) + dns_name(words[1]);
    for (std::size_t i = 2; i < 7; ++i) append_u32(data, number(words[i], 0xffffffff));
    return data;
  }
  refuse("not the data of a " + std::string(type) + " record", text);
}

std::string DnsReply::wire(const DnsQuestion& question) const {
  std::string out;
  append_u16(out, question.id);
  constexpr unsigned response = 0x8000, tc = 0x0200, rd = 0x0100, recursion_available = 0x0080, ad = 0x0020,
                     cd = 0x0010;
  append_u16(out, response | (truncated ? tc : 0) | (question.recursion_desired ? rd : 0) | recursion_available |
                      (authentic ? ad : 0) | (question.checking_disabled ? cd : 0) | (rcode & 15));
  append_u16(out, 1);
  append_u16(out, answer.size());
  append_u16(out, authority.size());
  append_u16(out, edns ? 1 : 0);
  out += question.wire;
  for (const auto* section : {&answer, &authority})
    for (const auto& record : *section) append_record(out, record, question);
  if (edns) {
    out += '\0';
    append_u16(out, type_opt);
    append_u16(out, 1232);
    append_u32(out, (rcode >> 4) << 24 | (dnssec_ok ? 0x8000 : 0));  // RFC 3225 §3: DO as it came
    append_u16(out, 0);
  }
  return out;
}

}  // namespace lab
