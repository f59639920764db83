// Neighbours of names in canonical order, and bitmaps of types.
#include "tests/lab/dns_denial.hpp"

#include <set>

namespace lab {
namespace {

constexpr std::size_t longest_label = 63, longest_name = 255;

/// A name on the wire, taken apart: the first label, and the rest with its lengths.
struct Split {
  std::string label, rest;
  explicit Split(const std::string& wire)
      : label(wire.substr(1, static_cast<unsigned char>(wire[0]))), rest(wire.substr(1 + label.size())) {}
  std::string joined() const { return label.empty() ? rest : static_cast<char>(label.size()) + label + rest; }
};

/// A name a little before this one. RFC 4034 §6.1: octets count as they are, capitals as small letters.
std::string before(const std::string& wire) {
  Split name(wire);
  if (name.label.back() == '\0') {
    name.label.pop_back();
    return name.joined();
  }
  const char last = static_cast<char>(name.label.back() - 1);
  name.label.back() = last == 'Z' ? '@' : last;
  if (name.label.size() < longest_label && wire.size() < longest_name) name.label += '\xff';
  return name.joined();
}

/// The next name that is not below this one, or one close to it.
std::string after(const std::string& wire) {
  Split name(wire);
  if (name.label.size() < longest_label && wire.size() < longest_name) {
    name.label += '\0';
    return name.joined();
  }
  while (!name.label.empty() && name.label.back() == '\xff') name.label.pop_back();
  if (name.label.empty()) return std::string(1, '\0');  // RFC 4034 §4.1.1: behind the last name comes the apex
  ++name.label.back();
  return name.joined();
}

/// RFC 4034 §4.1.2: windows of 256 types, a bit for each.
std::string bitmap(const std::set<std::uint16_t>& types) {
  std::string all;
  for (unsigned window = 0; window < 256; ++window) {
    std::string bits;
    for (const unsigned type : types) {
      if (type >> 8 != window) continue;
      bits.resize((type & 0xff) / 8 + 1);  // the types come in order
      bits.back() = static_cast<char>(bits.back() | 0x80 >> type % 8);
    }
    if (bits.empty()) continue;
    all += static_cast<char>(window);
    all += static_cast<char>(bits.size());
    all += bits;
  }
  return all;
}

DnsRecord nsec(const std::string& owner, const std::string& next, const std::vector<std::string>& types,
               std::uint32_t ttl) {
  std::set<std::uint16_t> codes{dns_type_code("RRSIG"), dns_type_code("NSEC")};
  for (const auto& type : types)
    if (const auto code = dns_type_code(type); code != 0) codes.insert(code);
  return {owner, dns_type_code("NSEC"), ttl, next + bitmap(codes)};
}

DnsRecord gap(const std::string& wire, std::uint32_t ttl) {
  return nsec(dns_text(before(wire)), after(wire), {}, ttl);
}

}  // namespace

DnsRecord no_other_type(const std::string& name, const std::vector<std::string>& types, std::uint32_t ttl) {
  const std::string wire = dns_name(name);
  const bool full = wire.size() + 2 > longest_name;
  return nsec(name, full ? after(wire) : std::string("\1\0", 2) + wire, types, ttl);
}

std::vector<DnsRecord> no_such_name(const std::string& name, std::uint32_t ttl) {
  const std::string wire = dns_name(name);
  return {gap(wire, ttl), gap("\1*" + Split(wire).rest, ttl)};
}

}  // namespace lab
