// Dials one host of a plan to the EHLO after TLS, for `check --connect`. Sends no MAIL: it has no use for a Permit.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>
#include <random>
#include <string>

#include "policy/outcome.hpp"
#include "proxy/outbound/environment.hpp"
#include "proxy/outbound/pool.hpp"
#include "proxy/outbound/tls_memory.hpp"

namespace proxy {

struct Probe {
  std::optional<policy::HostOutcome> failed;
  std::optional<policy::Proof> proof;  ///< of the connection, also where it was not enough
};

awaitable<Probe> probe_host(Environment& environment, const policy::Attempt& attempt);

/// "TLSv1.3, TLS_AES_256_GCM_SHA384, certificate of CN=..., issued by ..., valid until 2026-12-24"
std::string words_of(const Probe& probe);

/// An Environment of its own for a command that runs beside no worker.
class ProbeEnvironment {
 public:
  ProbeEnvironment(boost::asio::io_context& context, Resolver& resolver, PolicyService& policies,
                   std::shared_ptr<const Config> config, std::shared_ptr<const TlsContexts> tls);
  Environment& environment() { return environment_; }

 private:
  Watchdog watchdog_;
  Destinations destinations_;
  Pool pool_;
  TlsMemory tls_memory_;
  std::mt19937 random_;
  Environment environment_;
};

}  // namespace proxy
