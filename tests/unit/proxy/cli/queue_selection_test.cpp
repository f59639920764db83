// Which messages a filter means, and that all of them are found, beside whoever writes.
#include "proxy/cli/queue_selection.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "proxy/store/sqlite_queue_store.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/proxy/queue/queued_message.hpp"

namespace {

using proxy::QueueFilter;
using test::queued;

void fill(const std::string& directory, std::int64_t count) {
  boost::asio::io_context io{1};
  proxy::SqliteQueueStore store(directory);
  proxy::QueueChange change;
  for (std::int64_t i = 1; i <= count; ++i) {
    change.add.push_back({queued(i, {(i % 2 == 0 ? "even@x.test" : "odd@y.test")}), nullptr});
    change.add.back().message.accepted = i != 3;
  }
  REQUIRE(test::run_awaitable(io, store.apply(std::move(change))).durable);
}

std::vector<std::int64_t> found(const std::string& directory, const QueueFilter& filter) {
  std::vector<std::int64_t> numbers;
  proxy::each_queued(directory, filter, [&](const proxy::QueuedMessage& message) {
    CHECK(message.recipients.size() == 1);
    numbers.push_back(message.number);
    return true;
  });
  return numbers;
}

}  // namespace

TEST_CASE("a filter compares addresses without case or brackets and domains as names", "[SMTP-29]") {
  const auto message = queued(1, {"b@X.test", "c@y.test"});
  CHECK(matches(QueueFilter{}, message));
  CHECK(matches(QueueFilter{.sender = "A@sender.TEST"}, message));
  CHECK(matches(QueueFilter{.sender = "<a@sender.test>"}, message));
  CHECK(matches(QueueFilter{.sender = "@Sender.test."}, message));
  CHECK_FALSE(matches(QueueFilter{.sender = "sender.test"}, message));
  CHECK_FALSE(matches(QueueFilter{.sender = "<>"}, message));
  CHECK(matches(QueueFilter{.sender = "<>"}, queued(1, {"b@x.test"}, "")));
  CHECK_FALSE(matches(QueueFilter{.sender = "@"}, queued(1, {"b@x.test"}, "")));
  CHECK(matches(QueueFilter{.recipient = "<C@y.test>"}, message));
  CHECK_FALSE(matches(QueueFilter{.recipient = "y.test"}, message));
  CHECK(matches(QueueFilter{.domain = "x.TEST."}, message));
  CHECK_FALSE(matches(QueueFilter{.domain = "test"}, message));
}

TEST_CASE("all parts of a filter must hold and those of a recipient for the same one", "[SMTP-29]") {
  const auto message = queued(1, {"b@x.test", "c@y.test"});
  CHECK(matches(QueueFilter{.sender = "a@sender.test", .domain = "x.test"}, message));
  CHECK_FALSE(matches(QueueFilter{.sender = "z@sender.test", .domain = "x.test"}, message));
  CHECK(matches(QueueFilter{.recipient = "b@x.test", .domain = "x.test"}, message));
  CHECK_FALSE(matches(QueueFilter{.recipient = "b@x.test", .domain = "y.test"}, message));
}

TEST_CASE("a queue of several pages is listed whole and by age without what was never promised", "[SMTP-29]") {
  const test::TemporaryDirectory directory("selection");
  fill(directory.path, 1201);
  const auto all = found(directory.path, {});
  CHECK(all.size() == 1200);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(all.back() == 1201);
  CHECK(std::find(all.begin(), all.end(), 3) == all.end());
  CHECK(found(directory.path, {.domain = "x.test"}).size() == 600);
}

TEST_CASE("no queue is an empty one and is not made by looking", "[SMTP-29]") {
  const test::TemporaryDirectory directory("selection");
  CHECK(found(directory.path, {}).empty());
  CHECK(found(directory.path + "/nowhere", {}).empty());
  CHECK(std::filesystem::is_empty(directory.path));
}

TEST_CASE("a listing may be left early", "[SMTP-29]") {
  const test::TemporaryDirectory directory("selection");
  fill(directory.path, 600);
  std::size_t seen = 0;
  proxy::each_queued(directory.path, {}, [&](const proxy::QueuedMessage&) { return ++seen < 10; });
  CHECK(seen == 10);
}
