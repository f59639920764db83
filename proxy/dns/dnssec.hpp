// Whether the DNS servers' word that an answer is secure may be believed (DANE-01), and so whether DANE is on. It asks
// the root, and never believes a server that another machine could stand in for.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/config/config.hpp"
#include "proxy/runtime/spawn.hpp"

namespace proxy {

class Dnssec {
 public:
  /// With dnssec = "auto" off until probe() has seen the root.
  explicit Dnssec(Config::Dns dns);

  /// Whether DANE is on. From any thread.
  bool validates() const { return vouched_.load() != nullptr; }
  /// Whether this server's word is believed: only of those that were probed, or declared, under the rule in force, so
  /// that no answer of another one counts while a reload is under way. From any thread.
  bool validates(const HostPort& server) const;
  /// "DANE is on: the DNS servers validate", "DANE is off: 192.0.2.1:53 is not on loopback; ...". From any thread.
  std::string words() const;

  /// Asks each server for the root (auto only). A server that does not answer changes nothing that was seen before:
  /// whoever blocks the probe must not switch DANE off.
  awaitable<void> probe(Executor executor);
  /// Takes over a new configuration once its servers were probed: until then the old rule stands, and what was seen of
  /// the old servers counts no more. On the thread that probes.
  awaitable<void> change(Executor executor, Config::Dns dns);
  /// Hourly, and each minute while a server does not answer; logs each change. Never ends; spawn it.
  awaitable<void> keep_probing(Executor executor);

 private:
  enum class Seen { validates, does_not, unsure };
  struct Verdict {
    bool on, unsure;
    std::string words;
  };
  static Verdict declared(const Config::Dns& dns);
  static awaitable<Verdict> judge(Executor executor, Config::Dns dns);
  static awaitable<Seen> probe_server(Executor executor, HostPort server);
  void set(bool on, std::string words);  // of the servers in dns_

  Config::Dns dns_;                                                    // of the thread that probes
  std::atomic<std::shared_ptr<const std::vector<HostPort>>> vouched_;  // null: DANE is off
  bool unsure_ = false;
  mutable std::mutex lock_;
  std::string words_;
};

}  // namespace proxy
