// Checks over several settings. OPS-01: no file may make an open relay without saying so in so many words.
#include <algorithm>

#include "protocol/base/domain_name.hpp"
#include "proxy/config/settings.hpp"
#include "proxy/config/values.hpp"

namespace proxy {
namespace {

constexpr std::uint16_t submissions_port = 465;  // RFC 8314 §3.3

std::vector<Network> loopback_networks() {
  return {*parse_network("127.0.0.0/8"), *parse_network("::1")};
}

// Who may relay by something else than an address.
void finish_clients(Draft& draft, ListenerConfig& listener, const Given& given) {
  const bool tls = listener.tls != smtp::ServerOptions::Tls::none;
  if (given.auth_users != 0 && !tls && !listener.auth_without_tls) {
    draft.fail(given.auth_users,
               "`auth_users` with tls = \"none\": AUTH is served over TLS only, expected `tls` with a certificate, or "
               "auth_without_tls = true");
  }
  if (listener.auth_without_tls) {
    if (given.auth_users == 0)
      draft.warn(given.auth_without_tls, "`auth_without_tls` has no effect without `auth_users`");
    else
      draft.warn(given.auth_without_tls, "`auth_without_tls`: everyone on the way to this listener can read passwords");
  }
  if (given.allow_keys != 0 && !tls)
    draft.fail(given.allow_keys, "`allow_keys` with tls = \"none\": only TLS shows a certificate, expected `tls`");
  if (listener.old_tls && !tls) listener.old_tls = false;
}

void finish_listener(Draft& draft, ListenerConfig& listener, const Given& given) {
  const auto at = [&](int line) { return line != 0 ? line : given.table; };
  if (listener.tls != smtp::ServerOptions::Tls::none) {
    // The files themselves: load_config.
    if (listener.certificate_line == 0)
      draft.fail(at(given.tls), "TLS without `certificate`, expected the file of the listener's certificate chain");
    if (listener.key_line == 0)
      draft.fail(at(given.tls), "TLS without `key`, expected the file of the certificate's key");
  } else if (listener.certificate_line != 0 || listener.key_line != 0) {
    draft.warn(std::max(listener.certificate_line, listener.key_line),
               "`certificate` and `key` have no effect with tls = \"none\"");
  }
  if (given.patience != 0 && !listener.queue)
    draft.warn(given.patience, "`patience` has no effect without on_defer = \"queue\"");
  finish_clients(draft, listener, given);
  const bool public_address = !is_loopback(listener.address.address);
  const bool others_may = given.auth_users != 0 || given.allow_keys != 0;
  if (given.allow == 0) {
    if (public_address && !others_may) {
      // OPS-01: others than this machine can connect, so the file must say who may relay.
      draft.fail(given.address,
                 "a listener that is not on loopback needs `allow`, expected the networks of its clients");
    }
    if (!others_may || !public_address) listener.allow = loopback_networks();
  }
  for (const auto& network : listener.allow) {
    if (network.prefix == 0 && public_address)
      draft.warn(given.allow, "`allow` holds " + network.text + ": everyone who reaches this listener may relay");
  }
}

void check_addresses_differ(Draft& draft) {
  const auto& listeners = draft.config.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& a = listeners[i].address;
      const auto& b = listeners[j].address;
      if (a.port == 0 || a.port != b.port || a.address != b.address) continue;
      const auto& given = draft.listeners_given[i];
      draft.fail(
          given.address != 0 ? given.address : given.table,
          "the listener of line " + std::to_string(listeners[j].line) + " has the same address, expected another");
      break;
    }
  }
}

void finish_metrics(Draft& draft) {
  const auto& metrics = draft.config.metrics;
  if (!metrics.address) return;
  if (!is_loopback(metrics.address->address)) {
    draft.warn(metrics.line,
               "[metrics] `address` is not on loopback: everyone who reaches it can read how much mail goes, and how");
  }
  for (const auto& listener : draft.config.listeners) {
    if (metrics.address->port == 0 || listener.address != *metrics.address) continue;
    draft.fail(metrics.line, "[metrics] `address` is that of a listener, expected another");
  }
}

