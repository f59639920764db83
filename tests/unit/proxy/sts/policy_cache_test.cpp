// What the cache keeps, for how long, and what it gives up first.
#include "proxy/sts/policy_cache.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace {

using proxy::PolicyCache;
using std::chrono::seconds;

const PolicyCache::Wall wall{seconds(1'800'000'000)};
const PolicyCache::Steady steady{seconds(1'000)};
constexpr std::uint64_t ample = 64u << 20;

proxy::StsFactsPtr policy_of(const std::string& domain, std::size_t patterns = 1) {
  auto facts = std::make_shared<policy::StsFacts>();
  facts->state = policy::StsFacts::State::policy;
  facts->policy_domain = domain;
  facts->id = "1";
  facts->policy.mode = policy::sts::Mode::enforce;
  for (std::size_t n = 0; n < patterns; ++n) facts->policy.mx.push_back("mx" + std::to_string(n) + "." + domain);
  facts->expires = wall + seconds(1000);
  return facts;
}

proxy::StsFactsPtr nothing_at(const std::string& domain) {
  auto facts = std::make_shared<policy::StsFacts>();
  facts->policy_domain = domain;
  return facts;
}

std::string name(const std::string& kind, int number) {
  return kind + std::to_string(number) + ".test";
}

}  // namespace

TEST_CASE("a cached policy ends at its expiry by the wall clock and not before", "[STS-27]") {
  PolicyCache cache(ample);
  cache.put_policy("a.test", policy_of("a.test"), steady + seconds(10));
  CHECK(cache.find("a.test", wall + seconds(999), steady));
  CHECK_FALSE(cache.find("a.test", wall + seconds(1000), steady));
  CHECK(cache.find("a.test", wall, steady + std::chrono::hours(1000)));  // no steady time ends it
  CHECK_FALSE(cache.find("sub.a.test", wall, steady));
}

TEST_CASE("one caller at a time is told to look at the record again", "[STS-59]") {
  PolicyCache cache(ample);
  cache.put_policy("a.test", policy_of("a.test"), steady + seconds(10));
  CHECK_FALSE(cache.find("a.test", wall, steady + seconds(9)).value().recheck);
  CHECK(cache.find("a.test", wall, steady + seconds(10)).value().recheck);
  CHECK_FALSE(cache.find("a.test", wall, steady + seconds(10)).value().recheck);
  // Whoever was told and never came back does not stop the others for ever.
  CHECK(cache.find("a.test", wall, steady + seconds(100)).value().recheck);
  cache.checked("a.test", steady + seconds(500));
  CHECK_FALSE(cache.find("a.test", wall, steady + seconds(499)).value().recheck);
  CHECK(cache.find("a.test", wall, steady + seconds(500)).value().recheck);
}

TEST_CASE("that there is nothing is forgotten at its time unless it may be given out stale", "[STS-66][N-1]") {
  PolicyCache cache(ample);
  cache.put_negative("a.test", nothing_at("a.test"), steady + seconds(60), false);
  cache.put_negative("b.test", nothing_at("b.test"), steady + seconds(60), true);
  CHECK_FALSE(cache.find("a.test", wall, steady + seconds(59)).value().recheck);
  CHECK_FALSE(cache.find("a.test", wall, steady + seconds(60)));
  CHECK_FALSE(cache.find("b.test", wall, steady + seconds(59)).value().recheck);
  CHECK(cache.find("b.test", wall, steady + seconds(60)).value().recheck);
  CHECK(cache.find("b.test", wall, steady + seconds(61)));
}

TEST_CASE("of policy and nothing the last one put counts", "[STS-24]") {
  PolicyCache cache(ample);
  cache.put_negative("a.test", nothing_at("a.test"), steady + seconds(60), false);
  cache.put_policy("a.test", policy_of("a.test"), steady + seconds(10));
  CHECK(cache.find("a.test", wall, steady).value().facts->state == policy::StsFacts::State::policy);
  cache.put_negative("a.test", nothing_at("a.test"), steady + seconds(60), false);
  CHECK(cache.find("a.test", wall, steady).value().facts->state == policy::StsFacts::State::no_policy);
  cache.erase("a.test");
  CHECK_FALSE(cache.find("a.test", wall, steady));
  cache.erase("a.test");
}

TEST_CASE("a flood of domains without a policy evicts no policy", "[STS-22][STS-51]") {
  PolicyCache cache(ample);
  for (int n = 0; n < 500; ++n) cache.put_policy(name("policy", n), policy_of(name("policy", n)), steady);
  const auto nothing = nothing_at("flood.test");
  for (int n = 0; n < 250'000; ++n) cache.put_negative(name("flood", n), nothing, steady + seconds(60), false);
  int kept = 0;
  for (int n = 0; n < 500; ++n) kept += cache.find(name("policy", n), wall, steady).has_value() ? 1 : 0;
  CHECK(kept == 500);
  int remembered = 0;
  for (int n = 0; n < 250'000; ++n) remembered += cache.find(name("flood", n), wall, steady).has_value() ? 1 : 0;
  CHECK(remembered <= 100'000);
  CHECK(remembered > 50'000);
  CHECK(cache.find(name("flood", 249'999), wall, steady));
}

TEST_CASE("the policies used least recently go first when memory is short", "[STS-22][STS-51]") {
  PolicyCache cache(200'000);
  cache.put_policy("used.test", policy_of("used.test"), steady);
  cache.put_policy("unused.test", policy_of("unused.test"), steady);
  bool there = true;
  for (int n = 0; n < 5000; ++n) {
    cache.put_policy(name("new", n), policy_of(name("new", n)), steady);
    there = there && cache.find("used.test", wall, steady);
  }
  CHECK(there);
  CHECK_FALSE(cache.find("unused.test", wall, steady));
  int kept = 0;
  for (int n = 0; n < 5000; ++n) kept += cache.find(name("new", n), wall, steady).has_value() ? 1 : 0;
  CHECK(kept > 16);
  CHECK(kept < 1000);
}

TEST_CASE("a policy put again and again takes its place once", "[STS-22]") {
  PolicyCache cache(200'000);
  for (int n = 0; n < 16; ++n) cache.put_policy(name("other", n), policy_of(name("other", n)), steady);
  for (int n = 0; n < 5000; ++n) cache.put_policy("again.test", policy_of("again.test"), steady);
  for (int n = 0; n < 16; ++n) CHECK(cache.find(name("other", n), wall, steady));
  // What is larger than all of the memory is still kept while it is the last one used.
  cache.put_policy("large.test", policy_of("large.test", 5000), steady);
  CHECK(cache.find("large.test", wall, steady).value().facts->policy.mx.size() == 5000);
}

TEST_CASE("threads find and replace policies of one cache and see whole ones", "[tsan][STS-22]") {
  PolicyCache cache(100'000);
  std::atomic<int> torn{0};
  std::atomic<int> found{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < 3000; ++n) {
        const auto domain = name("d", (n * 7 + t) % 40);
        if (n % 5 == 0) {
          cache.put_policy(domain, policy_of(domain), steady + seconds(n));
        } else if (n % 17 == 0) {
          cache.put_negative(domain, nothing_at(domain), steady + seconds(n), n % 2 == 0);
        } else if (n % 29 == 0) {
          cache.erase(domain);
        } else if (const auto hit = cache.find(domain, wall, steady + seconds(n))) {
          ++found;
          if (hit->facts->policy_domain != domain) ++torn;
          if (hit->recheck) cache.checked(domain, steady + seconds(n + 5));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(torn == 0);
  CHECK(found > 0);
}

TEST_CASE("a flood of domains with policies of their own leaves the one in use in memory", "[STS-51]") {
  PolicyCache cache(64u << 10);
  cache.put_policy("kept.test", policy_of("kept.test"), steady);
  for (int i = 0; i < 20'000; ++i) {
    cache.put_policy(name("flood", i), policy_of(name("flood", i)), steady);
    REQUIRE(cache.find("kept.test", wall, steady));
  }
  CHECK_FALSE(cache.find(name("flood", 0), wall, steady));
}

TEST_CASE("a renewed policy keeps its place and one that is not in memory makes no room for itself",
          "[STS-26][STS-51]") {
  PolicyCache cache(ample);
  cache.renew_policy("a.test", policy_of("a.test"));
  CHECK_FALSE(cache.find("a.test", wall, steady));
  cache.put_policy("a.test", policy_of("a.test", 1), steady + seconds(10));
  cache.renew_policy("a.test", policy_of("a.test", 3));
  CHECK(cache.find("a.test", wall, steady)->facts->policy.mx.size() == 3);
  CHECK_FALSE(cache.find("a.test", wall, steady)->recheck);
  cache.put_negative("b.test", nothing_at("b.test"), steady + seconds(10), false);
  cache.renew_policy("b.test", policy_of("b.test"));
  CHECK_FALSE(cache.find("b.test", wall, steady));  // the store has it now
}

TEST_CASE("the first use of each day is told to one caller", "[STS-26]") {
  PolicyCache cache(ample);
  auto facts = std::make_shared<policy::StsFacts>(*policy_of("a.test"));
  facts->expires = wall + std::chrono::hours(1000);
  cache.put_policy("a.test", facts, steady);
  CHECK(cache.find("a.test", wall, steady)->first_today);
  CHECK_FALSE(cache.find("a.test", wall, steady)->first_today);
  CHECK(cache.find("a.test", wall + std::chrono::hours(24), steady)->first_today);
}
