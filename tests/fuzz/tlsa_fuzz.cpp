// TLSA sets, records with a length octet before each: what is called usable is exactly what RFC 7672 §3.1 lets SMTP
// use, digests are never weaker than they need be, and nothing is read past its end. covers: DANE-05 DANE-12
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/dane/tlsa_set.hpp"
#include "tests/fuzz/must.hpp"

namespace {

using policy::dane::Record;

bool usable(const Record& record) {
  if (record.usage != 2 && record.usage != 3) return false;
  if (record.selector != 0 && record.selector != 1) return false;
  if (record.matching == 1) return record.data.size() == 32;
  if (record.matching == 2) return record.data.size() == 64;
  return record.matching == 0 && !record.data.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> rdata;
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
    rdata.emplace_back(reinterpret_cast<const char*>(data) + at + 1, length);
    at += length + 1;
  }
  const auto sorted = policy::dane::sort_out(rdata);
  std::size_t good = 0;
  for (const auto& octets : rdata) {
    if (octets.size() < 3) continue;
    const Record record{static_cast<std::uint8_t>(octets[0]), static_cast<std::uint8_t>(octets[1]),
                        static_cast<std::uint8_t>(octets[2]), octets.substr(3)};
    if (!usable(record)) continue;
    ++good;
    const bool kept = std::find(sorted.usable.begin(), sorted.usable.end(), record) != sorted.usable.end();
    const bool stronger = std::any_of(sorted.usable.begin(), sorted.usable.end(), [&](const Record& other) {
      return other.usage == record.usage && other.selector == record.selector && other.matching == 2;
    });
    MUST(kept != (record.matching == 1 && stronger));
  }
  MUST(sorted.unusable == rdata.size() - good);
  for (const auto& record : sorted.usable) {
    MUST(usable(record));
    MUST(std::count(sorted.usable.begin(), sorted.usable.end(), record) == 1);
    MUST(policy::dane::words(record).size() <= 40);
  }
  std::reverse(rdata.begin(), rdata.end());
  MUST(policy::dane::sort_out(rdata).usable == sorted.usable);
  return 0;
}
