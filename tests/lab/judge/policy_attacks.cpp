// Attacks on the policy's way to a sender that has none yet. The MX host is healthy: what the attacker serves would cut
// the domain off if it were believed.
#include "tests/lab/judge/catalogue.hpp"

namespace lab::judge {
namespace {

constexpr const char* no_policy =
    "A policy that cannot be fetched over valid HTTPS is none: delivery goes on as without MTA-STS.";

const Table on_policy{.side = Side::policy};

/// What a sender without a policy is told.
Attack forged(std::string name, std::string title, std::string deed, std::string source, Step step,
              Good good = must_deliver, std::string rule = no_policy) {
  return on_policy(std::move(name), std::move(title), std::move(deed), std::move(rule), std::move(source), step, good);
}

void deny(Field& f, const std::string& certificate) {
  f.domain->site([&](Site& s) { s.certificate = certificate, s.body = f.denying_policy(); });
}

}  // namespace

std::vector<Attack> policy_attacks() {
  return {
      forged(
          "policy-host-blocked", "policy host blocked", "The address of the policy host cannot be looked up.",
          "RFC 8461 §3.3", [](Field& f) { f.lab.dns().fault(f.domain->policy_host(), "*", Fault::servfail); },
          may_deliver),
      forged("policy-host-down", "policy host down", "Nothing listens at the policy host's address.", "RFC 8461 §3.3",
             [](Field& f) { f.lab.dns().set(f.domain->policy_host(), "A", {dead_address}); }),
      forged("policy-certificate-of-another", "forged policy, certificate of another name",
             "The policy host shows a valid certificate of another name and a policy that names the attacker's MX.",
             "RFC 8461 §3.3", [](Field& f) { deny(f, f.lab.ca().issue({"mta-sts.attacker.test"}).path); }),
      forged("policy-certificate-of-domain", "forged policy, certificate of the bare domain",
             "The certificate is of the domain, not of mta-sts.DOMAIN.", "RFC 8461 §3.3",
             [](Field& f) { deny(f, f.lab.ca().issue({f.name}).path); }),
      forged("policy-certificate-expired", "forged policy, expired certificate",
             "The policy host's certificate has expired.", "RFC 8461 §3.3",
             [](Field& f) {
               deny(f, f.lab.ca().issue({f.domain->policy_host()}, {.days_from = -30, .days_to = -1}).path);
             }),
      forged("policy-certificate-self-signed", "forged policy, self-signed certificate",
             "The policy host's certificate is signed by its own key.", "RFC 8461 §3.3",
             [](Field& f) { deny(f, f.lab.ca().issue({f.domain->policy_host()}, {.self_signed = true}).path); }),
      forged("policy-certificate-untrusted", "forged policy, untrusted authority",
             "The policy host's certificate is from an authority that nobody trusts.", "RFC 8461 §3.3",
             [](Field& f) { deny(f, f.lab.other_ca().issue({f.domain->policy_host()}).path); }),
      forged(
          "policy-redirected", "redirect to a forged policy", "The policy host redirects to the attacker's.",
          "RFC 8461 §3.3",
          [](Field& f) {
            f.lab.site("attacker." + f.name, f.denying_policy());
            f.domain->site([&](Site& s) {
              s.status = "302 Found", s.body = f.denying_policy();
              s.headers = {"Location: https://mta-sts.attacker." + f.name + ":" + std::to_string(f.lab.https_port()) +
                           "/.well-known/mta-sts.txt"};
            });
          },
          must_deliver, "Redirects are not followed: there is no policy."),
      forged(
          "policy-not-found", "404", "The policy host answers 404, with a policy as its text.", "RFC 8461 §3.3",
          [](Field& f) { f.domain->site([&](Site& s) { s.status = "404 Not Found", s.body = f.denying_policy(); }); },
          must_deliver, "Only status 200 carries a policy."),
      forged(
          "policy-wrong-type", "wrong media type", "The forged policy is text/html, as a page that users upload is.",
          "RFC 8461 §3.2",
          [](Field& f) { f.domain->site([&](Site& s) { s.content_type = "text/html", s.body = f.denying_policy(); }); },
          must_deliver, "The media type should be text/plain, so that pages of users are no policy."),
      forged(
          "policy-endless", "policy without end", "The policy host sends a policy that never ends.", "RFC 8461 §3.3",
          [](Field& f) { f.domain->site([](Site& s) { s.behaviour = Behaviour::endless; }); }, may_deliver,
          "Size and time of a fetch are bounded; mail goes on."),
      forged(
          "policy-dripping", "policy drip by drip", "The policy host sends one octet a second.", "RFC 8461 §3.3",
          [](Field& f) { f.domain->site([](Site& s) { s.behaviour = Behaviour::drip; }); }, may_deliver,
          "Size and time of a fetch are bounded; mail goes on."),
      forged(
          "policy-hanging", "policy host that never answers", "The policy host accepts and says nothing.",
          "RFC 8461 §3.3", [](Field& f) { f.domain->site([](Site& s) { s.behaviour = Behaviour::hang; }); },
          may_deliver, "The time of a fetch is bounded; mail goes on."),
      forged(
          "policy-invalid", "policy without a version", "The policy lacks its version.", "RFC 8461 §3.2",
          [](Field& f) { f.domain->site([&](Site& s) { s.body = f.denying_policy().substr(16); }); }, must_deliver,
          "A policy that breaks the grammar is none."),
      forged(
          "policy-cut-short", "policy cut short", "The connection ends before the policy does.", "RFC 9112 §8",
          [](Field& f) {
            f.domain->site([&](Site& s) { s.behaviour = Behaviour::brief, s.body = f.denying_policy(); });
          },
          must_deliver, "An incomplete answer is no policy."),
      forged(
          "policy-record-twice", "two TXT records", "A second record with another id stands beside the first.",
          "RFC 8461 §3.1",
          [](Field& f) {
            f.domain->txt({sts_record("1"), sts_record("2")});
            f.domain->site([&](Site& s) { s.body = f.denying_policy(); });
          },
          must_deliver, "More than one record is none."),
      forged(
          "policy-record-servfail", "TXT record withheld", "The lookup of the TXT record fails.", "RFC 8461 §3.1",
          [](Field& f) { f.lab.dns().fault("_mta-sts." + f.name, "*", Fault::servfail); }, may_deliver,
          "Without any knowledge of a policy the message is delivered, or waits for the lookup."),
  };
}

}  // namespace lab::judge
