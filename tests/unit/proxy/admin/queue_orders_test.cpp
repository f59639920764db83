// Orders for messages of the queue: what is done and durable, what is refused and why, beside attempts and full disks.
#include "proxy/admin/queue_orders.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "proxy/store/sqlite_queue_store.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/proxy/queue/queued_message.hpp"

namespace {

namespace json = boost::json;
using proxy::Queue;
using test::noon;
using test::queued;

/// Passes everything on, until the disk is full.
struct Store : proxy::QueueStore {
  proxy::SqliteQueueStore below;
  bool writes = true;
  explicit Store(const std::string& directory) : below(directory) {}
  std::int64_t next_number() override { return below.next_number(); }
  proxy::awaitable<proxy::Applied> apply(proxy::QueueChange change) override {
    if (!writes) co_return proxy::Applied{};
    auto applied = co_await below.apply(std::move(change));
    co_return applied;
  }
  std::optional<proxy::QueuedMessage> load(std::int64_t number, std::string_view domain) override {
    return below.load(number, domain);
  }
  std::shared_ptr<const proxy::Octets> octets(const proxy::QueuedMessage& message) override {
    return below.octets(message);
  }
  std::optional<std::int64_t> number_of(std::string_view id) override { return below.number_of(id); }
  void walk(const std::function<bool(proxy::QueuedMessage)>& each) override { below.walk(each); }
};

struct World {
  test::TemporaryDirectory directory{"orders"};
  boost::asio::io_context io{1};
  std::shared_ptr<const proxy::Config> config = std::make_shared<proxy::Config>();
  Store store{directory.path};
  proxy::QueueTime now = noon;
  unsigned forgiven = 0;
  Queue queue{{.control = io.get_executor(),
               .store = store,
               .config = [this] { return config; },
               .on_worker = [this](auto work) { attempts.push_back(std::move(work)); },
               .now = [this] { return now; },
               .directory = directory.path}};
  proxy::QueueOrders orders{{.queue = queue, .forgive = [this] { ++forgiven; }}};
  /// Under way, and without an end.
  std::vector<std::function<proxy::awaitable<void>(proxy::Environment&)>> attempts;

  World() {
    while (store.next_number() < 10) {  // those that tests give to their messages
    }
  }
  void add(std::int64_t number, const std::vector<std::string>& to, bool accepted = true) {
    proxy::QueueChange change;
    change.add.push_back({queued(number, to), nullptr});
    change.add.back().message.accepted = accepted;
    CHECK(test::run_awaitable(io, queue.take(std::move(change))));
    io.restart();
    io.poll();
  }
  json::object order(const std::string& command, const std::vector<std::string>& ids) {
    json::object request{{"command", "queue_" + command}};
    request["ids"] = json::array(ids.begin(), ids.end());
    return test::run_awaitable(io, orders.run(std::move(request)));
  }
  int exit(const std::string& command, const std::vector<std::string>& ids) {
    return order(command, ids)["exit"].to_number<int>();
  }
  /// Begins what is due at that time.
  void step(proxy::QueueTime at) {
    now = at;
    queue.step();
    io.restart();
    io.poll();
  }
  proxy::QueuedMessage stored(std::int64_t number) { return store.load(number, "").value(); }
};

std::string why(const json::object& answer) {
  return std::string(answer.at("failed").as_array().at(0).as_object().at("why").as_string());
}

}  // namespace

TEST_CASE("a held message is tried by nobody until it is released", "[SMTP-29]") {
  World world;
  world.add(1, {"b@x.test"});
  CHECK(world.exit("hold", {"id1"}) == 0);
  CHECK(world.exit("hold", {"id1"}) == 0);
  CHECK(world.stored(1).held);
  world.step(noon + std::chrono::hours(1));
  CHECK(world.attempts.empty());
  const auto answer = world.order("retry", {"id1"});
  CHECK(answer.at("exit").to_number<int>() == 1);
  CHECK(why(answer).find("held") != std::string::npos);
  world.step(noon + std::chrono::hours(2));
  CHECK(world.attempts.empty());
  CHECK(world.exit("release", {"id1"}) == 0);
  CHECK_FALSE(world.stored(1).held);
  world.step(noon + std::chrono::hours(2));
  CHECK(world.attempts.size() == 1);
}

TEST_CASE("retry makes a message due and forgets what hosts have failed at", "[SMTP-29]") {
  World world;
  world.add(1, {"b@x.test", "c@y.test"});
  world.step(noon);
  CHECK(world.attempts.empty());
  CHECK(world.exit("retry", {"id1"}) == 0);
  CHECK(world.forgiven == 1);
  for (const auto& recipient : world.stored(1).recipients) {
    CHECK(recipient.next_attempt == noon);
    CHECK(recipient.attempts == 1);
  }
  world.step(noon);
  CHECK(world.attempts.size() == 2);
  CHECK(world.exit("retry", {"id1"}) == 0);
  world.step(noon);
  CHECK(world.attempts.size() == 2);
}

