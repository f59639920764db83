// Connection limits and health, alone and under threads.
#include "proxy/outbound/destinations.hpp"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/support/run_awaitable.hpp"

namespace {
using proxy::Destinations;
using What = policy::HostOutcome::What;

policy::HostOutcome failure() {
  policy::HostOutcome outcome;
  outcome.host = "mx1.example.com";
  outcome.what = What::unreachable;
  outcome.words = "connection refused";
  return outcome;
}
}  // namespace

TEST_CASE("no more connections to a host than allowed and a slot given back serves who waits", "[SMTP-67]") {
  boost::asio::io_context io{1};
  Destinations destinations(1);
  auto first = test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::seconds(30))));
  REQUIRE(first);
  CHECK_FALSE(test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::milliseconds(1)))));
  CHECK(test::run_awaitable(io, destinations.acquire("other", proxy::after(std::chrono::milliseconds(1)))));
  bool pressed = false, served = false;
  destinations.on_pressure([&](const std::string& host) { pressed = host == "mx"; });
  boost::asio::co_spawn(
      io, destinations.acquire("mx", proxy::after(std::chrono::seconds(30))),
      [&](const std::exception_ptr&, std::optional<Destinations::Slot> slot) { served = slot.has_value(); });
  io.restart();
  io.poll();
  CHECK(pressed);
  CHECK_FALSE(served);
  first.reset();
  io.restart();
  io.poll();
  CHECK(served);
}

TEST_CASE("a host that failed is answered from memory and one probe goes first after the block", "[SMTP-67]") {
  Destinations destinations(1);
  const auto blocked = [&] {
    auto may = destinations.may_try("key");
    const auto* remembered = std::get_if<policy::HostOutcome>(&may);
    return remembered != nullptr && remembered->what == What::blocked && remembered->remembered == What::unreachable &&
           remembered->words == "connection refused";
  };
  {
    auto may = destinations.may_try("key");
    std::get<Destinations::Ticket>(may).failed(failure(), false);
  }
  CHECK_FALSE(blocked());  // once may be chance
  {
    auto may = destinations.may_try("key");
    std::get<Destinations::Ticket>(may).failed(failure(), false);
  }
  CHECK(blocked());
  {
    auto may = destinations.may_try("other");
    std::get<Destinations::Ticket>(may).failed(failure(), true);
  }
  CHECK(std::holds_alternative<policy::HostOutcome>(destinations.may_try("other")));
}

TEST_CASE("threads never hold more slots than allowed", "[tsan][SMTP-67]") {
  Destinations destinations(3);
  std::atomic<int> held{0}, most{0}, taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      boost::asio::io_context io{1};
      for (int i = 0; i < 100; ++i) {
        auto slot = test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::seconds(60))));
        if (!slot) continue;
        const int now = ++held;
        int before = most.load();
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
        ++taken;
        auto may = destinations.may_try("key" + std::to_string(i % 5));
        if (auto* ticket = std::get_if<Destinations::Ticket>(&may)) ticket->succeeded();
        --held;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(taken == 800);
  CHECK(most <= 3);
}
