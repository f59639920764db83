// Slots and health, each below its shard's lock; no lock is held while anything waits.
#include "proxy/outbound/destinations.hpp"

#include <openssl/rand.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "policy/backoff.hpp"

namespace proxy {

namespace {
// Hosts that never come back are forgotten when a shard holds more than this many failures.
constexpr std::size_t remembered_failures = 10000;
constexpr std::chrono::seconds pressure_time(1);

double chance() {
  std::uint32_t random = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random);
  return static_cast<double>(random) / 4294967296.0;
}
}  // namespace

awaitable<std::optional<Destinations::Slot>> Destinations::acquire(std::string host, Deadline deadline) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto timer = std::make_shared<boost::asio::steady_timer>(executor);
  auto waiter = std::make_shared<Waiter>();
  bool given = false;
  {
    auto& at = shard(host);
    std::lock_guard hold(at.lock);
    auto& entry = at.hosts[host];
    given = entry.open < per_host_;
    if (given) {
      ++entry.open;
    } else {
      waiter->wake = [executor, timer] { boost::asio::post(executor, [timer] { timer->cancel(); }); };
      entry.waiting.push_back(waiter);
    }
  }
  while (!given) {
    // Again and again: who holds a connection without need today may hold none a moment later.
    if (on_pressure_) on_pressure_(host);
    timer->expires_at(earlier(deadline, after(pressure_time)));
    boost::system::error_code ignored;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    auto& at = shard(host);
    std::lock_guard hold(at.lock);
    given = waiter->given;
    if (given || !passed(deadline)) continue;
    waiter->gone = true;
    break;
  }
  std::optional<Slot> slot;
  if (given) slot.emplace(Slot(this, std::move(host)));
  co_return slot;
}

void Destinations::give_back(const std::string& host) {
  auto& at = shard(host);
  std::lock_guard hold(at.lock);
  const auto found = at.hosts.find(host);
  if (found == at.hosts.end()) return;
  auto& entry = found->second;
  while (!entry.waiting.empty()) {
    auto waiter = std::move(entry.waiting.front());
    entry.waiting.pop_front();
    if (waiter->gone) continue;
    waiter->given = true;  // the slot changes hands: `open` stays
    waiter->wake();
    return;
  }
  if (--entry.open == 0) at.hosts.erase(found);
}

std::variant<Destinations::Ticket, policy::HostOutcome> Destinations::may_try(const std::string& key) {
  auto& at = shard(key);
  std::lock_guard hold(at.lock);
  const auto found = at.health.find(key);
  if (found != at.health.end()) {
    auto& health = found->second;
    if (!passed(health.blocked_until) || health.probing) {
      policy::HostOutcome outcome = health.remembered;
      outcome.remembered = outcome.what;
      outcome.what = policy::HostOutcome::What::blocked;
      return outcome;
    }
    health.probing = health.blocked_until != Deadline{};
    return Ticket(this, key, health.probing);
  }
  return Ticket(this, key, false);
}

void Destinations::forgive() {
  for (auto& at : shards_) {
    std::lock_guard hold(at.lock);
    at.health.clear();
  }
}

void Destinations::give_up_probe(const std::string& key) {
  auto& at = shard(key);
  std::lock_guard hold(at.lock);
  const auto found = at.health.find(key);
  if (found != at.health.end()) found->second.probing = false;
}

void Destinations::succeeded(const std::string& key) {
  auto& at = shard(key);
  std::lock_guard hold(at.lock);
  at.health.erase(key);
}

void Destinations::failed(const std::string& key, const policy::HostOutcome& failure, bool at_once, bool probed) {
  auto& at = shard(key);
  std::lock_guard hold(at.lock);
  if (at.health.size() >= remembered_failures && !at.health.contains(key)) at.health.erase(at.health.begin());
  auto& health = at.health[key];
  // One that was under way before the block says nothing of the probe that is.
  if (probed) health.probing = false;
  health.remembered = failure;
  ++health.failures;
  const unsigned counted = at_once ? health.failures : health.failures - 1;
  if (counted > 0) health.blocked_until = std::chrono::steady_clock::now() + policy::block_time(counted, chance());
}

void Destinations::Ticket::succeeded() {
  if (auto* owner = std::exchange(owner_, nullptr)) owner->succeeded(key_);
}

void Destinations::Ticket::failed(const policy::HostOutcome& outcome, bool at_once) {
  if (auto* owner = std::exchange(owner_, nullptr)) owner->failed(key_, outcome, at_once, probes_);
}

}  // namespace proxy
