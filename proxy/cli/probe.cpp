// The dial of a probe, up to the EHLO after TLS and QUIT.
#include "proxy/cli/probe.hpp"

#include "protocol/base/time_format.hpp"
#include "proxy/net/dialer.hpp"
#include "proxy/runtime/own_addresses.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds probe_wait(30);

awaitable<Probe> probe_address(Environment& environment, const policy::Attempt& attempt, const std::string& address) {
  using What = policy::HostOutcome::What;
  const auto& demand = attempt.demand;
  const auto config = environment.config();
  Probe probe;
  auto slot = co_await environment.destinations.acquire(demand.host, after(probe_wait));
  auto dialled = co_await dial(address, demand.port, environment.watchdog, after(config->delivery.connect_timeout));
  if (!dialled.socket || !slot) {
    probe.failed =
        policy::HostOutcome{.host = demand.host, .what = What::unreachable, .words = address + ": " + dialled.words};
    co_return probe;
  }
  Bucket bucket{demand.host, address, demand.port, attempt.implicit_tls};
  auto connection = std::make_unique<Connection>(std::move(bucket), std::move(*slot), std::move(*dialled.socket),
                                                 environment.watchdog);
  auto use = demand.need.nothing() ? smtp::TlsUse::opportunistic : smtp::TlsUse::required;
  if (attempt.implicit_tls) use = smtp::TlsUse::established;
  auto failure = co_await connection->open(config->hostname, use, Strength::strong, environment.tls(),
                                           after(probe_wait), demand.association);
  if (failure && failure->cause == smtp::Cause::handshake && demand.need.nothing()) {
    // The relay would go on with weak TLS or none: that host is usable, and the reader should know how.
    probe.proof = policy::Proof{};
    co_return probe;
  }
  if (failure) {
    probe.failed = policy::outcome_of(demand.host, *failure);
    co_return probe;
  }
  probe.proof = connection->proof();
  auto admitted = policy::admit(connection->proof(), demand, std::chrono::system_clock::now());
  if (const auto* refused = std::get_if<policy::NotAdmitted>(&admitted)) {
    probe.failed = policy::outcome_of(demand.host, *refused);
  }
  co_await Connection::quit(std::move(connection));
  co_return probe;
}

}  // namespace

awaitable<Probe> probe_host(Environment& environment, const policy::Attempt& attempt) {
  Probe probe;
  for (const auto& address : attempt.addresses) {
    probe = co_await probe_address(environment, attempt, address);
    if (!probe.failed) break;
  }
  co_return probe;
}

std::string words_of(const Probe& probe) {
  if (!probe.proof || !probe.proof->encrypted)
    return "nothing; mail would go in plaintext or weak TLS, which nothing forbids";
  const auto& proof = *probe.proof;
  std::string text =
      proof.tls + ", " + proof.cipher + ", certificate of " + proof.subject + ", issued by " + proof.issuer;
  if (proof.dane == policy::Check::passed) text += ", which its TLSA records match";
  if (proof.pkix == policy::Check::passed)
    return text + ", valid until " + base::day(proof.not_after) + ", for this host";
  const bool by_records = proof.dane == policy::Check::passed;
  return text + (by_records ? "; by trust anchors: " : ", not verified: ") + proof.fault_words;
}

ProbeEnvironment::ProbeEnvironment(boost::asio::io_context& context, Resolver& resolver, PolicyService& policies,
                                   std::shared_ptr<const Config> config, std::shared_ptr<const TlsContexts> tls)
    : watchdog_(context.get_executor()),
      destinations_(config->delivery.connections_per_host),
      pool_(context.get_executor()),
      random_(std::random_device()()),
      environment_{.executor = context.get_executor(),
                   .watchdog = watchdog_,
                   .resolver = resolver,
                   .policies = policies,
                   .destinations = destinations_,
                   .pool = pool_,
                   .tls_memory = tls_memory_,
                   .random = random_,
                   .config = [config] { return config; },
                   .tls = [tls] { return tls; },
                   .is_own =
                       [config](const std::string& address, std::uint16_t port) {
                         OwnAddresses own;
                         for (const auto& listener : config->listeners)
                           own.add(listener.address.address, listener.address.port);
                         return own.contains(address, port);
                       }} {}

}  // namespace proxy
