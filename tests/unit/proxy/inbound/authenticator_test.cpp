// Passwords off the session's thread, and what failures cost a client.
#include "proxy/inbound/authenticator.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/support/run_awaitable.hpp"

namespace {

using namespace std::chrono_literals;
using proxy::Authenticator;
using proxy::FailureLimit;
using Verdict = Authenticator::Verdict;

std::shared_ptr<const proxy::Users> users() {
  // sha512crypt of "secret" with the fewest rounds, so that a test takes no time.
  const auto loaded = proxy::parse_users(
      "[users]\nu = \"$6$rounds=1000$saltsalt$"
      "LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/\"\n",
      "users.toml");
  return std::make_shared<const proxy::Users>(loaded.users);
}

smtp::Credentials claim(const std::string& user, const std::string& password) {
  return {smtp::Mechanism::plain, "", user, password};
}

}  // namespace

TEST_CASE("failures cost a client more and more time and then an end of checks", "[SMTP-32]") {
  FailureLimit limit;
  FailureLimit::Time now{};
  std::vector<std::chrono::milliseconds> waits;
  for (unsigned i = 0; i < FailureLimit::failures_at_most; ++i) {
    CHECK_FALSE(limit.is_blocked("192.0.2.7", now));
    waits.push_back(limit.failed("192.0.2.7", now));
  }
  CHECK(waits.front() == 500ms);
  CHECK(waits.back() == 8s);
  CHECK(std::is_sorted(waits.begin(), waits.end()));
  CHECK(limit.is_blocked("192.0.2.7", now));
  CHECK_FALSE(limit.is_blocked("192.0.2.8", now));
  now += FailureLimit::window;
  CHECK_FALSE(limit.is_blocked("192.0.2.7", now));
  CHECK(limit.failed("192.0.2.7", now) == 500ms);
}

TEST_CASE("the right password forgives and a network of IPv6 is one client", "[SMTP-32]") {
  FailureLimit limit;
  const FailureLimit::Time now{};
  for (unsigned i = 0; i < FailureLimit::failures_at_most; ++i)
    limit.failed("2001:db8:1:2::" + std::to_string(i + 1), now);
  CHECK(limit.is_blocked("2001:db8:1:2:ffff::1", now));
  CHECK_FALSE(limit.is_blocked("2001:db8:1:3::1", now));
  limit.succeeded("2001:db8:1:2::9");
  CHECK_FALSE(limit.is_blocked("2001:db8:1:2::1", now));
  CHECK(limit.clients() == 0);
}

TEST_CASE("what is remembered of failures has a bound", "[SMTP-32]") {
  FailureLimit limit;
  const FailureLimit::Time now{};
  for (std::size_t i = 0; i < FailureLimit::clients_at_most + 10; ++i) limit.failed("c" + std::to_string(i), now);
  CHECK(limit.clients() <= FailureLimit::clients_at_most);
  limit.failed("last", now + FailureLimit::window);
  CHECK(limit.clients() <= FailureLimit::clients_at_most);
}

TEST_CASE("sessions of several threads have their passwords checked", "[tsan][SMTP-32]") {
  // As in the relay, the contexts of those who ask outlive it.
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts;
  for (int t = 0; t < 4; ++t) contexts.push_back(std::make_unique<boost::asio::io_context>(1));
  Authenticator authenticator;
  const auto known = users();
  std::atomic<int> accepted{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto& io = *contexts[static_cast<std::size_t>(t)];
      for (int i = 0; i < 3; ++i) {
        const auto verdict =
            test::run_awaitable(io, authenticator.check(known, "192.0.2." + std::to_string(t), claim("u", "secret")));
        accepted += verdict == Verdict::accepted;
      }
      const auto verdict =
          test::run_awaitable(io, authenticator.check(known, "192.0.2." + std::to_string(t), claim("u", "guess")));
      wrong += verdict == Verdict::wrong;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(accepted == 12);
  CHECK(wrong == 4);
}

TEST_CASE("a client that has failed too often is not checked any more", "[SMTP-32]") {
  boost::asio::io_context io(1);
  Authenticator authenticator;
  authenticator.stop();  // no answer waits
  const auto known = users();
  for (unsigned i = 0; i < FailureLimit::failures_at_most; ++i)
    CHECK(test::run_awaitable(io, authenticator.check(known, "192.0.2.7", claim("u", "guess"))) == Verdict::wrong);
  CHECK(test::run_awaitable(io, authenticator.check(known, "192.0.2.7", claim("u", "secret"))) == Verdict::too_many);
  CHECK(test::run_awaitable(io, authenticator.check(known, "192.0.2.8", claim("u", "secret"))) == Verdict::accepted);
}
