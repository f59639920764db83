// Which MX hosts a policy allows.
#include <catch2/catch.hpp>

#include "policy/sts/policy_file.hpp"

namespace sts = policy::sts;

TEST_CASE("an mx pattern is the name itself or covers exactly one label", "[STS-33][M-1]") {
  struct {
    const char* pattern;
    const char* host;
    bool match;
  } const cases[] = {
      {"mx1.example.net", "mx1.example.net", true},
      {"MX1.Example.net", "mx1.eXample.NET", true},
      {"*.example.net", "mx1.example.net", true},
      {"*.example.net", "MX1.EXAMPLE.NET", true},
      {"*.net", "example.net", true},
      {"*.xn--bcher-kva.example", "mx.xn--bcher-kva.example", true},
      {"*.example", "a.b.example", false},
      {"*.example", "example", false},
      {"*.example", ".example", false},
      {"*.example", "a..example", false},
      {"*.mx.provider.example", "example-com.h-v1.mx.provider.example", false},
      {"*.mail.example", "mail.example", false},
      {"*.m.test", "mx1.evilm.test", false},
      {"mx1.m.test", "evilmx1.m.test", false},
      {"m.test", "mx1.m.test", false},
      {"mx1.m.test", "mx2.m.test", false},
      {"mx1.m.test", "mx1.m.test.evil", false},
      {"*.m.test", "mx1.m.test.evil", false},
      {"mx1.m.test", "", false},
      {"*.m.test", "", false},
      {"mx_1.m.test", "mx_1.m.test", true},
  };
  for (const auto& [pattern, host, match] : cases) {
    CAPTURE(pattern, host);
    CHECK(sts::matches(pattern, host) == match);
  }
}

TEST_CASE("an address among the mx patterns matches nothing", "[STS-19][P-2]") {
  CHECK_FALSE(sts::matches("192.0.2.56", "192.0.2.56"));
  CHECK_FALSE(sts::matches("*.0.2.56", "192.0.2.56"));
  const sts::Policy policy{sts::Mode::enforce, {"mx1.example.net", "192.0.2.56"}, 86400};
  CHECK(sts::allows(policy, "mx1.example.net"));
  CHECK_FALSE(sts::allows(policy, "192.0.2.56"));
}

TEST_CASE("a policy allows the hosts that any of its patterns matches", "[STS-33]") {
  const sts::Policy policy{sts::Mode::enforce, {"a.m.test", "*.b.test", "mx1.m.test"}, 86400};
  for (const auto* host : {"a.m.test", "x.b.test", "mx1.m.test"}) CHECK(sts::allows(policy, host));
  for (const auto* host : {"b.m.test", "b.test", "x.y.b.test", ""}) CHECK_FALSE(sts::allows(policy, host));
  CHECK_FALSE(sts::allows(sts::Policy{}, "a.m.test"));
}
