// Attacks on a sender that has met the domain in peace: what it has learnt must hold. Each first message must arrive
// before the attack begins.
#include "tests/lab/judge/catalogue.hpp"

namespace lab::judge {
namespace {

constexpr const char* cached =
    "A policy in the cache counts until its max_age has passed, whatever happens to its source.";

const Table with_a_past{.side = Side::past, .needs_past = true};

/// The attack on the policy's source; STARTTLS is stripped besides.
Attack stripped_and(std::string name, std::string title, const std::string& deed, std::string source, Step step,
                    std::string rule = cached) {
  return with_a_past(std::move(name), std::move(title), deed + " STARTTLS is stripped.", std::move(rule),
                     std::move(source), step);
}

void strip(Field& f) {
  f.mx().starttls(Starttls::stripped);
}

/// A forged id, and at the policy host what `change` makes of a policy that disarms the domain.
void disarm(Field& f, const std::function<void(Site&)>& change) {
  f.domain->site([&](Site& s) {
    s.body = f.disarming_policy();
    change(s);
  });
  f.domain->txt({sts_record("20990101")});
  strip(f);
}

void disarm_as(Field& f, const Certificate& certificate) {
  disarm(f, [&](Site& s) { s.certificate = certificate.path; });
}

std::vector<Attack> on_the_policy() {
  return {
      stripped_and("past-policy-blocked", "record and policy host blocked", "All lookups for the policy fail.",
                   "RFC 8461 §5.1", [](Field& f) { f.domain->block(), strip(f); }),
      stripped_and("past-record-removed", "TXT record removed", "The TXT record is gone.", "RFC 8461 §5.1",
                   [](Field& f) { f.domain->txt({}), strip(f); }),
      stripped_and("past-record-twice", "TXT record doubled", "A second TXT record makes both invalid.",
                   "RFC 8461 §3.1",
                   [](Field& f) {
                     f.domain->txt({sts_record("1"), sts_record("2")}), strip(f);
                   }),
      stripped_and("past-record-other-version", "TXT record of another version", "The TXT record says STSv9.",
                   "RFC 8461 §3.1", [](Field& f) { f.domain->txt({"v=STSv9; id=1;"}), strip(f); }),
      stripped_and("past-forged-id-host-down", "forged id, policy host unreachable",
                   "The TXT record has a new id; the policy host cannot be reached.", "RFC 8461 §5.1",
                   [](Field& f) {
                     f.domain->txt({sts_record("20990101")});
                     f.lab.dns().set(f.domain->policy_host(), "A", {dead_address});
                     strip(f);
                   }),
      stripped_and("past-forged-id-host-unknown", "forged id, policy host denied",
                   "The TXT record has a new id; the policy host does not exist.", "RFC 8461 §5.1",
                   [](Field& f) {
                     f.domain->txt({sts_record("20990101")});
                     f.lab.dns().fault(f.domain->policy_host(), "*", Fault::nxdomain);
                     strip(f);
                   }),
      stripped_and("past-disarmed-by-another", "mode none, certificate of another name",
                   "A policy of mode none is served under a certificate of another name.", "RFC 8461 §3.3",
                   [](Field& f) { disarm_as(f, f.lab.ca().issue({"mta-sts.attacker.test"})); }),
      stripped_and("past-disarmed-expired", "mode none, expired certificate",
                   "A policy of mode none is served under an expired certificate.", "RFC 8461 §3.3",
                   [](Field& f) {
                     disarm_as(f, f.lab.ca().issue({f.domain->policy_host()}, {.days_from = -30, .days_to = -1}));
                   }),
      stripped_and("past-disarmed-self-signed", "mode none, self-signed certificate",
                   "A policy of mode none is served under a self-signed certificate.", "RFC 8461 §3.3",
                   [](Field& f) { disarm_as(f, f.lab.ca().issue({f.domain->policy_host()}, {.self_signed = true})); }),
      stripped_and("past-disarmed-untrusted", "mode none, untrusted authority",
                   "A policy of mode none is served under a certificate that nobody trusts.", "RFC 8461 §3.3",
                   [](Field& f) { disarm_as(f, f.lab.other_ca().issue({f.domain->policy_host()})); }),
      stripped_and("past-disarmed-by-redirect", "mode none, by redirect",
                   "The policy host redirects to one that serves mode none.", "RFC 8461 §3.3",
                   [](Field& f) {
                     f.lab.site("attacker." + f.name, f.disarming_policy());
                     disarm(f, [&](Site& s) {
                       s.status = "301 Moved Permanently";
                       s.headers = {"Location: https://mta-sts.attacker." + f.name + ":" +
                                    std::to_string(f.lab.https_port()) + "/.well-known/mta-sts.txt"};
                     });
                   }),
      stripped_and("past-disarmed-by-404", "mode none in a 404", "Mode none stands in the text of a 404.",
                   "RFC 8461 §3.3", [](Field& f) { disarm(f, [](Site& s) { s.status = "404 Not Found"; }); }),
      stripped_and("past-disarmed-by-html", "mode none in a page", "Mode none is served as text/html.", "RFC 8461 §3.2",
                   [](Field& f) { disarm(f, [](Site& s) { s.content_type = "text/html"; }); }),
      stripped_and("past-disarmed-cut-short", "mode none, cut short", "Mode none comes in an incomplete answer.",
                   "RFC 9112 §8", [](Field& f) { disarm(f, [](Site& s) { s.behaviour = Behaviour::brief; }); }),
      stripped_and("past-policy-garbage", "garbage for a policy", "The new policy is no policy.", "RFC 8461 §3.2",
                   [](Field& f) { disarm(f, [](Site& s) { s.body = "<html>parked</html>\n"; }); }),
      stripped_and("past-policy-empty", "empty policy", "The new policy has no octet.", "RFC 8461 §3.2",
                   [](Field& f) { disarm(f, [](Site& s) { s.body.clear(); }); }),
      stripped_and("past-policy-endless", "policy without end", "The new policy never ends.", "RFC 8461 §3.3",
                   [](Field& f) { disarm(f, [](Site& s) { s.behaviour = Behaviour::endless; }); }),
  };
}

}  // namespace

std::vector<Attack> attacks_with_a_past() {
  auto all = on_the_policy();
  all.push_back(with_a_past("past-starttls-stripped", "downgrade on a second connection",
                            "The first connection had TLS, the second is not offered it.",
                            "Each connection is judged for itself.", "RFC 8461 §5", strip));
  all.push_back(with_a_past("past-certificate-swapped", "certificate swapped on a second connection",
                            "The second connection shows a valid certificate of another name.",
                            "Each connection is judged for itself.", "RFC 8461 §4.2",
                            [](Field& f) { f.certificate({"mx.attacker.test"}); }));
  all.push_back(with_a_past("past-mx-forged", "MX record forged", "The MX record names a host of the attacker.",
                            "Hosts that the policy does not name are not used.", "RFC 8461 §5",
                            [](Field& f) { f.domain->hosts({f.host("mx.attacker." + f.name).host()}); }));
  all.push_back(with_a_past(
      "past-resumed-session", "resumed session of another host",
      "The MX host becomes one whose address and TLS sessions the sender knows from another name.",
      "A resumed session proves the name that its full handshake proved, no other.", "RFC 8461 §4.2", [](Field& f) {
        f.lab.dns().set("mx2." + f.name, "A", {f.mx().address()});
        f.domain->hosts({"mx2." + f.name});
      }));
  all.back().peace = [](Field& f) { f.domain->policy({.mx = {"*." + f.name}}); };
  all.push_back(with_a_past("past-cohosted", "domain without a policy, same host",
                            "A domain without a policy uses the MX host first, whose certificate is of another name.",
                            "Connections opened for a domain without a policy prove nothing for one with a policy.",
                            "RFC 8461 §5", nullptr));
  all.back().first_domain = "open";
  all.back().peace = [](Field& f) {
    f.certificate({"mx.attacker.test"});
    f.lab.dns().set("open." + f.name, "MX", {"10 " + f.mx().host() + "."});
  };
  return all;
}

}  // namespace lab::judge
