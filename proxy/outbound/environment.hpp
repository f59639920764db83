// What everything toward the world needs, one of it a worker. The shared parts are the process's; the rest is the
// worker's own.
#pragma once

#include <functional>
#include <memory>
#include <random>

#include "proxy/config/config.hpp"
#include "proxy/dns/resolver.hpp"
#include "proxy/net/watchdog.hpp"
#include "proxy/outbound/destinations.hpp"
#include "proxy/sts/policy_service.hpp"
#include "proxy/tls/contexts.hpp"

namespace proxy {

class DomainMemory;
class Pool;
class TlsMemory;

struct Environment {
  Executor executor;
  Watchdog& watchdog;
  Resolver& resolver;
  PolicyService& policies;
  Destinations& destinations;
  Pool& pool;
  TlsMemory& tls_memory;
  std::mt19937& random;
  /// The configuration and the trust anchors now in force; take a copy for as long as one message lasts.
  std::function<std::shared_ptr<const Config>()> config;
  std::function<std::shared_ptr<const TlsContexts>()> tls;
  /// Endpoints that are the relay's own (SMTP-12).
  std::function<bool(const std::string& address, std::uint16_t port)> is_own;
  /// Told of each domain whose host has just taken a message; may be empty.
  std::function<void(const std::string& domain)> delivered{};
  DomainMemory* memory = nullptr;  ///< what domains have proven before; null: nothing is remembered
};

}  // namespace proxy