TEST_CASE("a removed message is gone and one that is being tried is not removed", "[SMTP-29][SMTP-31]") {
  World world;
  const test::CapturedLog log;
  world.add(1, {"b@x.test"});
  world.add(2, {"b@y.test"});
  auto answer = world.order("remove", {"id1", "id1", "nothing"});
  CHECK(answer["exit"].to_number<int>() == 1);
  CHECK(answer["done"].as_array() == json::array{"id1"});
  REQUIRE(answer["failed"].as_array().size() == 1);
  CHECK(why(answer) == "it is not in the queue");
  CHECK_FALSE(world.store.load(1, ""));
  CHECK(world.queue.counts().messages == 1);
  CHECK(log.count("removed") == 1);
  world.step(noon + std::chrono::minutes(6));
  REQUIRE(world.attempts.size() == 1);
  answer = world.order("remove", {"id2"});
  CHECK(answer["exit"].to_number<int>() == 1);
  CHECK(why(answer).find("being tried right now") != std::string::npos);
  CHECK(world.stored(2).recipients.size() == 1);
  answer = world.order("hold", {"id2"});
  CHECK(answer["exit"].to_number<int>() == 0);
  CHECK(answer["in_work"].as_array() == json::array{"id2"});
  CHECK(std::string(answer["words"].as_string()).find("may still deliver") != std::string::npos);
}

TEST_CASE("what cannot be written is not done and said so", "[SMTP-29]") {
  World world;
  world.add(1, {"b@x.test"});
  world.store.writes = false;
  for (const auto* command : {"hold", "remove"}) {
    const auto answer = world.order(command, {"id1"});
    CHECK(answer.at("exit").to_number<int>() == 1);
    CHECK(why(answer) == "the database cannot be written");
  }
  CHECK_FALSE(world.stored(1).held);
  CHECK(world.queue.counts().messages == 1);
  // What was not removed goes out as if nothing had been said.
  world.step(noon + std::chrono::minutes(6));
  CHECK(world.attempts.size() == 1);
}

TEST_CASE("a message that no client was promised yet is none", "[SMTP-31]") {
  World world;
  world.add(1, {"b@x.test"}, false);
  for (const auto* command : {"retry", "hold", "release", "remove"}) CHECK(world.exit(command, {"id1"}) == 1);
  CHECK(world.store.load(1, ""));
}

TEST_CASE("a message whose time ended while it was held has one last attempt at its release", "[SMTP-29]") {
  World world;
  world.add(1, {"b@x.test"});
  CHECK(world.exit("hold", {"id1"}) == 0);
  world.step(noon + std::chrono::hours(121));
  CHECK(world.attempts.empty());
  CHECK(world.exit("release", {"id1"}) == 0);
  world.step(noon + std::chrono::hours(121));
  CHECK(world.attempts.size() == 1);
}

TEST_CASE("a hold and its release warn of no delay twice", "[SMTP-29]") {
  World world;
  const test::CapturedLog log;
  proxy::QueueChange change;
  change.add.push_back({queued(1, {"b@x.test"}), nullptr});
  change.add.back().message.warn_at = noon + std::chrono::hours(4);
  CHECK(test::run_awaitable(world.io, world.queue.take(std::move(change))));
  world.io.restart();
  world.io.poll();
  for (int i = 0; i < 3; ++i) {
    CHECK(world.exit("hold", {"id1"}) == 0);
    CHECK(world.exit("release", {"id1"}) == 0);
  }
  world.step(noon + std::chrono::hours(5));
  // The next order is written behind the warnings.
  CHECK(world.exit("hold", {"id1"}) == 0);
  CHECK(log.count("report") == 1);
}

TEST_CASE("orders that make no sense are refused", "[SMTP-29]") {
  World world;
  for (auto request : {json::object{}, json::object{{"command", "queue_dance"}, {"ids", json::array{}}},
                       json::object{{"command", "queue_hold"}}, json::object{{"command", "queue_hold"}, {"ids", "id1"}},
                       json::object{{"command", "queue_hold"}, {"ids", json::array{1}}}}) {
    const auto answer = test::run_awaitable(world.io, world.orders.run(std::move(request)));
    CHECK(answer.at("exit").to_number<int>() == 3);
  }
  CHECK(world.exit("hold", {}) == 1);
  CHECK(world.exit("hold", {std::string("a\0b'\"", 5)}) == 1);
  CHECK(proxy::order_of("queue_hold") == Queue::Order::hold);
  CHECK_FALSE(proxy::order_of("hold"));
}

TEST_CASE("words say how many and whether it happens now", "[SMTP-29]") {
  CHECK(proxy::summary(Queue::Order::remove, 1, 0, 0, true) == "1 message removed");
  CHECK(proxy::summary(Queue::Order::hold, 2, 1, 3, true) ==
        "2 messages held, 1 of them while an attempt is under way, which may still deliver it; 3 failed");
  CHECK(proxy::summary(Queue::Order::retry, 2, 0, 0, true) == "2 messages tried again from now on");
  CHECK(proxy::summary(Queue::Order::retry, 2, 0, 0, false) == "2 messages due as soon as a relay starts");
}
