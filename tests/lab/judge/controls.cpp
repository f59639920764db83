// Healthy domains: a sender that delivers nothing must not win. Nothing here attacks anyone.
#include "tests/lab/judge/catalogue.hpp"

namespace lab::judge {
namespace {

const Table control{.side = Side::control};

Attack healthy(std::string name, std::string title, std::string deed, std::string rule, std::string source,
               DomainOptions domain, Step step) {
  return control(std::move(name), std::move(title), std::move(deed), std::move(rule), std::move(source), step,
                 must_deliver, std::move(domain));
}

}  // namespace

std::vector<Attack> controls() {
  std::vector<Attack> all{
      healthy("healthy", "all is well", "Policy enforce, an MX host with the right certificate.",
              "A policy that is kept is no obstacle.", "RFC 8461 §5", {.sts = "enforce"}, nullptr),
      healthy("healthy-no-policy", "no policy, TLS offered", "No policy, and an MX host with STARTTLS.",
              "Without a policy mail flows.", "RFC 3207 §4", {}, nullptr),
      healthy("healthy-plaintext", "no policy, no TLS", "No policy, and an MX host without STARTTLS.",
              "Without a policy mail flows, in plaintext where it must.", "RFC 3207 §4", {},
              [](Field& f) { f.mx().starttls(Starttls::stripped); }),
      healthy("healthy-testing", "mode testing, bad certificate", "Mode testing; the certificate is of another name.",
              "In mode testing the message is delivered all the same.", "RFC 8461 §5.2", {.sts = "testing"},
              [](Field& f) { f.certificate({"other." + f.name}); }),
      healthy("healthy-none", "mode none, no TLS", "Mode none; the MX host has no STARTTLS.",
              "Mode none demands nothing.", "RFC 8461 §5", {.sts = "none"},
              [](Field& f) { f.mx().starttls(Starttls::stripped); }),
      healthy("healthy-wildcard-pattern", "policy with a wildcard", "The policy's mx is *.DOMAIN.",
              "A wildcard stands for the leftmost label.", "RFC 8461 §4.1", {.sts = "enforce"},
              [](Field& f) { f.domain->policy({.mx = {"*." + f.name}}); }),
      healthy("healthy-wildcard-certificate", "certificate with a wildcard", "The certificate is for *.DOMAIN.",
              "A wildcard in a certificate stands for the leftmost label.", "RFC 8461 §4.2", {.sts = "enforce"},
              [](Field& f) { f.certificate({"*." + f.name}); }),
      healthy("healthy-intermediate", "chain with an intermediate", "The certificate comes with its intermediate.",
              "A chain to a trusted root is valid.", "RFC 5280 §6", {.sts = "enforce"},
              [](Field& f) { f.certificate({f.mx().host()}, {.intermediates = 1}); }),
      healthy("healthy-line-feeds", "policy with LF lines", "The policy's lines end in LF.",
              "LF and CRLF both end a policy's line.", "RFC 8461 §3.2", {.sts = "enforce"},
              [](Field& f) { f.domain->policy({.line_end = "\n"}); }),
      healthy("healthy-extension", "policy with an unknown field", "The policy has a field that nobody knows.",
              "Unknown fields are ignored.", "RFC 8461 §3.2", {.sts = "enforce"},
              [](Field& f) { f.domain->site([](Site& s) { s.body += "future: yes\r\n"; }); }),
      healthy("healthy-second-host", "first MX host down", "The first MX host refuses connections.",
              "The next MX host is tried.", "RFC 5321 §5.1", {.mx = 2, .sts = "enforce"},
              [](Field& f) { f.mx().stop(); }),
      healthy("healthy-new-certificate", "the host changes its certificate",
              "After a first message the MX host has a new, good certificate.", "A policy pins names, not keys.",
              "RFC 8461 §4.2", {.sts = "enforce"}, [](Field& f) { f.certificate({f.mx().host()}); }),
      healthy("healthy-new-policy", "the domain changes its MX host",
              "After a first message the domain has another MX host, and a policy with a new id that names it.",
              "A new id means a new policy.", "RFC 8461 §3.3", {.mx = 2, .sts = "enforce"},
              [](Field& f) {
                f.evil(f.mx(0));
                f.domain->hosts({f.mx(1).host()});
                f.domain->policy({.mx = {f.mx(1).host()}, .id = "20260202"});
              }),
  };
  for (auto& attack : all) {
    attack.plaintext_is_fine = attack.name == "healthy-plaintext" || attack.name == "healthy-none";
    attack.needs_past = attack.name.starts_with("healthy-new-");
    if (attack.name == "healthy-new-policy")
      attack.peace = [](Field& f) {
        f.domain->hosts({f.mx(0).host()});
        f.domain->policy({.mx = {f.mx(0).host()}});
      };
  }
  return all;
}

}  // namespace lab::judge
