// Connection limits and health, alone and under threads.
#include "proxy/outbound/destinations.hpp"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/support/run_awaitable.hpp"

namespace {
using proxy::Destinations;
using What = policy::HostOutcome::What;

/// Whether the key is answered from memory now.
bool is_blocked(Destinations& destinations, const std::string& key) {
  return std::holds_alternative<policy::HostOutcome>(destinations.may_try(key));
}

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

TEST_CASE("who waits for a slot asks for one again and again", "[SMTP-67]") {
  boost::asio::io_context io{1};
  Destinations destinations(1);
  auto first = test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::seconds(30))));
  REQUIRE(first);
  int asked = 0;
  // Whoever holds it has no need of it from a moment later on.
  destinations.on_pressure([&](const std::string&) {
    if (++asked == 2) first.reset();
  });
  CHECK(test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::seconds(30)))));
  CHECK(asked == 2);
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

TEST_CASE("who waits for a slot is served in order and who has given up takes none", "[SMTP-67]") {
  boost::asio::io_context io{1};
  Destinations destinations(1);
  auto held = test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::seconds(60))));
  std::vector<int> order;
  std::vector<Destinations::Slot> slots;
  const auto wait_as = [&](int number, proxy::Deadline deadline) {
    boost::asio::co_spawn(io, destinations.acquire("mx", deadline),
                          [&, number](const std::exception_ptr&, std::optional<Destinations::Slot> slot) {
                            order.push_back(slot ? number : -number);
                            if (slot) slots.push_back(std::move(*slot));
                          });
  };
  wait_as(1, proxy::after(std::chrono::milliseconds(1)));
  wait_as(2, proxy::after(std::chrono::seconds(60)));
  wait_as(3, proxy::after(std::chrono::seconds(60)));
  io.restart();
  while (order.empty() && io.run_one() > 0) {
  }
  CHECK(order == std::vector<int>{-1});
  held.reset();
  io.restart();
  io.poll();
  CHECK(order == std::vector<int>{-1, 2});
  slots.clear();
  io.restart();
  io.poll();
  CHECK(order == std::vector<int>{-1, 2, 3});
  slots.clear();
  CHECK(test::run_awaitable(io, destinations.acquire("mx", proxy::after(std::chrono::milliseconds(1)))));
}

TEST_CASE("a success between two failures makes the second one the first again", "[SMTP-67]") {
  Destinations destinations(1);
  for (int i = 0; i < 3; ++i) {
    auto fails = destinations.may_try("key");
    REQUIRE(std::holds_alternative<Destinations::Ticket>(fails));
    std::get<Destinations::Ticket>(fails).failed(failure(), false);
    auto succeeds = destinations.may_try("key");
    REQUIRE(std::holds_alternative<Destinations::Ticket>(succeeds));
    std::get<Destinations::Ticket>(succeeds).succeeded();
  }
  CHECK_FALSE(is_blocked(destinations, "key"));
}

TEST_CASE("a ticket that came to no result changes nothing", "[SMTP-67]") {
  Destinations destinations(1);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(is_blocked(destinations, "key"));
  {
    auto fails = destinations.may_try("key");
    std::get<Destinations::Ticket>(fails).failed(failure(), false);
  }
  for (int i = 0; i < 5; ++i) CHECK_FALSE(is_blocked(destinations, "key"));
}

