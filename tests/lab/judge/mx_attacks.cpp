// Attacks on the way to the MX host of a domain whose policy says enforce, met at first contact. The attacker owns the
// network between sender and host, or DNS; never the authority.
#include "tests/lab/judge/catalogue.hpp"

namespace lab::judge {
namespace {

constexpr const char *no_tls = "Under enforce a host without STARTTLS gets no message.",
                     *no_plaintext_after =
                         "What came in plaintext before the handshake is thrown away or ends the session.",
                     *no_proof = "Under enforce a host whose certificate proves nothing gets no message.",
                     *no_name = "A certificate counts for the MX host's name in its subjectAltName, as DNS-ID.",
                     *not_named = "A host that the policy does not name gets no message.";

const Table on_mx{.side = Side::mx};

std::vector<Attack> on_starttls() {
  const std::string sts = "RFC 8461 §5", tls = "RFC 3207 §4";
  return {
      on_mx("starttls-stripped", "STARTTLS stripped", "The offer of STARTTLS is cut out of the EHLO reply.", no_tls,
            sts, [](Field& f) { f.mx().starttls(Starttls::stripped); }),
      on_mx("starttls-refused", "STARTTLS refused", "STARTTLS is offered and answered 454.", no_tls, sts,
            [](Field& f) { f.mx().starttls(Starttls::refused); }),
      on_mx("starttls-unknown", "STARTTLS unknown", "STARTTLS is offered and answered 502.", no_tls, sts,
            [](Field& f) { f.mx().on("STARTTLS", "502 5.5.1 not implemented"); }),
      on_mx("ehlo-refused", "EHLO refused", "EHLO is answered 502, so that the sender falls back to HELO.", no_tls, sts,
            [](Field& f) { f.mx().on("EHLO", "502 5.5.1 not implemented"); }),
      on_mx("starttls-garbage", "garbage for TLS", "STARTTLS is answered 220, the handshake with garbage.", no_tls, sts,
            [](Field& f) { f.mx().starttls(Starttls::garbage); }),
      on_mx("starttls-dropped", "closed instead of TLS", "STARTTLS is answered 220, then the connection ends.", no_tls,
            sts, [](Field& f) { f.mx().starttls(Starttls::drop); }),
      on_mx("starttls-closed", "closed after the handshake", "The connection ends right after the handshake.", no_tls,
            sts, [](Field& f) { f.mx().starttls(Starttls::close); }),
      on_mx(
          "plaintext-injected", "plaintext injected", "Replies in plaintext follow the 220 to STARTTLS.",
          no_plaintext_after, tls, [](Field& f) { f.mx().starttls(Starttls::inject); }, may_deliver),
      on_mx(
          "plaintext-injected-unended", "plaintext injected without a line end",
          "Half a reply in plaintext follows the 220 to STARTTLS.", no_plaintext_after, tls,
          [](Field& f) { f.mx().starttls(Starttls::inject_part); }, may_deliver),
      on_mx("tls-1.1", "TLS 1.1 at most", "The handshake offers nothing above TLS 1.1.",
            "TLS below 1.2 is not used where TLS is demanded.", "RFC 8996 §5",
            [](Field& f) { f.mx().tls_versions(TLS1_1_VERSION, TLS1_1_VERSION); }),
      on_mx("tls-1.0", "TLS 1.0 at most", "The handshake offers nothing above TLS 1.0.",
            "TLS below 1.2 is not used where TLS is demanded.", "RFC 8996 §4",
            [](Field& f) { f.mx().tls_versions(TLS1_VERSION, TLS1_VERSION); }),
  };
}

std::vector<Attack> on_the_certificate() {
  const std::string name = "RFC 8461 §4.2", path = "RFC 5280 §6.1";
  return {
      on_mx("certificate-of-another", "certificate of another name", "The certificate is valid, for the attacker.",
            no_name, name, [](Field& f) { f.certificate({"mx.attacker.test"}); }),
      on_mx("certificate-of-domain", "certificate of the domain", "The certificate is of the domain, not of the host.",
            no_name, name, [](Field& f) { f.certificate({f.name}); }),
      on_mx("certificate-of-sibling", "certificate of another MX host",
            "The certificate is of another host that the policy names.", no_name, name,
            [](Field& f) {
              f.domain->policy({.mx = {f.mx().host(), "mx2." + f.name}});
              f.certificate({"mx2." + f.name});
            }),
      on_mx("certificate-expired", "certificate expired", "The certificate has expired.", no_proof, path,
            [](Field& f) { f.certificate({f.mx().host()}, {.days_from = -30, .days_to = -1}); }),
      on_mx("certificate-not-yet", "certificate not yet valid", "The certificate is valid from tomorrow.", no_proof,
            path, [](Field& f) { f.certificate({f.mx().host()}, {.days_from = 1, .days_to = 30}); }),
      on_mx("certificate-self-signed", "certificate self-signed", "The certificate is signed by its own key.", no_proof,
            path, [](Field& f) { f.certificate({f.mx().host()}, {.self_signed = true}); }),
      on_mx("certificate-untrusted", "untrusted authority", "The certificate is from an authority that nobody trusts.",
            no_proof, path, [](Field& f) { f.mx().certificate(f.lab.other_ca().issue({f.mx().host()}).path); }),
      on_mx("certificate-incomplete", "missing intermediate", "The intermediate certificate is not sent.", no_proof,
            path,
            [](Field& f) { f.certificate({f.mx().host()}, {.intermediates = 1, .leave_out_intermediates = true}); }),
      on_mx("certificate-for-clients", "certificate for clients only", "The certificate may serve clients alone.",
            no_proof, "RFC 5280 §4.2.1.12",
            [](Field& f) { f.certificate({f.mx().host()}, {.extended_key_usage = "clientAuth"}); }),
      on_mx("certificate-common-name", "name in CN only", "The host's name stands in the subject's CN alone.", no_name,
            name, [](Field& f) { f.certificate({}, {.common_name = f.mx().host()}); }),
      on_mx("certificate-partial-wildcard", "partial wildcard", "The certificate is for mx*.DOMAIN.",
            "A wildcard is a whole label.", "RFC 9525 §6.3", [](Field& f) { f.certificate({"mx*." + f.name}); }),
      on_mx("certificate-two-level-wildcard", "wildcard for two labels",
            "The certificate is for a wildcard two labels above.", "A wildcard stands for one label.", "RFC 9525 §6.3",
            [](Field& f) { f.certificate({"*." + f.parent()}); }),
      on_mx("certificate-nul", "NUL in the name", "The certificate is for HOST, a NUL octet, and the attacker's name.",
            no_name, name,
            [](Field& f) {
              f.certificate({f.mx().host() + std::string(1, '\0') + ".attacker.test"}, {.common_name = "attacker"});
            }),
  };
}

std::vector<Attack> on_the_record() {
  const std::string sts = "RFC 8461 §5", name = "RFC 8461 §4.1";
  const DomainOptions two{.mx = 2, .sts = "enforce"};
  return {
      on_mx("mx-forged", "MX record forged",
            "The MX record names a host of the attacker, with a certificate of its own.", not_named, sts,
            [](Field& f) { f.domain->hosts({f.host("mx.attacker." + f.name).host()}); }),
      on_mx(
          "mx-forged-first", "forged MX before the good one", "The attacker's host is preferred to the good one.",
          not_named, sts,
          [](Field& f) {
            f.domain->hosts({f.host("mx.attacker." + f.name).host(), f.mx().host()});
          },
          may_deliver),
      on_mx("mx-below-pattern", "MX two labels below the wildcard",
            "The policy's mx is *.DOMAIN; the host is a.b.DOMAIN.", "A wildcard stands for one label.", name,
            [](Field& f) {
              f.domain->policy({.mx = {"*." + f.name}});
              f.domain->hosts({f.host("a.b." + f.name).host()});
            }),
      on_mx("mx-is-domain", "MX is the domain itself", "The policy's mx is *.DOMAIN; the MX host is DOMAIN.",
            "A wildcard stands for one label.", name,
            [](Field& f) {
              f.domain->policy({.mx = {"*." + f.name}});
              f.host(f.name);
              f.domain->hosts({f.name});
            }),
      on_mx("mx-suffix", "MX whose name ends like the good one",
            "The MX host is evil-HOST, which ends like a good one.", "Names are compared label by label.", name,
            [](Field& f) { f.domain->hosts({f.host("evil-" + f.mx().host()).host()}); }),
      on_mx("mx-removed", "MX record withheld", "There is no MX record; the domain's address is the attacker's host.",
            not_named, "RFC 5321 §5.1",
            [](Field& f) {
              f.host(f.name);
              f.lab.dns().remove(f.name, "MX");
            }),
      on_mx("mx-alias", "MX host is an alias", "The MX host's name is a CNAME for the attacker's host.",
            "The name to prove is the one in the MX record.", name,
            [](Field& f) {
              const auto& thief = f.host("mx.attacker." + f.name);
              f.lab.dns().remove(f.mx().host());
              f.lab.dns().set(f.mx().host(), "CNAME", {thief.host() + "."});
            }),
      on_mx("mx-domain-alias", "domain is an alias", "A forged CNAME makes the domain another, which has no policy.",
            "The policy is that of the domain in the address.", "RFC 8461 §3",
            [](Field& f) {
              const std::string other = "attacker." + f.name;
              f.lab.dns().remove(f.name);
              f.lab.dns().set(f.name, "CNAME", {other + "."});
              f.lab.dns().set(other, "MX", {"10 " + f.host("mx." + other).host() + "."});
            }),
      on_mx("mx-address", "MX record with an address", "The MX record's host is written as an address.", not_named, sts,
            [](Field& f) { f.domain->hosts({f.host("mx.attacker." + f.name).address()}); }),
      on_mx("mx-servfail", "MX record withheld by failure", "The lookup of the MX record fails.",
            "A failed lookup is no absence: the message waits.", "RFC 5321 §5.1",
            [](Field& f) {
              f.host(f.name);
              f.lab.dns().fault(f.name, "MX", Fault::servfail);
            }),
      on_mx(
          "mx-first-stripped", "first of two hosts stripped", "STARTTLS is stripped at the first MX host alone.",
          no_tls, sts,
          [](Field& f) {
            f.evil(f.mx(0));
            f.mx(0).starttls(Starttls::stripped);
          },
          may_deliver, two),
      on_mx(
          "mx-first-expired", "first of two hosts unproven", "The first MX host's certificate has expired.", no_proof,
          sts,
          [](Field& f) {
            f.evil(f.mx(0));
            f.certificate({f.mx(0).host()}, {.days_from = -30, .days_to = -1});
          },
          may_deliver, two),
      on_mx("mx-address-forged", "address forged", "The MX host's address is the attacker's.", no_proof, sts,
            [](Field& f) {
              const auto& thief = f.host("mx.attacker." + f.name);
              f.lab.dns().set(f.mx().host(), "A", {thief.address()});
            }),
  };
}

}  // namespace

std::vector<Attack> mx_attacks() {
  std::vector<Attack> all;
  for (auto part : {on_starttls, on_the_certificate, on_the_record})
    for (auto& attack : part()) all.push_back(std::move(attack));
  return all;
}

}  // namespace lab::judge
