// The settings of [[listener]] and [[destination]]. Keys of features that come later are known and checked; a value
// that would need such a feature is refused in words, never ignored: nobody may believe in a protection that is not
// there.
#include "proxy/config/settings_repeated.hpp"

#include <algorithm>
#include <string_view>

#include "protocol/base/domain_name.hpp"
#include "proxy/config/overrides.hpp"
#include "proxy/config/values.hpp"

namespace proxy {
namespace {

using Value = DocumentValue;
using namespace std::chrono_literals;
using policy::Security;

void take_listener_address(Draft& draft, const Value& value) {
  if (draft.text(value) == nullptr) return;
  auto address = parse_host_port(value.text);
  if (!address)
    return draft.refuse(value, "is no address with a port", "expected one such as \"127.0.0.1:2525\" or \"[::1]:25\"");
  draft.listener().address = std::move(*address);
  draft.listener_given().address = value.line;
}

void take_listener_tls(Draft& draft, const Value& value) {
  using Tls = smtp::ServerOptions::Tls;
  draft.listener_given().tls = value.line;
  draft.choice<Tls>(value, draft.listener().tls,
                    {{"none", Tls::none},
                     {"starttls", Tls::starttls},
                     {"require-starttls", Tls::require_starttls},
                     {"implicit", Tls::implicit}});
}

void take_networks(Draft& draft, const Value& value, std::vector<Network>& into) {
  for (const auto* item : draft.texts(value)) {
    auto network = parse_network(item->text);
    if (!network) {
      draft.refuse(*item, network.error().what, "expected one such as \"192.0.2.0/24\" or \"::1\"");
    } else {
      into.push_back(std::move(*network));
    }
  }
}

void take_allow(Draft& draft, const Value& value) {
  draft.listener_given().allow = value.line;
  if (value.kind == Value::Kind::array && value.items.empty()) {
    return draft.fail(value.line, "`allow` is empty: nobody could relay here, expected the networks of the clients");
  }
  take_networks(draft, value, draft.listener().allow);
}

void take_auth_users(Draft& draft, const Value& value) {
  draft.listener_given().auth_users = draft.listener().auth_users_line = value.line;
  draft.readable_file(value, draft.listener().auth_users);
}

constexpr std::string_view old_tls_name = "old_tls";

// Names of parts, or "all".
void take_devices(Draft& draft, const Value& value) {
  draft.listener_given().devices = value.line;
  auto& listener = draft.listener();
  for (const auto* item : draft.texts(value)) {
    const auto& name = item->text;
    bool known = false;
    std::string names = "\"all\", \"" + std::string(old_tls_name) + '"';
    for (const auto& one : smtp::leniencies) {
      if (name == "all" || name == one.name) listener.devices.*one.member = known = true;
      names += ", \"" + std::string(one.name) + '"';
    }
    if (name == "all" || name == old_tls_name) listener.old_tls = known = true;
    if (!known) draft.refuse(*item, "is not known", "expected some of " + names);
  }
}

void take_on_defer(Draft& draft, const Value& value) {
  draft.choice<bool>(value, draft.listener().queue, {{"reply", false}, {"queue", true}});
}

void take_patience(Draft& draft, const Value& value) {
  draft.listener_given().patience = value.line;
  draft.duration(value, draft.listener().patience, 0ms, 5min);
}

constexpr Setting listener_table[] = {
    {"address", "\"127.0.0.1:2525\"", true, "Port 0: any free port.", take_listener_address},
    {"tls", "\"none\"", true,
     "none | starttls (offered) | require-starttls (nothing is taken without) | implicit (from the first octet).",
     take_listener_tls},
    {"certificate", "\"relay.pem\"", false,
     "Chain, PEM, leaf first; demanded with TLS. Read anew at SIGHUP, and when the file changes.",
     [](Draft& d, const Value& v) {
       d.listener().certificate_line = v.line;
       d.readable_file(v, d.listener().certificate);
     }},
    {"key", "\"relay.key\"", false, "The certificate's key, PEM, without a pass phrase.",
     [](Draft& d, const Value& v) {
       d.listener().key_line = v.line;
       d.readable_file(v, d.listener().key);
     }},
    {"allow", R"(["127.0.0.0/8", "::1"])", true,
     "Who may relay. An address that is not on loopback demands it: the relay must not be open to all.", take_allow},
    {"auth_users", "\"users.toml\"", false,
     "Who else may, once authenticated: a [users] table of name = \"crypt(5) hash\", as `sts-relay password` makes "
     "them. "
     "Read anew at SIGHUP.",
     take_auth_users},
    {"auth_without_tls", "false", true,
     "true: AUTH also in plaintext, where everyone on the way can read the password.",
     [](Draft& d, const Value& v) {
       d.listener_given().auth_without_tls = v.line;
       d.boolean(v, d.listener().auth_without_tls);
     }},
    {"allow_keys", "[\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]", false,
     "Who else may: SHA-256 of the public key of a client's certificate, hexadecimal, whoever has signed it.",
     [](Draft& d, const Value& v) {
       d.listener_given().allow_keys = v.line;
       d.digests(v, d.listener().allow_keys);
     }},
    {"proxy_protocol", "[\"192.0.2.10\"]", false,
     "Balancers: only these may connect, and each connection begins with the PROXY protocol's header, version 1 or 2. "
     "`allow` and everything else goes by the address that it names.",
     [](Draft& d, const Value& v) {
       d.listener_given().proxy_protocol = v.line;
       take_networks(d, v, d.listener().proxy_protocol);
     }},
    {"devices", "[]", true,
     "What old clients may do here against the standards: bare_newlines, helo_names, blanks_in_paths, "
     "paths_without_brackets, inline_auth_login, no_quit, missing_fields, old_tls; or all.",
     take_devices},
    {"on_defer", "\"reply\"", true,
     "reply: the client's queue keeps what cannot go out now, nothing is stored | queue: it is taken, and tried again.",
     take_on_defer},
    {"patience", "\"30s\"", true, "Of queue listeners: how long a client waits for the MX before the message is taken.",
     take_patience},
    {"bare_newline", "\"reject\"", true, "What happens to a message with a CR or LF alone: reject | normalize.",
     [](Draft& d, const Value& v) {
       using smtp::BareNewline;
       d.choice<BareNewline>(v, d.listener().bare_newline,
                             {{"reject", BareNewline::reject}, {"normalize", BareNewline::normalize}});
     }},
    {"security", "\"may\"", true, "Floor for what comes in here: may | encrypt | verify.",
     [](Draft& d, const Value& v) { take_floor(d, v, d.listener().security); }},
    {"tls_required_no", "[]", true,
     "Clients whose `TLS-Required: No` header (RFC 8689) counts: it switches off what the domain publishes.",
     [](Draft& d, const Value& v) { take_networks(d, v, d.listener().tls_required_no); }},
};

void take_domain(Draft& draft, const Value& value) {
  if (draft.text(value) == nullptr) return;
  draft.destination_given().domain = value.line;
  // Recipient domains may hold `_` (SMTP-22 and N-3 ask no host-name rules of them).
  const auto name =
      value.text == "*" ? std::optional<std::string>("*") : base::canonical_domain(value.text, base::Alphabet::lookup);
  if (!name) {
    return draft.refuse(
        value, "is no domain name",
        "expected one such as \"example.com\" (internationalised names in their xn-- form), or \"*\" for all");
  }
  draft.destination().domain = *name;
}

std::optional<std::string> host_of(Draft& draft, const Value& value) {
  if (auto address = parse_address(value.text)) return address;
  auto name = base::canonical_domain(value.text, base::Alphabet::lookup);
  if (name && !base::looks_like_address(*name)) return name;
  draft.refuse(value, "is no host", "expected a name such as \"smarthost.example\", or an address");
  return std::nullopt;
}

// One, or several in the order in which they are tried.
void take_host(Draft& draft, const Value& value) {
  auto& route = draft.destination().route;
  std::vector<const Value*> names;
  if (value.kind == Value::Kind::array && !value.items.empty()) {
    names = draft.texts(value);
  } else if (draft.text(value) != nullptr) {
    names.push_back(&value);
  }
  draft.destination_given().host = value.line;
  for (const auto* one : names) {
    auto host = host_of(draft, *one);
    if (!host) continue;
    const bool again = *host == route.host || std::count(route.further_hosts.begin(), route.further_hosts.end(), *host);
    if (again) {
      draft.refuse(*one, "is there twice", "expected each host once");
    } else if (route.host.empty()) {
      route.host = std::move(*host);
    } else {
      route.further_hosts.push_back(std::move(*host));
    }
  }
}

Login& login_of(Draft& draft) {
  auto& login = draft.destination().login;
  if (!login) login.emplace();
  return *login;
}

void take_user(Draft& draft, const Value& value) {
  draft.destination_given().user = value.line;
  const auto* text = draft.text(value);
  if (text == nullptr) return;
  if (text->empty() || std::any_of(text->begin(), text->end(), [](unsigned char c) { return c < 32 || c == 127; }))
    return draft.refuse(value, "is no user name", "expected one without control characters");
  login_of(draft).user = *text;
}

void take_mechanisms(Draft& draft, const Value& value) {
  draft.destination_given().mechanisms = value.line;
  for (const auto* one : draft.texts(value)) {
    auto name = one->text;
    for (auto& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (name == "SCRAM-SHA-256" || name == "PLAIN" || name == "LOGIN") {
      login_of(draft).mechanisms.push_back(std::move(name));
    } else {
      draft.refuse(*one, "is not known", R"(expected some of "scram-sha-256", "plain", "login")");
    }
  }
}

void take_reason(Draft& draft, const Value& value) {
  const auto* text = draft.text(value);
  if (text == nullptr) return;
  draft.destination().route.reason = *text;
  draft.destination_given().reason = value.line;
}

constexpr Setting destination_table[] = {
    {"domain", "\"corp.example\"", false, "The recipients' domain, or \"*\" for all.", take_domain},
    {"subdomains", "false", true, "Also every name below it.",
     [](Draft& d, const Value& v) { d.boolean(v, d.destination().subdomains); }},
    {"host", "\"smarthost.example\"", false,
     "Next hop instead of the domain's MX; its own name is then the policy domain (RFC 8461 §3.4). Several, tried in "
     "this order: [\"a.example\", \"b.example\"].",
     take_host},
    {"port", "25", true, "Of the host; default 465 with tls = \"implicit\".",
     [](Draft& d, const Value& v) {
       d.destination_given().port = v.line;
       d.integer(v, d.destination().route.port, 1, 65535);
     }},
    {"tls", "\"starttls\"", true, "Of the host: starttls | implicit.",
     [](Draft& d, const Value& v) {
       d.destination_given().tls = v.line;
       d.choice<bool>(v, d.destination().route.implicit_tls, {{"starttls", false}, {"implicit", true}});
     }},
    {"security", "\"published\"", true,
     "Floor: may | encrypt | verify | published (what the policy domain publishes, no more); default verify with a "
     "host, else published.",
     [](Draft& d, const Value& v) {
       d.destination_given().security = v.line;
       d.choice<Security>(v, d.destination().route.security,
                          {{"may", Security::may},
                           {"encrypt", Security::encrypt},
                           {"verify", Security::verify},
                           {"published", Security::published}});
     }},
    {"trust_anchors", "\"corp-ca.pem\"", false, "Of the host, instead of [tls] trust_anchors. PEM.",
     [](Draft& d, const Value& v) {
       d.destination_given().trust_anchors = v.line;
       d.readable_file(v, d.destination().route.trust_anchors);
     }},
    {"pinned_keys", "[\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]", false,
     "SHA-256 of the host's public key, hexadecimal: one of these is demanded, and nothing else of its certificate.",
     [](Draft& d, const Value& v) {
       d.destination_given().pinned_keys = v.line;
       d.digests(v, d.destination().route.pinned_keys);
     }},
    {"user", "\"relay@corp.example\"", false, "The relay authenticates to the host, once that is verified.", take_user},
    {"password_file", "\"corp.password\"", false, "Holds the password, in one line.",
     [](Draft& d, const Value& v) {
       d.destination_given().password_file = v.line;
       d.secret_file(v, login_of(d).password);
     }},
    {"mechanisms", R"(["scram-sha-256", "plain", "login"])", true,
     "With `user`: which may be used. The first of these that the host offers is.", take_mechanisms},
    {"exempt", "false", true, "true: what the domain publishes is not applied. The single setting that weakens.",
     [](Draft& d, const Value& v) {
       d.destination_given().exempt = v.line;
       d.boolean(v, d.destination().route.exempt);
     }},
    {"reason", "\"ticket 4711\"", false, "Why; demanded with exempt.", take_reason},
    {"until", "\"2026-12-31\"", false, "Last day of the exemption (UTC), or a time; default: it has no end.",
     take_until},
    {"pin", "\"corp.example.policy\"", false,
     "An MTA-STS policy file that stands above what the domain publishes; its max_age counts for nothing.", take_pin},
};

}  // namespace

std::span<const Setting> listener_settings() {
  return listener_table;
}
std::span<const Setting> destination_settings() {
  return destination_table;
}

}  // namespace proxy
