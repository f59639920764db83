// What the whole process knows about the hosts it sends to: how many connections are open to each, and which have
// failed a moment ago. Shared by all workers under sharded locks. It never decides what a host must prove.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "policy/outcome.hpp"
#include "proxy/net/deadline.hpp"
#include "proxy/runtime/spawn.hpp"

namespace proxy {

class Destinations {
 public:
  /// `per_host`: connections open at one time to one MX host name, whatever the number of workers.
  explicit Destinations(unsigned per_host) : per_host_(per_host) {}

  /// The right to hold one connection to a host; given back when it ends.
  class Slot {
   public:
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), host_(std::move(other.host_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_) owner_->give_back(host_);
    }

   private:
    friend class Destinations;
    Slot(Destinations* owner, std::string host) : owner_(owner), host_(std::move(host)) {}
    Destinations* owner_;
    std::string host_;
  };
  /// Waits for a slot until the deadline; nullopt: as many connections as allowed are in use (4.4.5).
  awaitable<std::optional<Slot>> acquire(std::string host, Deadline deadline);
  /// Called (on any thread) each second that someone waits for a slot: whoever keeps an idle connection to the host, or
  /// one whose client says nothing, closes one.
  void on_pressure(std::function<void(const std::string& host)> callback) { on_pressure_ = std::move(callback); }

  /// The health of one thing that can fail: an address, or a host's TLS for one requirement (SMTP-67). After a block
  /// ends, one ticket at a time probes; the others are still answered from memory.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), key_(std::move(other.key_)), probes_(other.probes_) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (owner_ && probes_) owner_->give_up_probe(key_);
    }
    void succeeded();
    /// Blocks at once when `at_once`, else from the second failure in a row on.
    void failed(const policy::HostOutcome& outcome, bool at_once);

   private:
    friend class Destinations;
    Ticket(Destinations* owner, std::string key, bool probes) : owner_(owner), key_(std::move(key)), probes_(probes) {}
    Destinations* owner_;
    std::string key_;
    bool probes_;  ///< it is the one that went first after a block
  };
  /// A ticket to try, or the outcome that is remembered.
  std::variant<Ticket, policy::HostOutcome> may_try(const std::string& key);
  /// Nothing that failed is remembered any more: the next message tries it. Any thread.
  void forgive();

 private:
  struct Waiter {
    std::function<void()> wake;
    bool given = false, gone = false;
  };
  struct Host {
    unsigned open = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;
  };
  struct Health {
    unsigned failures = 0;
    Deadline blocked_until{};
    bool probing = false;
    policy::HostOutcome remembered;
  };
  struct Shard {
    std::mutex lock;
    std::unordered_map<std::string, Host> hosts;
    std::unordered_map<std::string, Health> health;
  };

  void give_back(const std::string& host);
  void give_up_probe(const std::string& key);
  void succeeded(const std::string& key);
  void failed(const std::string& key, const policy::HostOutcome& failure, bool at_once, bool probed);
  Shard& shard(const std::string& key) { return shards_[std::hash<std::string>{}(key) % shards_.size()]; }

  const unsigned per_host_;
  std::function<void(const std::string&)> on_pressure_;
  std::array<Shard, 16> shards_;
};

}  // namespace proxy
