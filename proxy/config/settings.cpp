// The table of settings outside [[listener]] and [[destination]], which settings_repeated.cpp has. contract.md fixes
// every name.
#include "proxy/config/settings.hpp"

#include <limits>

#include "protocol/base/domain_name.hpp"
#include "protocol/smtp/address.hpp"
#include "proxy/config/overrides.hpp"
#include "proxy/config/settings_repeated.hpp"
#include "proxy/config/values.hpp"

namespace proxy {
namespace {

using Value = DocumentValue;
using namespace std::chrono_literals;
using policy::Security;

constexpr Milliseconds day = 24h;
constexpr Milliseconds year = 366 * day;

void take_postmaster(Draft& draft, const Value& value) {
  const auto* text = draft.text(value);
  if (text == nullptr) return;
  std::string_view rest;
  const auto path = smtp::parse_path('<' + *text + '>', false, rest);
  if (!path || !rest.empty() || path->postmaster) {
    return draft.refuse(value, "is no mail address", "expected one such as \"admin@example.net\"");
  }
  draft.config.postmaster = *text;
}

void take_own_names(Draft& draft, const Value& value) {
  for (const auto* item : draft.texts(value)) {
    std::string name;
    draft.domain(*item, name);
    if (!name.empty()) draft.config.own_names.push_back(std::move(name));
  }
}

void take_state_directory(Draft& draft, const Value& value) {
  const auto* text = draft.text(value);
  if (text == nullptr) return;
  if (text->empty() || text->find('\0') != std::string::npos)
    return draft.refuse(value, "is no directory name", "expected one");
  draft.config.state_dir = draft.absolute(*text);
}

void take_servers(Draft& draft, const Value& value) {
  const auto items = draft.texts(value);
  if (value.kind == Value::Kind::array && value.items.empty()) {
    return draft.fail(
        value.line,
        "`servers` is empty, expected at least one address with a port, or no such setting for the system's servers");
  }
  for (const auto* item : items) {
    const auto server = parse_host_port(item->text);
    if (!server || server->port == 0) {
      draft.refuse(*item, "is no address with a port", "expected one such as \"127.0.0.1:53\" or \"[::1]:53\"");
    } else {
      draft.config.dns.servers.push_back(*server);
    }
  }
}

void take_metrics_address(Draft& draft, const Value& value) {
  if (draft.text(value) == nullptr) return;
  auto address = parse_host_port(value.text);
  if (!address) {
    return draft.refuse(value, "is no address with a port",
                        "expected one such as \"127.0.0.1:9150\" or \"[::1]:9150\"");
  }
  draft.config.metrics.address = std::move(address);
  draft.config.metrics.line = value.line;
}

void take_dnssec(Draft& draft, const Value& value) {
  using Dnssec = Config::Dns::Dnssec;
  draft.choice<Dnssec>(value, draft.config.dns.dnssec,
                       {{"auto", Dnssec::automatic}, {"on", Dnssec::on}, {"off", Dnssec::off}});
}

void take_retry(Draft& draft, const Value& value) {
  const auto items = draft.texts(value);
  if (value.kind == Value::Kind::array && value.items.empty())
    draft.fail(value.line, "`retry` is empty, expected at least one duration");
  auto& retry = draft.config.queue.retry;
  if (!items.empty()) retry.clear();
  for (const auto* item : items) draft.duration(*item, retry.emplace_back(5min), 1s, 10 * day);
}

constexpr Setting top[] = {
    {"hostname", "\"relay.example.net\"", false, "EHLO and Received name; default: the system's full name.",
     [](Draft& d, const Value& v) { d.domain(v, d.config.hostname); }},
    {"state_dir", "\"/var/lib/sts-relay\"", true, "Where fetched policies and the queue are kept.",
     take_state_directory},
    {"workers", "0", true, "Threads that relay; 0: one a core, at most 4.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.workers, 0, 256); }},
    {"drain", "\"30s\"", true, "How long SIGTERM waits for messages in hand.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.drain, 0ms, 1h); }},
    {"postmaster", "\"admin@example.net\"", false,
     "Where mail for <postmaster> without a domain goes; default: refused.", take_postmaster},
    {"own_names", "[]", true, "Further names of this relay, for the detection of loops.", take_own_names},
};

constexpr Setting limits[] = {
    {"message_size", "\"50MiB\"", true, "The largest message taken, announced as SIZE.",
     [](Draft& d, const Value& v) { d.size(v, d.config.limits.message_size, 1024); }},
    {"connections", "10000", true, "Client connections at a time.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.limits.connections, 1, 1'000'000); }},
    {"connections_per_client", "5000", true, "Of one client address.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.limits.connections_per_client, 1, 1'000'000); }},
    {"recipients", "1000", true, "Of one message.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.limits.recipients, 1, 100'000); }},
    {"client_timeout", "\"5m\"", true,
     "For a whole command, for each block of a message, and for a client to read what it is told.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.limits.client_timeout, 1s, 1h); }},
    {"min_data_rate", "500", true,
     "Octets a second. A message that comes more slowly uses up client_timeout, and is then given up.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.limits.min_data_rate, 1, 1'000'000); }},
};

constexpr Setting dns[] = {
    {"servers", "[\"127.0.0.1:53\"]", false, "Default: the system's (/etc/resolv.conf).", take_servers},
    {"dnssec", "\"auto\"", true,
     "auto (on where every server is on loopback and validates) | on (the servers validate, and the path to them is "
     "safe) | off. Governs DANE.",
     take_dnssec},
};

constexpr Setting tls[] = {
    {"trust_anchors", "\"ca.pem\"", false,
     "PEM file; default: the system's store. For MX hosts and policy hosts alike.",
     [](Draft& d, const Value& v) { d.readable_file(v, d.config.trust_anchors); }},
};

constexpr Setting mta_sts[] = {
    {"fetch_timeout", "\"60s\"", true, "For a whole policy fetch, from the address lookup to the last octet.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.mta_sts.fetch_timeout, 100ms, 10min); }},
    {"retry_after", "\"5m\"", true, "After a failed fetch or lookup, per domain.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.mta_sts.retry_after, 100ms, day); }},
    {"refresh_every", "\"24h\"", true, "How often a policy that is in use is fetched anew, long before it expires.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.mta_sts.refresh_every, 100ms, 30 * day); }},
    {"lookup_grace", "\"1h\"", true,
     "How long mail is deferred while a domain's record cannot be looked up and no policy of it is known.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.mta_sts.lookup_grace, 0ms, 5 * day); }},
    {"memory", "\"64MiB\"", true, "For policies kept in memory; all of them are on disk.",
     [](Draft& d, const Value& v) { d.size(v, d.config.mta_sts.memory, 4096); }},
    {"preload", "\"preload.d\"", false,
     "Policies that count until the domain's own was fetched: a folder of policy files named DOMAIN or DOMAIN.txt, or "
     "one list.",
     take_preload},
    {"enabled", "true", true,
     "false, for emergencies: what domains publish is not applied. Pinned policies are. Warned of at start and hourly.",
     [](Draft& d, const Value& v) { d.boolean(v, d.config.mta_sts.enabled); }},
};

void take_remember(Draft& draft, const Value& value) {
  using policy::memory::Remember;
  draft.choice<Remember>(value, draft.config.delivery.remember,
                         {{"off", Remember::off}, {"warn", Remember::warn}, {"enforce", Remember::enforce}});
}

constexpr Setting delivery[] = {
    {"security", "\"may\"", true,
     "Floor for every domain: may | encrypt | verify. What a domain publishes is joined to it, never replaced by it.",
     [](Draft& d, const Value& v) { take_floor(d, v, d.config.delivery.security); }},
    {"connect_timeout", "\"10s\"", true, "For one address.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.delivery.connect_timeout, 100ms, 5min); }},
    {"rcpt_budget", "\"120s\"", true, "Within which RCPT is answered, whatever the MX hosts do.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.delivery.rcpt_budget, 1s, 5min); }},
    {"remember", "\"warn\"", true,
     "What a domain without an enforced policy has proven before, TLS or a valid certificate: off | warn (less is "
     "logged) | enforce (less is deferred until it is believed).",
     take_remember},
    {"believe_after", "\"3d\"", true, "How long a domain must prove less than before until that is believed.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.delivery.believe_after, 1s, 90 * day); }},
    {"connections_per_host", "500", true, "To one MX host name, of all workers together.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.delivery.connections_per_host, 1, 100'000); }},
};

constexpr Setting queue[] = {
    {"retry", R"(["5m", "15m", "30m", "1h", "2h", "4h"])", true,
     "The pauses before a deferred message is tried again; the last repeats.", take_retry},
    {"lifetime", "\"5d\"", true, "After which a message that could not be delivered is returned.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.queue.lifetime, 1s, year); }},
    {"delay_warning", "\"4h\"", true, "After which the sender hears that the message still waits; 0s: never.",
     [](Draft& d, const Value& v) { d.duration(v, d.config.queue.delay_warning, 0ms, year); }},
    {"messages", "1000000", true, "In the queue at a time; more are answered 452.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.queue.messages, 1, 1'000'000'000); }},
    {"size", "\"10GiB\"", true, "Of them all.",
     [](Draft& d, const Value& v) { d.size(v, d.config.queue.size, 65536); }},
    {"messages_per_client", "500000", true, "Of one client address.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.queue.messages_per_client, 1, 1'000'000'000); }},
    {"size_per_client", "\"5GiB\"", true, "Of one client address.",
     [](Draft& d, const Value& v) { d.size(v, d.config.queue.size_per_client, 65536); }},
};

constexpr Setting log[] = {
    {"format", "\"text\"", true, "text (key=value) | json.",
     [](Draft& d, const Value& v) {
       d.choice<bool>(v, d.config.log.json, {{"text", false}, {"json", true}});
     }},
    {"level", "\"info\"", true, "debug | info | warn | error.",
     [](Draft& d, const Value& v) {
       using Level = Config::Log::Level;
       d.choice<Level>(
           v, d.config.log.level,
           {{"debug", Level::debug}, {"info", Level::info}, {"warn", Level::warn}, {"error", Level::error}});
     }},
};

constexpr Setting metrics[] = {
    {"address", "\"127.0.0.1:9150\"", false,
     "Where Prometheus reads http://ADDRESS/metrics; default: nowhere. Whoever can connect can read; it names no "
     "domain "
     "and no address.",
     take_metrics_address},
};

constexpr Setting lab[] = {
    {"smtp_port", "25", true, "Instead of 25, for MX hosts.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.lab.smtp_port, 1, 65535); }},
    {"https_port", "443", true, "Instead of 443, for policy hosts.",
     [](Draft& d, const Value& v) { d.integer(v, d.config.lab.https_port, 1, 65535); }},
    {"allow_loopback", "false", true, "Whether MX and policy hosts at loopback and link-local addresses are dialled.",
     [](Draft& d, const Value& v) { d.boolean(v, d.config.lab.allow_loopback); }},
};

}  // namespace

void take_floor(Draft& draft, const DocumentValue& value, Security& into) {
  draft.choice<Security>(value, into,
                         {{"may", Security::may}, {"encrypt", Security::encrypt}, {"verify", Security::verify}});
}

std::span<const SettingTable> setting_tables() {
  static const SettingTable tables[] = {
      {"", false, false, "", top},
      {"listener", true, false, "Where clients connect. One on loopback is there when none is given.",
       listener_settings()},
      {"limits", false, false, "", limits},
      {"dns", false, false, "", dns},
      {"tls", false, false, "", tls},
      {"mta_sts", false, false, "", mta_sts},
      {"delivery", false, false, "", delivery},
      {"queue", false, true, "For what listeners with on_defer = \"queue\" have taken, and for reports to senders.",
       queue},
      {"destination", true, true, "What differs for some domains; the first match wins.", destination_settings()},
      {"log", false, false, "", log},
      {"metrics", false, false, "", metrics},
      {"lab", false, true, "Laboratories only; the relay warns at start that this table is set.", lab},
  };
  return tables;
}

}  // namespace proxy
