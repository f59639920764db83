// The rules of a plan, in the order in which they decide. What to change: fix.cpp.
#include "policy/why.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace policy {

namespace {

using MxSet = Facts::MxSet;
using Source = StsFacts::Source;

class Rules {
 public:
  void add(const std::string& words, const std::string& source) {
    rules_.push_back({base::printable(words, 500), source});
  }
  std::vector<Rule> take() { return std::move(rules_); }

 private:
  std::vector<Rule> rules_;
};

std::string configured(const Route& route) {
  return "configuration" + (route.configured_at.empty() ? std::string() : " " + route.configured_at);
}

std::string list(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text.empty() ? "none" : text;
}

// ---- where the mail would go

void add_hosts(Rules& rules, const Facts& facts) {
  const auto& domain = facts.domain;
  if (facts.is_literal) {
    rules.add(domain + " is an address: nothing is published for it, and the floors alone count", "RFC 8461 §3.4");
    return;
  }
  switch (facts.mx_set) {
    case MxSet::configured:
      rules.add("mail for " + domain + " goes to " + facts.route.host +
                    (facts.route.further_hosts.empty() ? "" : ", else to " + list(facts.route.further_hosts) + ",") +
                    " instead of its MX hosts",
                configured(facts.route));
      if (!facts.route.pinned_keys.empty())
        rules.add("a host there must have a public key that is pinned for it", configured(facts.route));
      if (!facts.route.trust_anchors.empty())
        rules.add("certificates there are verified against its own trust anchors, " + facts.route.trust_anchors,
                  configured(facts.route));
      if (facts.route.login)
        rules.add("the relay authenticates there, to a host that is verified and to no other", configured(facts.route));
      break;
    case MxSet::null_mx:
      rules.add(domain + " says that it takes no mail: a null MX", "MX " + domain + "; RFC 7505 §3");
      break;
    case MxSet::nonexistent:
      rules.add(domain + " does not exist, or has neither MX nor address", "MX " + domain + "; RFC 5321 §5.1");
      break;
    case MxSet::failed:
      rules.add("its mail hosts cannot be looked up: " + facts.mx_words, "MX " + domain + "; RFC 5321 §5.1");
      break;
    case MxSet::implicit:
      rules.add(domain + " has no MX record: it is its own mail host", "MX " + domain + "; RFC 5321 §5.1");
      break;
    case MxSet::found:
      rules.add("hosts are tried by preference, whatever each of them proves", "MX " + domain + "; RFC 5321 §5.1");
      break;
  }
  const bool named_by_dns = facts.mx_set == MxSet::found || facts.mx_set == MxSet::implicit;
  if (!named_by_dns) return;
  rules.add(facts.mx_secure ? "the answer that names the hosts is secure: they are the domain's own"
                            : "the answer that names the hosts is not secure: a host's TLSA records prove the host, "
                              "not that it is the domain's",
            "RFC 7672 §2.2.1");
}

// ---- what is published

std::string place(const StsFacts& sts) {
  const std::string lines = ": mode: " + std::string(sts::words(sts.policy.mode)) +
                            "; mx: " + base::printable(list(sts.policy.mx), 300) +
                            "; max_age: " + std::to_string(sts.policy.max_age);
  switch (sts.source) {
    case Source::pin: return "configuration, pinned for " + sts.policy_domain + lines;
    case Source::preload: return "preloaded list, " + sts.policy_domain + lines;
    case Source::none:
    case Source::fetched:
    case Source::stored: break;
  }
  return "policy " + sts.id + " of https://mta-sts." + sts.policy_domain + "/.well-known/mta-sts.txt" + lines;
}

void add_policy_in_date(Rules& rules, const StsFacts& sts, const Circumstances& circumstances) {
  const auto where = place(sts);
  switch (sts.policy.mode) {
    case sts::Mode::enforce:
      rules.add(
          "enforce: a host that the policy does not name is not used, and one that it names must show a valid "
          "certificate for its own name",
          "RFC 8461 §4, §5; " + where);
      break;
    case sts::Mode::testing:
      rules.add("testing: nothing is demanded; what enforce would have refused is logged", "RFC 8461 §5; " + where);
      break;
    case sts::Mode::none: rules.add("none: as if no policy existed", "RFC 8461 §5; " + where); break;
  }
  const bool administrators = sts.source == Source::pin || sts.source == Source::preload;
  if (administrators) {
    rules.add(sts.source == Source::pin ? "the configuration stands above what the domain publishes"
                                        : "the list counts until the domain's own policy was fetched",
              "RFC 8461 §10.2");
  } else if (sts.expires > circumstances.now) {
    rules.add("it was fetched " + base::rfc3339(sts.fetched) + " and counts until " + base::rfc3339(sts.expires),
              "RFC 8461 §3.2 (max_age)");
  } else {
    rules.add("it was fetched for this message and is not kept", "RFC 8461 §3.2 (max_age)");
  }
  if (!sts.error.empty()) {
    rules.add("it could not be renewed, and what is stored counts until it expires: " + sts.error, "RFC 8461 §5.1");
  }
}

void add_policy(Rules& rules, const Facts& facts, const Plan& plan, const Circumstances& circumstances) {
  if (facts.is_literal || plan.route.exempt || plan.message.tls_required_no) return;
  if (facts.mx_set == MxSet::configured && facts.route.security != Security::published) {
    rules.add("the recipient's policy neither demands nor vouches where the next hop is configured", "RFC 8461 §3.4");
    return;
  }
  const auto& sts = plan.sts;
  const auto domain = !sts.policy_domain.empty()          ? sts.policy_domain
                      : facts.mx_set == MxSet::configured ? facts.route.host
                                                          : facts.domain;
  const auto record = "TXT _mta-sts." + domain;
  switch (sts.state) {
    case StsFacts::State::policy: return add_policy_in_date(rules, sts, circumstances);
    case StsFacts::State::lookup_failed:
      rules.add("whether it has a policy cannot be looked up, so the message waits: " + sts.error,
                record + "; configuration [mta_sts] lookup_grace");
      return;
    case StsFacts::State::no_policy: break;
  }
  if (sts.error.empty())
    rules.add(domain + " has no MTA-STS record, and so no policy", record + ": none; RFC 8461 §3.1");
  else
    rules.add("no policy can be had, which counts as none: " + sts.error, record + "; RFC 8461 §3.1, §3.3, §5");
}

void add_ways_down(Rules& rules, const Plan& plan) {
  if (plan.route.exempt) {
    rules.add("the domain is exempt: neither its policy nor TLSA records are applied (" + plan.route.reason + ")",
              configured(plan.route));
  }
  if (plan.message.tls_required_no) {
    rules.add("the message says `TLS-Required: No`: neither policy nor TLSA records are applied", "RFC 8689 §4.2.2");
  }
}

// ---- what the administrator and the message demand

void add_floors(Rules& rules, const Facts& facts) {
  if (const auto own = requirement_of(facts.route.security); !own.nothing())
    rules.add(std::string("this destination demands ") + (own.pkix ? "a valid certificate" : "TLS"),
              configured(facts.route) + ", security");
  if (!facts.floor.nothing()) {
    rules.add(
        std::string("this relay demands ") + (facts.floor.pkix ? "a valid certificate" : "TLS") + " of every domain",
        "configuration [delivery] security, or the listener's");
  }
  const auto& memory = facts.memory;
  if (memory.proven.nothing()) return;
  const std::string what = memory.proven.pkix ? "a valid certificate" : "TLS";
  if (facts.route.exempt)
    rules.add("it has proven " + what + " since " + memory.since + ", which an exempt domain need not",
              configured(facts.route));
  else if (memory.insists)
    rules.add("it has proven " + what + " since " + memory.since + ", and must go on doing so",
              "configuration [delivery] remember = \"enforce\"");
  else
    rules.add("it has proven " + what + " since " + memory.since + "; if it does not, that is logged and mail goes on",
              "configuration [delivery] remember");
}

void add_requiretls(Rules& rules, const Facts& facts, const Plan& plan) {
  if (plan.message.requiretls) {
    rules.add("the message demands REQUIRETLS: only verified hosts that offer it, and that are tied to the domain",
              "RFC 8689 §4.2.1");
    return;
  }
  const bool tied = facts.mx_set == MxSet::configured || facts.mx_secure || plan.enforced();
  std::string words = "a message with REQUIRETLS would demand verified hosts that offer it; ";
  if (tied)
    words += "these hosts are tied to the domain";
  else if (plan.sts.error.empty())
    words += "none is tied to the domain, so it would be refused";
  else
    words += "none is tied to the domain while its policy is not known, so it would wait";
  rules.add(words, "RFC 8689 §4.2.1");
}

// ---- host by host

void add_tlsa(Rules& rules, const Facts& facts, const Plan& plan, const HostFacts& host) {
  using State = DaneFacts::State;
  if (facts.is_literal || plan.route.exempt || plan.message.tls_required_no) return;
  const std::string port = '_' + std::to_string(facts.route.port) + "._tcp.";
  switch (host.dane.state) {
    case State::usable: {
      if (!host.dane.association) return;
      std::vector<std::string> records;
      for (const auto& record : host.dane.association->records) records.push_back(dane::words(record));
      rules.add(host.name + " must match one of its TLSA records: " + list(records),
                "RFC 7672 §2.2; TLSA " + port + host.dane.association->base_domain);
      return;
    }
    case State::unusable:
      rules.add(host.name + " must offer TLS, whatever its certificate: it has TLSA records, and none is usable",
                "RFC 7672 §2.2; TLSA " + port + host.name);
      return;
    case State::failed:
      rules.add(host.name + " is not used while its TLSA records cannot be looked up: " + host.dane.words,
                "RFC 7672 §2.1.2; TLSA " + port + host.name);
      return;
    case State::not_applicable:
      if (host.dane.words.empty()) return;
      rules.add("DANE does not apply to " + host.name + ": " + host.dane.words, "RFC 7672 §2.2");
  }
}

std::string source_of(const Facts& facts, const LeftOut& out) {
  using Reason = LeftOut::Reason;
  switch (out.reason) {
    case Reason::not_in_policy: return "RFC 8461 §4.1; " + place(facts.sts);
    case Reason::not_tied: return "RFC 8689 §4.2.1";
    case Reason::tlsa_failed: return "RFC 7672 §2.1.2";
    case Reason::own_name: return "RFC 5321 §5.1; configuration hostname, own_names, listeners";
    case Reason::behind_own_name: return "RFC 5321 §5.1";
    case Reason::no_address:
    case Reason::address_failed: return "A and AAAA " + out.host + "; RFC 5321 §5.1";
    case Reason::address_forbidden: break;
  }
  return "A and AAAA " + out.host + "; loopback and the like are no mail hosts of others";
}

}  // namespace

std::vector<Rule> rules(const Facts& facts, const Plan& plan, const Circumstances& circumstances) {
  Rules all;
  add_hosts(all, facts);
  add_ways_down(all, plan);
  add_policy(all, facts, plan, circumstances);
  if (!circumstances.dnssec.empty()) all.add(circumstances.dnssec, "configuration [dns] dnssec; RFC 7672 §2.1.1");
  for (const auto& host : facts.hosts) add_tlsa(all, facts, plan, host);
  add_floors(all, facts);
  if (plan.refusal) return all.take();
  add_requiretls(all, facts, plan);
  for (const auto& out : plan.left_out) all.add(out.host + " is left out: " + out.words, source_of(facts, out));
  if (!plan.attempts.empty() && plan.strongest().nothing()) {
    all.add("nothing is demanded: TLS where it works, then weaker TLS, then plaintext", "RFC 7435 §3");
  }
  return all.take();
}

std::string rule_line(const Rule& rule) {
  return rule.words + " [" + rule.source + ']';
}

}  // namespace policy