// What is trusted at a configured host, and what it is told of the relay.
void finish_next_hop(Draft& draft, DestinationConfig& destination, const Given& given) {
  auto& route = destination.route;
  const auto needs_host = [&](int line, const std::string& name) {
    if (line != 0 && given.host == 0) draft.fail(line, "`" + name + "` without `host`, expected both");
  };
  needs_host(given.trust_anchors, "trust_anchors");
  needs_host(given.pinned_keys, "pinned_keys");
  needs_host(given.user, "user");
  if (!route.further_hosts.empty() && route.security == policy::Security::published && given.security != 0)
    draft.fail(given.security,
               "`security` = \"published\" with several hosts, expected one host: its name is the policy domain");
  if ((given.user != 0) != (given.password_file != 0))
    draft.fail(std::max(given.user, given.password_file), "`user` and `password_file` belong together, expected both");
  if (given.mechanisms != 0 && given.user == 0)
    draft.fail(given.mechanisms, "`mechanisms` without `user`, expected both");
  route.login = given.user != 0;
  const bool verified = given.security == 0 || route.security == policy::Security::verify || given.pinned_keys != 0;
  if (route.login && !verified) {
    draft.warn(given.user,
               "`user` with a host that need not be verified: the password goes to a host that is, and to no other; "
               "expected `security` = \"verify\" or `pinned_keys`");
  }
}

void finish_destination(Draft& draft, DestinationConfig& destination, const Given& given) {
  auto& route = destination.route;
  const auto at = [&](int line) { return line != 0 ? line : given.table; };
  if (given.domain == 0)
    draft.fail(given.table, "[[destination]] without `domain`, expected a domain, or \"*\" for all");
  if (route.exempt && route.reason.find_first_not_of(" \t") == std::string::npos) {
    draft.fail(at(given.exempt),
               "`exempt` without `reason`, expected words that say why what the domain publishes is not applied");
  }
  if (given.until != 0 && !route.exempt)
    draft.fail(given.until, "`until` without `exempt`, expected both: it is the end of an exemption");
  if (given.pin != 0) {
    if (route.exempt) {
      draft.fail(at(given.pin), "`pin` and `exempt`, expected one of them: a pinned policy is there to be applied");
    }
    if (given.host != 0) {
      draft.fail(at(given.pin),
                 "`pin` and `host`, expected one of them: what a configured host must prove is its `security`");
    }
    if (destination.domain == "*")
      draft.fail(at(given.pin), "`pin` with domain = \"*\", expected the domain whose policy it is");
  }
  finish_next_hop(draft, destination, given);
  if (given.host == 0) {
    if (given.port != 0) draft.fail(given.port, "`port` without `host`, expected both: MX hosts are always at 25");
    if (given.tls != 0)
      draft.fail(given.tls, "`tls` without `host`, expected both: MX hosts are always asked for STARTTLS");
  } else {
    if (given.port == 0 && route.implicit_tls) route.port = submissions_port;
    // A pinned key is a proof of its own, whoever has signed it.
    if (given.security == 0)
      route.security = route.pinned_keys.empty() ? policy::Security::verify : policy::Security::encrypt;
    if (base::looks_like_address(route.host) && route.security == policy::Security::published) {
      draft.fail(
          at(given.security),
          "`security` = \"published\" with an address as `host`, expected a host name: an address publishes nothing");
    } else if (base::looks_like_address(route.host) && route.security == policy::Security::verify &&
               given.pinned_keys == 0) {
      draft.fail(at(given.host),
                 "`host` is an address, which no certificate is verified for; expected a name, or `security` = "
                 "\"encrypt\" or \"may\"");
    }
  }
  if (destination.subdomains && destination.domain == "*")
    draft.warn(given.table, "`subdomains` has no effect with domain = \"*\"");
  route.configured_at = message({draft.config.file, given.table, ""});
  route.configured_at.resize(route.configured_at.size() - 2);  // without the ": " before words
}

/// Whether `earlier` takes all that `later` would.
bool covers(const DestinationConfig& earlier, const DestinationConfig& later) {
  if (earlier.domain == "*") return true;
  if (earlier.domain == later.domain) return earlier.subdomains || !later.subdomains;
  return earlier.subdomains && base::is_subdomain(later.domain, earlier.domain);
}

void warn_of_hidden_destinations(Draft& draft) {
  const auto& all = draft.config.destinations;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!covers(all[j], all[i])) continue;
      draft.warn(draft.destinations_given[i].table, "this [[destination]] is never used: that of line " +
                                                        std::to_string(draft.destinations_given[j].table) +
                                                        " matches first");
      break;
    }
  }
}

}  // namespace

void finish(Draft& draft) {
  auto& config = draft.config;
  if (config.state_dir.empty()) config.state_dir = "/var/lib/sts-relay";
  if (config.listeners.empty()) {
    config.listeners.emplace_back();
    draft.listeners_given.emplace_back();
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i)
    finish_listener(draft, config.listeners[i], draft.listeners_given[i]);
  check_addresses_differ(draft);
  finish_metrics(draft);
  for (std::size_t i = 0; i < config.destinations.size(); ++i) {
    finish_destination(draft, config.destinations[i], draft.destinations_given[i]);
  }
  if (draft.errors.empty()) warn_of_hidden_destinations(draft);
}

}  // namespace proxy
