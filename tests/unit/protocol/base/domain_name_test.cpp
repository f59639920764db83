// base/domain_name: canonical form, the two alphabets, and names that are addresses in disguise.
#include "protocol/base/domain_name.hpp"

#include <catch2/catch.hpp>

using base::Alphabet;
using base::canonical_domain;

TEST_CASE("a domain name is lower case without its trailing dot") {
  CHECK(canonical_domain("Example.COM.", Alphabet::host) == "example.com");
  CHECK(canonical_domain("localhost", Alphabet::host) == "localhost");
  CHECK(canonical_domain("xn--bcher-kva.example", Alphabet::host) == "xn--bcher-kva.example");
}

TEST_CASE("a domain name has labels of 1 to 63 octets and 253 in all", "[SMTP-54]") {
  const std::string label63(63, 'a');
  CHECK(canonical_domain(label63 + ".test", Alphabet::host));
  CHECK_FALSE(canonical_domain(label63 + "a.test", Alphabet::host));
  const std::string three = label63 + "." + label63 + "." + label63 + ".";
  CHECK(canonical_domain(three + std::string(61, 'b'), Alphabet::host));
  CHECK(canonical_domain(three + std::string(61, 'b') + ".", Alphabet::host));
  CHECK_FALSE(canonical_domain(three + std::string(62, 'b'), Alphabet::host));
  for (const auto* bad : {"", ".", "..", ".a", "a..b", "a.b..", "-a.test", "a-.test", "a b.test", "a@b", "caf\xe9.test",
                          "*.test", "a.test\n", "a/b"}) {
    CAPTURE(bad);
    CHECK_FALSE(canonical_domain(bad, Alphabet::host));
    CHECK_FALSE(canonical_domain(bad, Alphabet::lookup));
  }
}

TEST_CASE("an underscore is for looking up and not for hosts", "[SMTP-54]") {
  CHECK(canonical_domain("_mta-sts.Example.com", Alphabet::lookup) == "_mta-sts.example.com");
  CHECK(canonical_domain("my_app.example", Alphabet::lookup) == "my_app.example");
  CHECK_FALSE(canonical_domain("my_app.example", Alphabet::host));
}

TEST_CASE("a name that is an address is known as one", "[SMTP-16]") {
  for (const auto* address : {"192.0.2.1", "192.0.2.1.", "::1", "2001:db8::25", "999.0.0.1"})
    CHECK(base::looks_like_address(address));
  for (const auto* name : {"", "mx1.example.com", "1.2.3", "1.2.3.4.5", "1.2.3.4a", "4.3.2.1.in-addr.arpa", "1..2.3"}) {
    CAPTURE(name);
    CHECK_FALSE(base::looks_like_address(name));
  }
}

TEST_CASE("parents and subdomains go by whole labels") {
  CHECK(base::parent_domain("a.b.c") == "b.c");
  CHECK(base::parent_domain("c").empty());
  CHECK(base::is_subdomain("mx.example.com", "example.com"));
  CHECK(base::is_subdomain("a.mx.example.com", "example.com"));
  CHECK_FALSE(base::is_subdomain("example.com", "example.com"));
  CHECK_FALSE(base::is_subdomain("evilexample.com", "example.com"));
  CHECK_FALSE(base::is_subdomain(".example.com", "example.com"));
  CHECK_FALSE(base::is_subdomain("example.com", ""));
}
