// Which TLSA records count, and what a host has to match.
#include "policy/dane/tlsa_set.hpp"

#include <catch2/catch.hpp>

using namespace policy::dane;

namespace {

std::string rdata(int usage, int selector, int matching, std::string data) {
  std::string octets;
  for (const int number : {usage, selector, matching}) octets += static_cast<char>(number);
  return octets + data;
}

std::string octets(std::size_t count, char octet = 'x') {
  return std::string(count, octet);
}

std::vector<std::string> numbers(const std::vector<Record>& records) {
  std::vector<std::string> result;
  for (const auto& record : records) {
    result.push_back(std::to_string(record.usage) + std::to_string(record.selector) + std::to_string(record.matching) +
                     record.data.substr(0, 1));
  }
  return result;
}

}  // namespace

TEST_CASE("which TLSA records are usable", "[DANE-05][D-6]") {
  struct Row {
    int usage, selector, matching;
    std::size_t size;
    bool usable;
  };
  for (const Row& row : std::vector<Row>{
           {3, 1, 1, 32, true},    {3, 0, 1, 32, true},  {3, 1, 2, 64, true},    {3, 0, 2, 64, true},
           {3, 1, 0, 91, true},    {3, 0, 0, 500, true}, {2, 0, 1, 32, true},    {2, 1, 2, 64, true},
           {2, 0, 0, 500, true},   {0, 1, 1, 32, false}, {1, 1, 1, 32, false},   {4, 1, 1, 32, false},
           {255, 1, 1, 32, false}, {3, 2, 1, 32, false}, {3, 255, 1, 32, false}, {3, 1, 3, 32, false},
           {3, 1, 255, 32, false}, {3, 1, 1, 31, false}, {3, 1, 1, 33, false},   {3, 1, 2, 63, false},
           {3, 1, 2, 32, false},   {3, 1, 1, 64, false}, {3, 1, 1, 0, false},    {3, 1, 0, 0, false},
       }) {
    INFO(row.usage << ' ' << row.selector << ' ' << row.matching << " of " << row.size << " octets");
    const auto sorted =
        sort_out(std::vector<std::string>{rdata(row.usage, row.selector, row.matching, octets(row.size))});
    CHECK(sorted.usable.size() == (row.usable ? 1u : 0u));
    CHECK(sorted.unusable == (row.usable ? 0u : 1u));
  }
}

TEST_CASE("RDATA that is too short to be a TLSA record is unusable", "[DANE-05]") {
  for (const std::string& bytes : {std::string(), std::string("\3"), std::string("\3\1"), std::string("\3\1\1")}) {
    const auto sorted = sort_out(std::vector<std::string>{bytes});
    CHECK(sorted.usable.empty());
    CHECK(sorted.unusable == 1);
  }
}

TEST_CASE("of digests only the strongest counts usage by usage and selector by selector", "[DANE-12]") {
  const auto kept = [](const std::vector<std::string>& records) { return numbers(sort_out(records).usable); };
  using List = std::vector<std::string>;
  CHECK(kept({rdata(3, 1, 1, octets(32, 'a')), rdata(3, 1, 2, octets(64, 'b'))}) == List{"312b"});
  CHECK(kept({rdata(3, 1, 2, octets(64, 'b')), rdata(3, 1, 1, octets(32, 'a'))}) == List{"312b"});
  CHECK(kept({rdata(3, 0, 2, octets(64, 'b')), rdata(3, 1, 1, octets(32, 'a'))}) == List{"302b", "311a"});
  CHECK(kept({rdata(2, 1, 2, octets(64, 'b')), rdata(3, 1, 1, octets(32, 'a'))}) == List{"212b", "311a"});
  // Full data stays beside each.
  CHECK(kept({rdata(3, 1, 0, octets(9, 'f')), rdata(3, 1, 1, octets(32, 'a')), rdata(3, 1, 2, octets(64, 'b'))}) ==
        List{"310f", "312b"});
  // Two keys in a rollover, both of the strongest digest.
  CHECK(kept({rdata(3, 1, 2, octets(64, 'b')), rdata(3, 1, 2, octets(64, 'c')), rdata(3, 1, 1, octets(32, 'a'))}) ==
        List{"312b", "312c"});
  // A malformed strong digest was dropped before, and weakens nothing.
  CHECK(kept({rdata(3, 1, 2, octets(20, 'b')), rdata(3, 1, 1, octets(32, 'a'))}) == List{"311a"});
  CHECK(kept({rdata(1, 1, 2, octets(64, 'b')), rdata(3, 1, 1, octets(32, 'a'))}) == List{"311a"});
}

TEST_CASE("the order of the records and their repetition say nothing", "[DANE-22]") {
  const auto a = rdata(3, 1, 1, octets(32, 'a')), b = rdata(2, 0, 1, octets(32, 'b'));
  const auto one = sort_out(std::vector<std::string>{a, b}).usable;
  CHECK(one == sort_out(std::vector<std::string>{b, a, b, a}).usable);
  CHECK(one.size() == 2);
}

TEST_CASE("names are looked at for usage 2 alone the base domain first", "[DANE-08][DANE-07]") {
  const std::vector<std::string> further{"example.com", "mx.example.net", "example.com"};
  const Record ee{3, 1, 1, octets(32)}, ta{2, 1, 1, octets(32)};
  CHECK(association("mx.example.net", further, {ee}).names.empty());
  CHECK(association("mx.example.net", further, {ee, ta}).names ==
        std::vector<std::string>{"mx.example.net", "example.com"});
  CHECK(association("mx.example.net", {}, {ta}).names == std::vector<std::string>{"mx.example.net"});
  // So two domains share a connection to a host with usage 3, and with usage 2 only where the names agree.
  const std::vector<std::string> other{"example.org"};
  CHECK(association("mx.example.net", further, {ee}) == association("mx.example.net", other, {ee}));
  CHECK_FALSE(association("mx.example.net", further, {ta}) == association("mx.example.net", other, {ta}));
}

TEST_CASE("a TLSA record in words is short") {
  CHECK(words({3, 1, 1, std::string("\x5a\x0b", 2)}) == "3 1 1 5a0b");
  CHECK(words({2, 0, 2, octets(64, '\0')}) == "2 0 2 0000000000000000...");
}
