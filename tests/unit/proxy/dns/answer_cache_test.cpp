// The cache of answers under a clock of the test's own.
#include "proxy/dns/answer_cache.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using proxy::AnswerCache;

namespace {

constexpr std::size_t plenty = 1u << 20;

AnswerCache::Pointer answer(dns::Status status, std::uint32_t ttl, std::size_t octets = 1) {
  dns::Answer made;
  made.status = status;
  made.ttl = ttl;
  made.txt.push_back(std::string(octets, 'x'));
  return std::make_shared<const dns::Answer>(std::move(made));
}

}  // namespace

TEST_CASE("an answer is kept for its TTL and no longer than an hour", "[STS-66]") {
  struct Row {
    dns::Status status;
    std::uint32_t ttl;
    std::chrono::seconds kept;  // 0: not at all
  };
  const Row rows[] = {
      {dns::Status::ok, 60, 60s},
      {dns::Status::ok, 1, 1s},
      {dns::Status::ok, 0, 0s},
      {dns::Status::ok, 86400, 3600s},
      {dns::Status::ok, 0x7fffffff, 3600s},
      {dns::Status::no_data, 30, 30s},
      {dns::Status::no_data, 7200, 3600s},
      {dns::Status::nxdomain, 30, 30s},
      {dns::Status::nxdomain, 0, 0s},
      {dns::Status::nxdomain, 7200, 3600s},
      {dns::Status::servfail, 60, 0s},
      {dns::Status::timeout, 60, 0s},
      {dns::Status::refused, 60, 0s},
      {dns::Status::unreachable, 60, 0s},
      {dns::Status::garbage, 60, 0s},
      {dns::Status::alias_loop, 60, 0s},
  };
  const AnswerCache::Time now{};
  for (const auto& row : rows) {
    INFO(dns::words(row.status) << ' ' << row.ttl);
    AnswerCache cache(10, plenty);
    const auto stored = answer(row.status, row.ttl);
    cache.store("a.test", dns::Type::a, stored, now);
    CHECK(cache.find("a.test", dns::Type::a, now) == (row.kept > 0s ? stored : nullptr));
    if (row.kept > 0s) CHECK(cache.find("a.test", dns::Type::a, now + row.kept - 1ms) == stored);
    CHECK(cache.find("a.test", dns::Type::a, now + row.kept) == nullptr);
    CHECK(cache.size() == 0);
  }
}

TEST_CASE("answers are kept apart by name and type") {
  AnswerCache cache(10, plenty);
  const AnswerCache::Time now{};
  const auto address = answer(dns::Status::ok, 60), text = answer(dns::Status::ok, 60);
  cache.store("a.test", dns::Type::a, address, now);
  cache.store("a.test", dns::Type::txt, text, now);
  CHECK(cache.find("a.test", dns::Type::a, now) == address);
  CHECK(cache.find("a.test", dns::Type::txt, now) == text);
  CHECK(cache.find("b.test", dns::Type::a, now) == nullptr);
  CHECK(cache.find("a.test", dns::Type::mx, now) == nullptr);
}

TEST_CASE("a newer answer replaces the older one even when it may not be kept itself") {
  AnswerCache cache(10, plenty);
  const AnswerCache::Time now{};
  const auto newer = answer(dns::Status::nxdomain, 30);
  cache.store("a.test", dns::Type::a, answer(dns::Status::ok, 60), now);
  cache.store("a.test", dns::Type::a, newer, now);
  CHECK(cache.find("a.test", dns::Type::a, now) == newer);
  CHECK(cache.size() == 1);

  cache.store("a.test", dns::Type::a, answer(dns::Status::servfail, 0), now);
  CHECK(cache.find("a.test", dns::Type::a, now) == newer);

  cache.store("a.test", dns::Type::a, answer(dns::Status::ok, 0), now);
  CHECK(cache.find("a.test", dns::Type::a, now) == nullptr);
}

TEST_CASE("the cache is bounded in number and the least recently used answer goes first") {
  AnswerCache cache(3, plenty);
  const AnswerCache::Time now{};
  for (const char* name : {"a.test", "b.test", "c.test"})
    cache.store(name, dns::Type::a, answer(dns::Status::ok, 60), now);
  CHECK(cache.find("a.test", dns::Type::a, now) != nullptr);
  cache.store("d.test", dns::Type::a, answer(dns::Status::ok, 60), now);
  CHECK(cache.size() == 3);
  CHECK(cache.find("b.test", dns::Type::a, now) == nullptr);
  for (const char* name : {"a.test", "c.test", "d.test"}) CHECK(cache.find(name, dns::Type::a, now) != nullptr);
}

TEST_CASE("the cache is bounded in octets") {
  AnswerCache cache(1000, 20000);
  const AnswerCache::Time now{};
  for (int i = 0; i < 100; ++i)
    cache.store("n" + std::to_string(i) + ".test", dns::Type::txt, answer(dns::Status::ok, 60, 4000), now);
  CHECK(cache.size() == 4);
  cache.store("huge.test", dns::Type::txt, answer(dns::Status::ok, 60, 30000), now);
  CHECK(cache.find("huge.test", dns::Type::txt, now) == nullptr);
  CHECK(cache.find("n99.test", dns::Type::txt, now) != nullptr);
}
