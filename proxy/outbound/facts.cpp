// Routes, MX sets, addresses and policies, gathered side by side.
#include "proxy/outbound/facts.hpp"

#include <algorithm>
#include <map>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "proxy/dns/address_filter.hpp"
#include "proxy/outbound/tlsa.hpp"

namespace proxy {

namespace {

using AnswerPtr = std::shared_ptr<const dns::Answer>;
using HostFacts = policy::HostFacts;

// More MX hosts than this serve nobody but an attacker; the best ones are kept.
constexpr std::size_t host_limit = 32;

void take_addresses(HostFacts& host, const dns::Answer& a, const dns::Answer& aaaa, bool configured,
                    bool allow_loopback) {
  std::string forbidden;
  for (const auto* answer : {&aaaa, &a}) {
    for (const auto& address : answer->addresses) {
      const auto why = configured ? std::string() : std::string(refusal_to_dial(address, allow_loopback));
      if (why.empty()) {
        host.addresses.push_back(address);
      } else {
        forbidden = "its address " + address + " is " + why;
      }
    }
  }
  if (!host.addresses.empty()) {
    host.state =
        HostFacts::Addresses::found;  // D-4: where one family fails and the other has addresses, those are used
  } else if (dns::failed(a.status) || dns::failed(aaaa.status)) {
    host.state = HostFacts::Addresses::failed;
    const auto& answer = dns::failed(a.status) ? a : aaaa;
    host.words =
        "address lookup failed: " + (answer.text.empty() ? std::string(dns::words(answer.status)) : answer.text);
  } else if (!forbidden.empty()) {
    host.state = HostFacts::Addresses::forbidden;
    host.words = forbidden;
  } else {
    host.state = HostFacts::Addresses::none;
    host.words = a.status == dns::Status::nxdomain ? "no such host" : "no address";
  }
}

bool is_own_name(const Config& config, const std::string& name) {
  return name == config.hostname ||
         std::find(config.own_names.begin(), config.own_names.end(), name) != config.own_names.end();
}

// TLSA records of a host that is not dialled, or of a domain that is exempt, change nothing.
bool may_have_tlsa(const policy::Route& route, const HostFacts& host) {
  return !route.exempt && route.pinned_keys.empty() && host.state == HostFacts::Addresses::found;
}

// A configured host may be an address; asking DNS for it would complete a name that is none.
bool is_literal_host(HostFacts& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host.name, error);
  if (error) return false;
  host.addresses.push_back(address.to_string());
  return true;
}

/// `further_names`: which the host's certificate may have besides its own, where TLSA records name its issuer
/// (DANE-08).
awaitable<void> find_addresses(Environment& environment, const Config& config, policy::Facts& facts,
                               std::vector<std::string> further_names) {
  const bool configured = facts.mx_set == policy::Facts::MxSet::configured;
  struct Asked {
    Task<AnswerPtr> a, aaaa;
  };
  std::vector<Asked> asked;
  std::vector<std::size_t> places;  // of `asked`, in facts.hosts
  for (std::size_t i = 0; i < facts.hosts.size(); ++i) {
    auto& host = facts.hosts[i];
    if (configured && is_literal_host(host)) continue;
    places.push_back(i);
    asked.push_back(
        {Task<AnswerPtr>::start(environment.executor, environment.resolver.ask(host.name, dns::Type::a)),
         Task<AnswerPtr>::start(environment.executor, environment.resolver.ask(host.name, dns::Type::aaaa))});
  }
  std::vector<std::optional<Task<policy::DaneFacts>>> dane;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto& host = facts.hosts[places[i]];
    const auto a = co_await asked[i].a.join();
    const auto aaaa = co_await asked[i].aaaa.join();
    take_addresses(host, *a, *aaaa, configured, config.lab.allow_loopback);
    const bool asks = may_have_tlsa(facts.route, host);
    dane.emplace_back();
    if (!asks) continue;
    // A configured host is who it is by the name that the file gives.
    auto names = configured ? std::vector<std::string>{host.name} : further_names;
    dane.back() = Task<policy::DaneFacts>::start(
        environment.executor,
        find_tlsa(environment.resolver, host.name, facts.route.port, {a, aaaa}, std::move(names)));
  }
  for (std::size_t i = 0; i < dane.size(); ++i) {
    if (dane[i]) facts.hosts[places[i]].dane = co_await dane[i]->join();
  }
}

void mark_own(Environment& environment, const Config& config, policy::Facts& facts) {
  for (auto& host : facts.hosts) {
    host.is_self = is_own_name(config, host.name) ||
                   std::any_of(host.addresses.begin(), host.addresses.end(),
                               [&](const auto& address) { return environment.is_own(address, facts.route.port); });
  }
}

// By preference; equals in an order of their own for each message (RFC 5321 §5.1).
void order(std::vector<HostFacts>& hosts, std::mt19937& random) {
  std::shuffle(hosts.begin(), hosts.end(), random);
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const auto& a, const auto& b) { return a.preference < b.preference; });
  if (hosts.size() > host_limit) hosts.resize(host_limit);
}

