// The queue and its scheduler through thousands of events in any order, against a model that knows only what must hold.
// Clock, store, hosts and clients are the test's; each answer and each write comes when the test says so.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "proxy/queue/queue.hpp"
#include "proxy/runtime/log.hpp"
#include "proxy/runtime/spawn.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/unit/proxy/queue/queue_model.hpp"

namespace {

using namespace std::chrono_literals;
using proxy::awaitable;
using proxy::Queue;
using proxy::QueueTime;
namespace asio = boost::asio;

constexpr int domain_count = 6;
std::string domain_name(int number) {
  return "d" + std::to_string(number) + ".test";
}

smtp::Path path(const std::string& address) {
  std::string_view rest;
  return *smtp::parse_path('<' + address + '>', true, rest);
}

struct World {
  struct Delivery {
    std::shared_ptr<const proxy::QueuedMessage> message;
    std::string domain;
    proxy::Completion<proxy::GroupVerdict> done;
  };
  enum class Mood { up, grey, down };

  explicit World(unsigned seed) : random(seed) {
    config->queue.retry = {1min, 2min, 4min};
    config->queue.lifetime = 3h;
    open();
  }
  ~World() { close(0); }

  int any(int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); }
  bool chance(int percent) { return any(100) < percent; }

  void open() {
    Queue::Parts parts{.control = io.get_executor(),
                       .store = store,
                       .config = [this] { return config; },
                       .on_worker = {},
                       .now = [this] { return now; },
                       .directory = "/tmp"};
    parts.seed = static_cast<unsigned>(random());
    parts.deliver = [this](std::shared_ptr<const proxy::QueuedMessage> message, std::shared_ptr<const proxy::Octets>,
                           std::string domain, proxy::Completion<proxy::GroupVerdict> done) {
      model.attempt(*message, domain, now);
      deliveries.push_back({std::move(message), std::move(domain), std::move(done)});
    };
    parts.pause = [this](std::chrono::milliseconds) -> awaitable<void> { return paused(*this); };
    queue = std::make_unique<Queue>(std::move(parts));
    queue->start();
  }
  /// As a kill does: of what waits to be written the first `written` changes are, and nobody hears of it.
  void close(int written) {
    queue->stop();
    while (store.waiting() > 0) store.write(written-- > 0, false);
    deliveries.clear();
    sent.clear();
    for (int i = 0; i < 100; ++i) {
      poll();
      end_pauses();
      while (store.waiting() > 0) store.write(false);
    }
    failing.clear();
    healing.clear();
    queue.reset();
  }
  void poll() {
    io.restart();
    io.poll();
  }
  void end_pauses() {
    auto ended = std::exchange(pauses, {});
    for (auto& end : ended) end(true);
  }

  static awaitable<void> paused(World& world) {
    auto initiate = [&world](auto handler) {
      world.pauses.push_back(proxy::resume_on_its_executor<bool>(std::move(handler)));
    };
    const bool ended = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(std::move(initiate),
                                                                                                 asio::use_awaitable);
    static_cast<void>(ended);
  }

  // ---- clients
  proxy::QueuedMessage letter() {
    proxy::QueuedMessage made;
    made.number = queue->next_number();
    made.id = "m" + std::to_string(made.number);
    const int sender = any(5);
    made.mail.reverse_path = path(sender == 0 ? "" : "s" + std::to_string(sender) + "@" + domain_name(any(2)));
    made.client = "192.0.2." + std::to_string(any(3));
    made.size = 24;
    made.received = now;
    made.expires = now + 20min + 1s * any(9000);
    if (chance(60)) made.warn_at = now + 1s * any(3000);
    const int count = 1 + any(5);
    for (int i = 0; i < count; ++i) {
      proxy::QueuedRecipient one;
      one.number = static_cast<std::uint32_t>(i);
      const auto address = "r" + std::to_string(made.number) + "." + std::to_string(i);
      one.rcpt.forward_path = path(address + "@" + domain_name(any(domain_count)));
      if (chance(60)) {
        one.rcpt.notify.given = true;
        one.rcpt.notify.never = chance(25);
        if (!one.rcpt.notify.never) {
          one.rcpt.notify.success = chance(50);
          one.rcpt.notify.failure = chance(50);
          one.rcpt.notify.delay = chance(50);
        }
      }
      one.next_attempt = now + 1s * any(120);
      made.recipients.push_back(one);
    }
    return made;
  }

