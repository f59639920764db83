// The queue as the relay uses it: taken from several threads, delivered on others, asked and ordered meanwhile. Its
// worth is with a sanitizer for threads; without one it shows that nothing is lost between them.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "proxy/queue/queue.hpp"
#include "proxy/runtime/spawn.hpp"
#include "proxy/store/sqlite_queue_store.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/proxy/queue/queued_message.hpp"

namespace {

using proxy::Queue;
namespace asio = boost::asio;

/// An io_context with its thread.
struct Runner {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
  std::thread thread{[this] { io.run(); }};
  void end() {
    guard.reset();
    if (thread.joinable()) thread.join();
  }
  ~Runner() { end(); }
};

/// Takes a message, half of them with a part that the caller sends itself.
asio::awaitable<bool> take_one(Queue& queue, std::size_t thread, std::size_t number) {
  const bool in_hand = number % 2 == 0;
  auto message = test::queued(queue.next_number(), {"b@d" + std::to_string(number % 5) + ".test", "c@own.test"});
  message.client = "192.0.2." + std::to_string(thread);
  message.expires = std::chrono::system_clock::now() + std::chrono::hours(1);
  for (auto& one : message.recipients) one.next_attempt = {};
  auto octets = std::make_shared<proxy::OctetsInMemory>("Subject: x\r\n\r\n");
  message.size = octets->size();
  std::vector<policy::queue::Unit> units;
  if (in_hand) units.push_back({message.number, "own.test"});
  proxy::QueueChange change;
  change.add.push_back({message, octets});
  static_cast<void>(queue.refusal(message.client, message.size));
  const bool taken = co_await queue.take(std::move(change), units);
  if (taken && in_hand) {
    auto part = message;
    part.recipients.erase(part.recipients.begin());
    queue.settle(std::move(part), octets, {{{{250, "2.0.0", "ok"}, "mx.own.test"}}});
  }
  queue.delivered("d" + std::to_string(number % 5) + ".test");
  static_cast<void>(queue.counts());
  co_return taken&& queue.can_store();
}

asio::awaitable<void> retry_all(Queue& queue) {
  for (int i = 1; i < 40; ++i) {
    std::vector<std::string> ids(1, "id" + std::to_string(i));
    static_cast<void>(co_await queue.obey(Queue::Order::retry, std::move(ids)));
  }
}

}  // namespace

TEST_CASE("messages taken on several threads are delivered on others and none is lost or doubled",
          "[tsan][SMTP-31][SMTP-40]") {
  const test::TemporaryDirectory directory("queue-threads");
  const test::CapturedLog log;
  constexpr std::size_t threads = 4, each = 60;
  proxy::SqliteQueueStore store(directory.path);
  const auto config = std::make_shared<const proxy::Config>();
  std::mutex mutex;
  std::map<std::string, int> delivered;  // by message and domain
  Runner worker, control;
  std::atomic<unsigned> attempts{0};
  Queue::Parts parts{.control = control.io.get_executor(),
                     .store = store,
                     .config = [&] { return config; },
                     .on_worker = {},
                     .directory = directory.path};
  parts.deliver = [&](std::shared_ptr<const proxy::QueuedMessage> message, std::shared_ptr<const proxy::Octets>,
                      std::string domain, proxy::Completion<proxy::GroupVerdict> done) {
    asio::post(worker.io, [&, message, domain, done] {
      proxy::GroupVerdict verdict;
      // The first of each ten hosts is not there.
      verdict.no_host = ++attempts % 10 == 0;
      for (std::size_t i = 0; i < message->recipients.size(); ++i) {
        verdict.recipients.push_back(verdict.no_host ? proxy::Verdict{{451, "4.4.1", "no host"}}
                                                     : proxy::Verdict{{250, "2.0.0", "ok"}, "mx." + domain});
      }
      if (!verdict.no_host) {
        const std::lock_guard lock(mutex);
        ++delivered[message->id + ' ' + domain];
      }
      done(std::move(verdict));
    });
  };
  Queue queue(std::move(parts));
  asio::post(control.io, [&] { queue.start(); });

  std::vector<std::unique_ptr<Runner>> clients;
  for (std::size_t t = 0; t < threads; ++t) clients.push_back(std::make_unique<Runner>());
  std::vector<std::future<bool>> taken;
  for (std::size_t i = 0; i < each; ++i) {
    for (std::size_t t = 0; t < threads; ++t)
      taken.push_back(asio::co_spawn(clients[t]->io, take_one(queue, t, i), asio::use_future));
  }
  auto ordered = asio::co_spawn(control.io, retry_all(queue), asio::use_future);
  for (auto& one : taken) CHECK(one.get());
  ordered.get();

  // What met no host is due again in minutes: an administrator's order is sooner.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (queue.counts().messages > 0 && std::chrono::steady_clock::now() < deadline) {
    std::vector<std::string> ids;
    store.walk([&](const proxy::QueuedMessage& message) {
      ids.push_back(message.id);
      return true;
    });
    asio::co_spawn(control.io, queue.obey(Queue::Order::retry, std::move(ids)), asio::use_future).get();
  }
  std::promise<void> stopped;
  asio::post(control.io, [&] {
    queue.stop();
    stopped.set_value();
  });
  stopped.get_future().get();
  for (auto& client : clients) client->end();
  worker.end();
  control.end();

  CHECK(queue.counts().messages == 0);
  CHECK(queue.counts().octets == 0);
  // One for each at its domain, and one for each of those that were not in their client's hand.
  CHECK(delivered.size() == threads * each * 3 / 2);
  for (const auto& [unit, times] : delivered) {
    CAPTURE(unit);
    CHECK(times == 1);
  }
  CHECK(log.count("internal_error") == 0);
}