// Returns the names that TLSA records may vouch for besides a host's own: RFC 7672 §3.2.2.
awaitable<std::vector<std::string>> find_hosts(Environment& environment, policy::Facts& facts) {
  using MxSet = policy::Facts::MxSet;
  const auto answer = co_await environment.resolver.ask(facts.domain, dns::Type::mx);
  std::vector<std::string> further_names;
  facts.mx_secure = answer->authentic && !dns::failed(answer->status);
  if (facts.mx_secure) further_names = {facts.domain, answer->canonical};
  if (dns::failed(answer->status)) {
    facts.mx_set = MxSet::failed;
    facts.mx_words =
        "MX lookup failed: " + (answer->text.empty() ? std::string(dns::words(answer->status)) : answer->text);
    co_return further_names;
  }
  if (answer->status == dns::Status::nxdomain) {
    facts.mx_set = MxSet::nonexistent;
    co_return further_names;
  }
  if (answer->mx.empty()) {
    facts.mx_set = MxSet::implicit;  // RFC 5321 §5.1: the domain itself, where it has an address
    facts.hosts.push_back({.name = facts.domain});
    further_names = {facts.domain};
    co_return further_names;
  }
  if (answer->mx.size() == 1 && answer->mx[0].host == "." && answer->mx[0].preference == 0) {
    facts.mx_set = MxSet::null_mx;  // RFC 7505 §3
    co_return further_names;
  }
  for (const auto& mx : answer->mx) {
    if (mx.host == ".") continue;  // SMTP-15: among others it is no host
    facts.hosts.push_back({.name = mx.host, .preference = mx.preference});
  }
  order(facts.hosts, environment.random);
  co_return further_names;
}

void take_configured(policy::Facts& facts) {
  facts.mx_set = policy::Facts::MxSet::configured;
  facts.hosts.push_back({.name = facts.route.host});
  for (const auto& name : facts.route.further_hosts)
    facts.hosts.push_back({.name = name, .preference = static_cast<std::uint16_t>(facts.hosts.size())});
}

void take_literal(policy::Facts& facts, bool allow_loopback) {
  std::string_view inner(facts.domain);
  inner.remove_prefix(1);
  inner.remove_suffix(1);
  if (base::starts_with_ignoring_case(inner, "IPv6:")) inner.remove_prefix(5);
  HostFacts host{.name = facts.domain};
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(inner), error);
  if (error) {
    host.state = HostFacts::Addresses::none;
    host.words = "no address";
  } else if (const auto why = refusal_to_dial(address.to_string(), allow_loopback); !why.empty()) {
    host.state = HostFacts::Addresses::forbidden;
    host.words = "its address is " + std::string(why);
  } else {
    host.addresses.push_back(address.to_string());
  }
  facts.hosts.push_back(std::move(host));
}

awaitable<std::shared_ptr<const policy::StsFacts>> known(std::shared_ptr<const policy::StsFacts> sts) {
  co_return sts;
}

}  // namespace

std::string policy_domain(const policy::Route& route, const Target& target) {
  if (target.is_literal || route.exempt) return {};
  if (route.host.empty()) return target.domain;
  // RFC 8461 §3.4: where a next hop is configured, its own name is the policy domain, or none counts.
  return route.security == policy::Security::published ? route.host : std::string();
}

awaitable<policy::Facts> gather(Environment& environment, Target target, policy::Requirement floor,
                                std::shared_ptr<const policy::StsFacts> sts) {
  const auto config = environment.config();
  policy::Facts facts;
  facts.domain = target.domain;
  facts.is_literal = target.is_literal;
  facts.route = route_for(*config, target.domain);
  facts.floor = floor;
  facts.anchors = environment.tls()->with(facts.route.trust_anchors).generation();

  const auto asked = policy_domain(facts.route, target);
  std::optional<Task<std::shared_ptr<const policy::StsFacts>>> task;
  if (!asked.empty()) {
    // The record and the MX set are asked for at the same time; the fetch runs while addresses are looked up.
    task = Task<std::shared_ptr<const policy::StsFacts>>::start(environment.executor,
                                                                sts ? known(sts) : environment.policies.ask(asked));
  }
  if (!facts.route.host.empty()) {
    take_configured(facts);
    co_await find_addresses(environment, *config, facts, {});
  } else if (target.is_literal) {
    take_literal(facts, config->lab.allow_loopback);
    mark_own(environment, *config, facts);
  } else {
    auto further_names = co_await find_hosts(environment, facts);
    co_await find_addresses(environment, *config, facts, std::move(further_names));
    mark_own(environment, *config, facts);
    const bool nowhere =
        facts.mx_set == policy::Facts::MxSet::implicit && facts.hosts[0].state == HostFacts::Addresses::none;
    if (nowhere) facts.mx_set = policy::Facts::MxSet::nonexistent;  // SMTP-14: neither MX nor address
  }
  if (task) {
    const auto learnt = co_await task->join();
    facts.sts = *learnt;
  }
  co_return facts;
}

}  // namespace proxy