  static awaitable<void> hand_over(World& world, proxy::QueuedMessage made, bool in_two_steps, bool in_hand) {
    auto octets = std::make_shared<proxy::OctetsInMemory>("Subject: x\r\n\r\nhello\r\n..");
    made.size = octets->size();
    std::vector<policy::queue::Unit> units;
    if (in_hand) units.push_back({made.number, made.recipients.front().rcpt.forward_path.domain});
    for (const auto& unit : units) world.model.in_hand.emplace(unit.message, unit.domain);
    made.accepted = !in_two_steps;
    proxy::QueueChange change;
    change.add.push_back({made, octets});
    bool taken = false;
    if (in_two_steps) {
      taken = co_await world.queue->take(std::move(change));
      if (!taken) co_return;
      proxy::QueueChange promise;
      if (world.chance(80)) {
        promise.accept.push_back(made.number);
      } else {
        promise.drop.push_back(made.number);
        units.clear();
      }
      taken = co_await world.queue->take(std::move(promise), units);
      if (!taken) {
        proxy::QueueChange drop;
        drop.drop.push_back(made.number);
        static_cast<void>(co_await world.queue->take(std::move(drop)));
      }
    } else {
      taken = co_await world.queue->take(std::move(change), units);
    }
    if (!taken) co_return;
    for (const auto& unit : units) {
      auto part = made;
      std::erase_if(part.recipients, [&](const auto& one) { return one.rcpt.forward_path.domain != unit.domain; });
      world.sent.push_back(std::move(part));
    }
  }

  // ---- hosts
  proxy::Verdict verdict(const std::string& domain, bool good) {
    const int what = good ? 0 : any(10);
    if (what < 5) return {{250, "2.0.0", "taken"}, "mx." + domain, chance(50)};
    if (what < 7) return {{550, "5.1.1", "nobody"}, "mx." + domain};
    return {{451, "4.3.0", "later"}, "mx." + domain};
  }
  proxy::GroupVerdict answers(const proxy::QueuedMessage& message, const std::string& domain, bool good) {
    const auto mood = good ? Mood::up : moods[domain];
    proxy::GroupVerdict group;
    group.no_host = mood == Mood::down;
    for (const auto& one : message.recipients) {
      auto said = verdict(domain, good);
      if (mood == Mood::down) said = {{451, "4.4.1", "no host"}};
      if (mood == Mood::grey) said = {{451, "4.2.1", "greylisted"}, "mx." + domain};
      model.answer(message.number, one.number, said);
      group.recipients.push_back(std::move(said));
    }
    return group;
  }
  void answer(bool good = false) {
    if (deliveries.empty()) return;
    std::swap(deliveries[static_cast<std::size_t>(any(static_cast<int>(deliveries.size())))], deliveries.back());
    auto next = std::move(deliveries.back());
    deliveries.pop_back();
    auto group = answers(*next.message, next.domain, good);
    if (group.no_host) {
      failing[next.domain] = ++answered;
    } else if (failing.contains(next.domain)) {
      healing[next.domain] = ++answered;
    }
    next.done(std::move(group));
  }
  void settle(bool good = false) {
    if (sent.empty()) return;
    auto part = std::move(sent.back());
    sent.pop_back();
    const auto domain = part.recipients.front().rcpt.forward_path.domain;
    auto group = answers(part, domain, good);
    auto octets = store.entries.at(part.number).octets;
    queue->settle(std::move(part), std::move(octets), std::move(group));
  }

  // ---- administrators
  static awaitable<void> obey(World& world, Queue::Order order, std::string id) {
    std::vector<std::string> ids(1, std::move(id));
    try {
      static_cast<void>(co_await world.queue->obey(order, std::move(ids)));
    } catch (const proxy::StoreError&) {
    }
    world.excuse();  // a retry frees whatever was put back before it
    world.ordered.clear();
  }
  void order(Queue::Order what, std::int64_t number) {
    if (!ordered.empty()) return;
    const auto& message = store.entries.at(number).message;
    ordered = {""};
    if (what == Queue::Order::retry) {
      for (const auto& one : message.recipients) ordered.insert(one.rcpt.forward_path.domain);
    }
    proxy::spawn(io.get_executor(), obey(*this, what, message.id), "order");
  }
  std::int64_t any_message() {
    return std::next(store.entries.begin(), any(static_cast<int>(store.entries.size())))->first;
  }

  void excuse() {
    for (const auto& domain : ordered) model.excuse(domain);
    for (const auto& [domain, since] : healing) model.excuse(domain);
  }

