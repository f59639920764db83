// Attacks on domains with TLSA records. The laboratory's DNS server plays the validating resolver, and signs all for
// one that stands in front of it: what is bogus is SERVFAIL to the former's clients, and a forgery to the latter.
#include "tests/lab/judge/catalogue.hpp"
#include "tests/lab/tlsa.hpp"

namespace lab::judge {
namespace {

constexpr const char* must_match = "A host with secure TLSA records is used only if one matches.";

Attack dane(std::string name, std::string title, std::string deed, std::string rule, std::string source, Step step,
            Good good = must_defer, DomainOptions domain = {}) {
  return {.side = Side::dane,
          .name = std::move(name),
          .title = std::move(title),
          .deed = std::move(deed),
          .rule = std::move(rule),
          .source = std::move(source),
          .good = good,
          .domain = std::move(domain),
          .attack = step};
}

/// A certificate for the host and the record that fits it.
void pin(Field& f, MxHost& host, const CertificateOptions& options = {}) {
  const auto shown = f.lab.ca().issue({host.host()}, options);
  host.certificate(shown.path);
  f.tlsa(host, {tlsa(shown.x509, 3, 1, 1)});
}

/// A record that no certificate fits.
void pin_another(Field& f, MxHost& host) {
  f.tlsa(host, {tlsa(f.lab.ca().issue({"another.test"}).x509, 3, 1, 1)});
}

std::string tlsa_name(const MxHost& host) {
  return "_" + std::to_string(host.port()) + "._tcp." + host.host();
}

}  // namespace

std::vector<Attack> dane_attacks() {
  const DomainOptions two{.mx = 2};
  return {
      dane(
          "dane-healthy", "all is well (control)", "A self-signed certificate, and the TLSA record 3 1 1 that fits it.",
          "DANE-EE needs neither authority nor name.", "RFC 7672 §3.1.1",
          [](Field& f) { pin(f, f.mx(), {.self_signed = true}); }, must_deliver),
      dane(
          "dane-expired", "expired certificate, right key (control)",
          "The certificate has expired; its key is that of the TLSA record 3 1 1.", "DANE-EE ignores dates.",
          "RFC 7672 §3.1.1", [](Field& f) { pin(f, f.mx(), {.days_from = -30, .days_to = -1}); }, must_deliver),
      dane("dane-wrong-key", "another key", "The certificate is valid for the host; its key is not that of the record.",
           must_match, "RFC 7672 §2.2", [](Field& f) { pin_another(f, f.mx()); }),
      dane(
          "dane-first-wrong", "another key at the first of two hosts",
          "The first MX host's key is not that of its record.", must_match, "RFC 7672 §2.2",
          [](Field& f) {
            f.evil(f.mx(0));
            pin_another(f, f.mx(0));
            pin(f, f.mx(1));
          },
          may_deliver, two),
      dane("dane-stripped", "STARTTLS stripped", "The host has a TLSA record; STARTTLS is stripped.",
           "Secure TLSA records make TLS mandatory.", "RFC 7672 §2.2",
           [](Field& f) {
             pin(f, f.mx());
             f.mx().starttls(Starttls::stripped);
           }),
      dane("dane-unusable-stripped", "records unusable, STARTTLS stripped",
           "All TLSA records are unusable; STARTTLS is stripped.",
           "Unusable records leave TLS mandatory, unauthenticated.", "RFC 7672 §2.2",
           [](Field& f) {
             f.tlsa(f.mx(), {"1 1 1 " + std::string(64, 'a'), "3 1 1 abcd"});
             f.mx().starttls(Starttls::stripped);
           }),
      dane(
          "dane-unusable", "records unusable (control)", "All TLSA records are unusable; the host is healthy.",
          "Unusable records leave TLS mandatory, unauthenticated.", "RFC 7672 §2.2",
          [](Field& f) { f.tlsa(f.mx(), {"1 1 1 " + std::string(64, 'a')}); }, must_deliver),
      dane("dane-lookup-suppressed", "TLSA lookup suppressed", "The host has another key; the TLSA lookup fails.",
           "A failed TLSA lookup is no absence: the host is not used.", "RFC 7672 §2.1.2",
           [](Field& f) {
             pin_another(f, f.mx());
             f.lab.dns().fault(tlsa_name(f.mx()), "*", Fault::servfail);
           }),
      dane("dane-lookup-refused", "TLSA lookup refused", "The host has another key; the TLSA lookup is refused.",
           "A failed TLSA lookup is no absence: the host is not used.", "RFC 7672 §2.1.2",
           [](Field& f) {
             pin_another(f, f.mx());
             f.lab.dns().fault(tlsa_name(f.mx()), "*", Fault::refused);
           }),
      dane("dane-bogus-mx", "MX record bogus", "The MX record's signature does not hold: the resolver says SERVFAIL.",
           "A bogus answer is a failure: the message waits.", "RFC 7672 §2.1.1",
           [](Field& f) {
             pin(f, f.mx());
             f.host(f.name);
             f.lab.dns().fault(f.name, "MX", Fault::bogus);
           }),
      dane("dane-bogus-address", "address bogus", "The address's signature does not hold: the resolver says SERVFAIL.",
           "A bogus answer is a failure: the host is not used.", "RFC 7672 §2.1.1",
           [](Field& f) {
             pin(f, f.mx());
             f.lab.dns().fault(f.mx().host(), "*", Fault::bogus);
           }),
      dane("dane-bogus-tlsa", "TLSA record bogus",
           "A TLSA record that fits the attacker's key; its signature does not hold: the resolver says SERVFAIL.",
           "A bogus answer is a failure: the host is not used.", "RFC 7672 §2.1.1",
           [](Field& f) {
             pin(f, f.mx(), {.self_signed = true});
             f.lab.dns().fault(tlsa_name(f.mx()), "*", Fault::bogus);
           }),
      dane(
          "dane-insecure", "TLSA record without signature (control)",
          "The domain is not signed; its TLSA record fits no key.",
          "TLSA records that are not secure count for nothing.", "RFC 7672 §2.1.1",
          [](Field& f) {
            pin_another(f, f.mx());
            for (const auto& name : {f.name, f.mx().host(), tlsa_name(f.mx())}) f.lab.dns().insecure(name);
          },
          must_deliver),
      dane("dane-beats-policy", "policy kept, another key",
           "The certificate keeps the policy; its key is not the record's.", "A policy never overrides DANE.",
           "RFC 8461 §2", [](Field& f) { pin_another(f, f.mx()); }, must_defer, {.sts = "enforce"}),
      dane("dane-trust-anchor-name", "trust anchor kept, another name",
           "TLSA 2 1 1 names the authority; the certificate is of another name.", "DANE-TA needs the host's name.",
           "RFC 7672 §3.1.2",
           [](Field& f) {
             CertificateOptions with_root;
             with_root.appended = {f.lab.ca().root()};
             f.certificate({"mx.attacker.test"}, with_root);
             f.tlsa(f.mx(), {tlsa(f.lab.ca().root(), 2, 1, 1)});
           }),
  };
}

}  // namespace lab::judge
