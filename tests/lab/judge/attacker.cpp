// By name, the longest beginning counts.
#include "tests/lab/judge/attacker.hpp"

#include <string_view>
#include <utility>

namespace lab::judge {
namespace {

constexpr Attacker nowhere, at_dns{.dns = true}, at_policy_host{.policy_host = true}, on_the_way{.way = true},
    at_dns_and_way{.dns = true, .way = true}, with_a_host{.dns = true, .host = true},
    everywhere{.dns = true, .policy_host = true, .way = true}, as_author{.author = true};

constexpr std::pair<std::string_view, Attacker> places[] = {
    {"healthy", nowhere},
    {"policy-", at_policy_host},
    {"policy-host-blocked", at_dns},
    {"policy-record-", at_dns},
    {"past-", on_the_way},
    {"past-policy-", everywhere},
    {"past-policy-blocked", at_dns_and_way},
    {"past-record-", at_dns_and_way},
    {"past-forged-id-host-down", everywhere},
    {"past-forged-id-host-unknown", at_dns_and_way},
    {"past-disarmed-", everywhere},
    {"past-mx-forged", with_a_host},
    {"past-resumed-session", at_dns_and_way},
    {"starttls-", on_the_way},
    {"ehlo-", on_the_way},
    {"plaintext-", on_the_way},
    {"tls-", on_the_way},
    {"certificate-", on_the_way},
    {"mx-", with_a_host},
    {"mx-first-", on_the_way},
    {"dane-", on_the_way},
    {"dane-healthy", nowhere},
    {"dane-expired", nowhere},
    {"dane-unusable", nowhere},
    {"dane-unusable-stripped", on_the_way},
    {"dane-insecure", nowhere},
    {"dane-lookup-", at_dns_and_way},
    {"dane-bogus-mx", with_a_host},
    {"dane-bogus-address", at_dns_and_way},
    {"dane-bogus-tlsa", at_dns_and_way},
    {"smuggle-", as_author},
    {"eight-bits", nowhere},
    {"lone-dots", nowhere},
    {"long-line", nowhere},
};

}  // namespace

Attacker attacker(const Attack& attack) {
  Attacker found;
  std::size_t length = 0;
  for (const auto& [beginning, where] : places) {
    if (beginning.size() < length || !attack.name.starts_with(beginning)) continue;
    found = where;
    length = beginning.size();
  }
  return found;
}

}  // namespace lab::judge