TEST_CASE("after a block one probe goes at a time and its success ends the block for all", "[SMTP-67]") {
  Destinations destinations(1);
  auto earlier = destinations.may_try("key");  // under way before the block
  {
    auto fails = destinations.may_try("key");
    std::get<Destinations::Ticket>(fails).failed(failure(), true);
  }
  // The block is 3.75 to 6.25 seconds; waited for here is its end, whenever that is.
  boost::asio::io_context io{1};
  const auto next_ticket = [&]() -> proxy::awaitable<std::optional<Destinations::Ticket>> {
    boost::asio::steady_timer pause(io);
    for (;;) {
      auto may = destinations.may_try("key");
      if (auto* ticket = std::get_if<Destinations::Ticket>(&may)) co_return std::move(*ticket);
      pause.expires_after(std::chrono::milliseconds(20));
      co_await pause.async_wait(boost::asio::use_awaitable);
    }
  };
  CHECK(is_blocked(destinations, "key"));
  {
    const auto probe = test::run_awaitable(io, next_ticket());
    REQUIRE(probe);
    CHECK(is_blocked(destinations, "key"));
    // What began before the block and comes to no result now does not let a second probe go beside this one.
    { const auto ends = std::move(std::get<Destinations::Ticket>(earlier)); }
    CHECK(is_blocked(destinations, "key"));
  }
  // It came to no result: the next one probes.
  auto probe = destinations.may_try("key");
  REQUIRE(std::holds_alternative<Destinations::Ticket>(probe));
  CHECK(is_blocked(destinations, "key"));
  std::get<Destinations::Ticket>(probe).succeeded();
  const auto one = destinations.may_try("key");
  const auto other = destinations.may_try("key");
  CHECK(std::holds_alternative<Destinations::Ticket>(one));
  CHECK(std::holds_alternative<Destinations::Ticket>(other));
}

TEST_CASE("a slot given back on one thread wakes who waits on another one", "[tsan][SMTP-67]") {
  Destinations destinations(1);
  std::atomic<unsigned> pressed{0}, served{0};
  std::atomic<int> held{0}, most{0};
  destinations.on_pressure([&](const std::string&) { ++pressed; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      boost::asio::io_context io{1};
      // Several at once on each thread; each holds its slot over a turn of the loop.
      for (int i = 0; i < 40; ++i) {
        boost::asio::co_spawn(
            io,
            [&]() -> proxy::awaitable<void> {
              const auto slot = co_await destinations.acquire("mx", proxy::after(std::chrono::seconds(60)));
              if (!slot) co_return;
              const int now = ++held;
              int before = most.load();
              while (now > before && !most.compare_exchange_weak(before, now)) {
              }
              co_await boost::asio::post(boost::asio::use_awaitable);
              --held;
              ++served;
            },
            boost::asio::use_future);
      }
      io.run();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(served == 320);
  CHECK(most == 1);
  CHECK(pressed > 0);
}

TEST_CASE("what is forgiven is tried again at once", "[SMTP-67][SMTP-29]") {
  Destinations destinations(1);
  for (int i = 0; i < 40; ++i) {
    auto may = destinations.may_try("host" + std::to_string(i));
    std::get<Destinations::Ticket>(may).failed(failure(), true);
  }
  CHECK(is_blocked(destinations, "host7"));
  destinations.forgive();
  for (int i = 0; i < 40; ++i) CHECK_FALSE(is_blocked(destinations, "host" + std::to_string(i)));
}

TEST_CASE("threads that try and fail and succeed at the same hosts leave them usable", "[tsan][SMTP-67]") {
  Destinations destinations(1);
  std::atomic<unsigned> tried{0}, remembered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string key = (i % 2 == 0 ? "good" : "bad") + std::to_string(i % 10);
        auto may = destinations.may_try(key);
        if (auto* ticket = std::get_if<Destinations::Ticket>(&may)) {
          ++tried;
          if (i % 2 == 1) {
            ticket->failed(failure(), t % 2 == 0);
          } else if (i % 4 == 0) {
            ticket->succeeded();
          }
        } else if (std::get<policy::HostOutcome>(may).remembered == What::unreachable) {
          ++remembered;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(tried + remembered == 4000);
  CHECK(tried >= 2000);
  for (int i = 0; i < 10; i += 2) CHECK_FALSE(is_blocked(destinations, "good" + std::to_string(i)));
  for (int i = 1; i < 10; i += 2) CHECK(is_blocked(destinations, "bad" + std::to_string(i)));
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