  void event() {
    excuse();
    const int what = any(100);
    if (what < 14) {
      if (store.entries.size() < 120)
        proxy::spawn(io.get_executor(), hand_over(*this, letter(), chance(30), chance(30)), "client");
    } else if (what < 40) {
      answer();
    } else if (what < 46) {
      settle();
    } else if (what < 66) {
      for (int i = any(4); i >= 0 && store.waiting() > 0; --i) store.write(!disk_is_full);
    } else if (what < 70) {
      end_pauses();
    } else if (what < 84) {
      now += 1s * any(90);
    } else if (what < 85) {
      now += 1min * any(60);
    } else if (what < 91) {
      if (!store.entries.empty()) order(static_cast<Queue::Order>(any(10) == 0 ? 3 : any(3)), any_message());
    } else if (what < 93) {
      moods[domain_name(any(domain_count))] = static_cast<Mood>(any(3));
    } else if (what < 95) {
      const auto domain = domain_name(any(domain_count));
      if (failing.contains(domain)) healing[domain] = ++answered;
      queue->delivered(domain);
    } else if (what < 97) {
      disk_is_full = chance(30);
    } else if (what < 98) {
      store.can_read = chance(70);
      store.can_read_octets = chance(70);
    } else if (what < 99 && chance(20)) {
      now -= 1min * any(120);
      model.excuse_all();
    } else if (chance(30)) {
      restart();
    }
    run();
  }
  void run() {
    static_cast<void>(queue->step());
    poll();
    excuse();
    // Nothing of the domain is under way: what has healed it is done.
    for (auto domain = healing.begin(); domain != healing.end();) {
      bool busy = store.waiting() > 0 || !pauses.empty();
      for (const auto& one : deliveries) busy = busy || one.domain == domain->first;
      if (!busy && failing[domain->first] < domain->second) failing.erase(domain->first);
      domain = busy ? std::next(domain) : healing.erase(domain);
    }
    if (store.waiting() == 0 && ordered.empty()) count();
  }
  void count() {
    std::uint64_t octets = 0;
    for (const auto& [number, entry] : store.entries) octets += entry.message.size;
    const auto counts = queue->counts();
    if (counts.messages != store.entries.size() || counts.octets != octets)
      model.faults.push_back("the queue counts " + std::to_string(counts.messages) + " messages of " +
                             std::to_string(store.entries.size()));
  }
  void restart() {
    close(any(4));
    ordered.clear();
    store.can_read = store.can_read_octets = true;
    store.clear_unpromised();
    model.forget_work();
    model.compare();
    open();
  }

  /// Everything heals and time goes by, until nothing is left.
  void drain() {
    disk_is_full = false;
    store.can_read = store.can_read_octets = true;
    for (int i = 0; i < 3000 && !(store.entries.empty() && queue->in_hand() == 0); ++i) {
      excuse();
      while (!deliveries.empty()) answer(true);
      while (!sent.empty()) settle(true);
      while (store.waiting() > 0) store.write(true);
      end_pauses();
      now += 1min;
      for (const auto& [number, entry] : store.entries) {
        if (entry.message.held) order(Queue::Order::release, number);
      }
      run();
    }
  }

  test::CapturedLog log;
  std::mt19937 random;
  QueueTime now{1'800'000'000s};
  std::shared_ptr<proxy::Config> config = std::make_shared<proxy::Config>();
  test::StoreInMemory store;
  test::QueueModel model{store};
  asio::io_context io{1};
  std::vector<Delivery> deliveries;
  std::vector<proxy::QueuedMessage> sent;
  std::vector<proxy::Completion<bool>> pauses;
  std::map<std::string, Mood> moods;
  // Domains of which a host could not be had, and those of them that are served again, each with the answer's number.
  std::map<std::string, int> failing, healing;
  int answered = 0;
  std::set<std::string> ordered;
  bool disk_is_full = false;
  std::unique_ptr<Queue> queue;
};

}  // namespace

TEST_CASE("whatever happens nobody is lost and nobody is tried twice or too early or told too much",
          "[SMTP-29][SMTP-31][SMTP-40][SMTP-26]") {
  const unsigned seed = GENERATE(range(1U, 17U));
  INFO("seed " << seed);
  World world(seed);
  for (int event = 0; event < 10000; ++event) {
    world.event();
    INFO("event " << event);
    REQUIRE(world.model.faults == std::vector<std::string>());
  }
  world.drain();
  world.model.compare();
  REQUIRE(world.model.faults == std::vector<std::string>());
  CHECK(world.log.count("internal_error") == 0);
  CHECK(world.store.entries.empty());
  CHECK(world.queue->in_hand() == 0);
  CHECK(world.queue->alarms() == 0);  // nothing of them is remembered
  CHECK(world.queue->counts().messages == 0);
  CHECK(world.queue->counts().octets == 0);
  world.config->queue.messages_per_client = 1;
  world.config->queue.size_per_client = 1;
  for (const char* client : {"192.0.2.0", "192.0.2.1", "192.0.2.2"}) CHECK(world.queue->refusal(client, 1) == "");
  // Else the events are too tame to show anything.
  CHECK(world.model.attempts > 1000);
  CHECK(world.model.ends > 1000);
  CHECK(world.model.reports > 100);
}
