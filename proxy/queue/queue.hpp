// The queue at work: takes what transactions hand over, tries it again by its agenda, reports to senders, and does what
// an administrator asks. One for the process; it lives on the control thread, and each attempt runs on a worker.
//
//   1. take()     makes messages durable (any thread), then puts them into the agenda
//   2. work       the agenda says which unit is next; it is read from the store, tried on a worker, and settled
//   3. alarms     each message has one: when its sender is to be told of the delay, then at the end of its lifetime,
//   when
//                 each of its units gets a last attempt, whatever the agenda says
// The store is the truth and the agenda holds hints: a unit whose recipients are gone or held is dropped. What is in
// work is not tried a second time, and what could not be settled (a full disk) is settled later, never sent again.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "policy/queue/agenda.hpp"
#include "proxy/queue/settlement.hpp"
#include "proxy/store/completion.hpp"

namespace proxy {

class Queue {
 public:
  struct Parts {
    Executor control;
    QueueStore& store;
    std::function<std::shared_ptr<const Config>()> config;
    /// Runs the work on a worker, which gives it its environment.
    std::function<void(std::function<awaitable<void>(Environment&)>)> on_worker;
    std::function<QueueTime()> now = [] { return std::chrono::system_clock::now(); };
    /// Where the disk of the queue is asked for its free space.
    std::string directory;
    // ---- for tests: an attempt without a worker, a pause without a clock, the same chance each time
    using Deliver = void(std::shared_ptr<const QueuedMessage>, std::shared_ptr<const Octets>, std::string domain,
                         Completion<GroupVerdict>);
    std::function<Deliver> deliver{};
    std::function<awaitable<void>(std::chrono::milliseconds)> pause{};
    unsigned seed = std::random_device{}();
  };
  explicit Queue(Parts parts);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // ---- control thread
  /// Reads what is stored, and begins. Throws StoreError.
  void start();
  /// The retry list in force counts from the next failure on.
  void reload() { agenda_.change(parts_.config()->queue.retry); }
  /// Nothing more is begun.
  void stop();
  /// Begins whatever is due now; returns when it is to be called again. start() does so for ever.
  QueueTime step();
  /// Attempts and hand-overs that are under way, on any thread.
  unsigned in_hand() const { return in_hand_.load(); }

  // ---- any thread
  /// Durable, then in the agenda; what is in `in_hand` (message, domain) is being sent by the caller, who calls
  /// settle() for it. False: nothing was stored (logged).
  awaitable<bool> take(QueueChange change, std::vector<policy::queue::Unit> in_hand = {});
  /// The end of an attempt that take() was told of.
  void settle(QueuedMessage message, std::shared_ptr<const Octets> octets, GroupVerdict verdict);
  /// Why a message of this size is not taken from this client; empty: it is. Names the limit.
  std::string refusal(const std::string& client, std::uint64_t size) const;
  /// False since a write failed, until one went well again.
  bool can_store() const { return can_store_.load(std::memory_order_relaxed); }
  /// A host of the domain has just taken a message.
  void delivered(const std::string& domain);
  std::int64_t next_number() { return parts_.store.next_number(); }

  /// Counts as in hand.
  class InHand {
   public:
    explicit InHand(Queue& queue) : queue_(queue) { ++queue_.in_hand_; }
    ~InHand() { --queue_.in_hand_; }
    InHand(const InHand&) = delete;
    InHand& operator=(const InHand&) = delete;

   private:
    Queue& queue_;
  };

  // ---- control thread, for administrators
  enum class Order { retry, hold, release, remove };
  enum class Obeyed {
    done,
    done_but_in_work,  ///< held, but an attempt that is under way may still deliver it
    not_there,
    held,         ///< not tried: it is to be released first
    in_work,      ///< not removed: an attempt is under way, and nobody knows how it ends
    not_written,  ///< the disk does not take it (logged)
  };
  struct Result {
    std::string id;
    Obeyed how = Obeyed::not_there;
  };
  /// One transaction for all of them. Each id once in the result, in the order given. Also without start(): then the
  /// store is changed, and whoever starts on it next finds it so. Throws StoreError where the store cannot be read.
  awaitable<std::vector<Result>> obey(Order order, std::vector<std::string> ids);

  struct Counts {
    std::uint64_t messages = 0, octets = 0;
  };
  Counts counts() const;
  /// Messages that have a time of their own to come; control thread.
  std::size_t alarms() const { return alarms_.size(); }

 private:
  using Unit = policy::queue::Unit;
  struct Alarm {
    QueueTime at;
    std::int64_t message;
    bool schedule = false;  ///< it could not be read when it was to be put into the agenda
    auto operator<=>(const Alarm&) const = default;
  };
  using Key = std::pair<std::int64_t, std::string>;

  awaitable<void> run();
  void schedule(const QueuedMessage& message);
  void set_alarm(const QueuedMessage& message);
  void drop_alarms(const std::vector<Applied::Gone>& gone);
  bool read_octets(const QueuedMessage& message, std::shared_ptr<const Octets>& octets);
  bool read(std::int64_t number, const std::string& domain, std::optional<QueuedMessage>& message);
  void begin(const Unit& unit);
  bool waits(const QueuedMessage& message) const;
  void begin_last(const Unit& unit);
  awaitable<void> attempt(QueuedMessage message, Unit unit, bool by_agenda);
  static policy::queue::Agenda::Ended how(const GroupVerdict& verdict);
  void end(const Unit& unit, policy::queue::Agenda::Ended how);
  awaitable<GroupVerdict> on_a_worker(QueuedMessage message, std::shared_ptr<const Octets> octets, std::string domain);
  awaitable<void> conclude(QueuedMessage message, std::shared_ptr<const Octets> octets, GroupVerdict verdict);
  void put_back(const Unit& unit);
  void unpark(const QueuedMessage& message);
  awaitable<void> recover();
  void alarm(const Alarm& due);
  awaitable<void> warn(QueuedMessage message);
  void watch_failing(const std::string& domain);
  void count(const QueuedMessage& message);
  void forget(const std::vector<Applied::Gone>& gone);
  Obeyed plan(Order order, const QueuedMessage& message, QueueChange& change);
  void carry_out(Order order, QueuedMessage message, bool durable);
  bool is_in_work(const QueuedMessage& message) const;
  static std::set<std::string> domains_of(const QueuedMessage& message);
  void wake();
  awaitable<void> pause(std::chrono::milliseconds time);

  Parts parts_;
  policy::queue::Agenda agenda_;
  std::set<Alarm> alarms_;  // one for each message, at its next time of its own
  std::set<Key> working_;
  std::set<Key> parked_;                 // dropped when their turn came, because they were held or in work
  std::vector<std::int64_t> undropped_;  // nobody was promised them, and the disk did not take that they go
  std::deque<Unit> expired_;             // units whose last attempt is due
  unsigned expiring_ = 0;
  boost::asio::steady_timer timer_;
  std::mt19937 random_;
  bool stopped_ = false;
  std::atomic<unsigned> in_hand_{0};
  std::atomic<bool> can_store_{true};

  mutable std::mutex shared_;  // what follows is asked by every thread
  std::unordered_set<std::string> failing_;
  std::size_t failing_swept_at_ = 1024;
  std::atomic<bool> any_failing_{false};
  Counts counts_;
  std::unordered_map<std::string, Counts> by_client_;
};

}  // namespace proxy
