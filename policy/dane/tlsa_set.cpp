// Tables over the numbers of RFC 6698 and what RFC 7672 makes of them for SMTP.
#include "policy/dane/tlsa_set.hpp"

#include <algorithm>
#include <tuple>

namespace policy::dane {

namespace {

constexpr std::uint8_t full = 0, sha256 = 1, sha512 = 2;
constexpr std::size_t header = 3, sha256_octets = 32, sha512_octets = 64;

bool is_usable(const Record& record) {
  // RFC 7672 §3.1.3: PKIX-TA(0) and PKIX-EE(1) are of no use to SMTP.
  if (record.usage != trust_anchor && record.usage != end_entity) return false;
  if (record.selector > 1) return false;
  switch (record.matching) {
    case full: return !record.data.empty();
    case sha256: return record.data.size() == sha256_octets;
    case sha512: return record.data.size() == sha512_octets;
    default: return false;
  }
}

}  // namespace

std::vector<Record> with_strongest_digests(std::vector<Record> usable) {
  const auto is_weaker = [&](const Record& record) {
    return record.matching == sha256 && std::any_of(usable.begin(), usable.end(), [&](const Record& other) {
             return other.usage == record.usage && other.selector == record.selector && other.matching == sha512;
           });
  };
  std::vector<Record> strongest;
  for (const auto& record : usable) {
    if (!is_weaker(record)) strongest.push_back(record);
  }
  return strongest;
}

Sorted sort_out(std::span<const std::string> rdata) {
  Sorted sorted;
  for (const auto& octets : rdata) {
    Record record;
    if (octets.size() > header) {
      record.usage = static_cast<std::uint8_t>(octets[0]);
      record.selector = static_cast<std::uint8_t>(octets[1]);
      record.matching = static_cast<std::uint8_t>(octets[2]);
      record.data = octets.substr(header);
    }
    if (!is_usable(record)) {
      ++sorted.unusable;
    } else if (std::find(sorted.usable.begin(), sorted.usable.end(), record) == sorted.usable.end()) {
      sorted.usable.push_back(std::move(record));
    }
  }
  // By value: the order in which DNS gives them says nothing, and two sets are compared.
  std::sort(sorted.usable.begin(), sorted.usable.end(), [](const Record& a, const Record& b) {
    return std::tie(a.usage, a.selector, a.matching, a.data) < std::tie(b.usage, b.selector, b.matching, b.data);
  });
  sorted.usable = with_strongest_digests(std::move(sorted.usable));
  return sorted;
}

Association association(std::string base_domain, std::span<const std::string> further_names,
                        std::vector<Record> records) {
  Association made{std::move(base_domain), {}, std::move(records)};
  const bool by_name = std::any_of(made.records.begin(), made.records.end(),
                                   [](const Record& record) { return record.usage == trust_anchor; });
  if (!by_name) return made;  // DANE-07: names say nothing there, and connections are shared between domains
  made.names.push_back(made.base_domain);
  for (const auto& name : further_names) {
    if (std::find(made.names.begin(), made.names.end(), name) == made.names.end()) made.names.push_back(name);
  }
  return made;
}

Association pinned(std::string host, std::span<const std::string> key_digests) {
  constexpr std::uint8_t public_key = 1;
  Association made{.base_domain = std::move(host), .names = {}, .records = {}, .pinned = true};
  for (const auto& digest : key_digests) made.records.push_back({end_entity, public_key, sha256, digest});
  return made;
}

std::string words(const Record& record) {
  constexpr std::size_t shown = 8;
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' +
                     std::to_string(record.matching) + ' ';
  for (const char octet : record.data.substr(0, shown)) {
    const auto value = static_cast<unsigned char>(octet);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text + (record.data.size() > shown ? "..." : "");
}

}  // namespace policy::dane
