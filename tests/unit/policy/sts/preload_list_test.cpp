// The list of preloaded policies: each entry stands for itself.
#include "policy/sts/preload_list.hpp"

#include <catch2/catch.hpp>

using namespace policy::sts;

namespace {
const std::string body = "version: STSv1\nmode: enforce\nmx: mx1.a.test\nmx: *.mx.a.test\nmax_age: 86400\n";
}

TEST_CASE("policies follow each other each under its domain", "[STS-53]") {
  const auto list = parse_preload_list("# ours\n\ndomain: A.test.\n" + body + "\n# and theirs\r\ndomain: b.test\r\n" +
                                       "version: STSv1\r\nmode: testing\r\nmx: mx.b.test\r\nmax_age: 60\r\n");
  CHECK(list.faults.empty());
  REQUIRE(list.entries.size() == 2);
  CHECK(list.entries[0].domain == "a.test");
  CHECK(list.entries[0].line == 3);
  CHECK(list.entries[0].policy.mx.size() == 2);
  CHECK(list.entries[1].domain == "b.test");
  CHECK(list.entries[1].policy.mode == Mode::testing);
}

TEST_CASE("a bad entry is named by its line and spoils no other", "[STS-53]") {
  const auto list =
      parse_preload_list("domain: a.test\nversion: STSv1\nmode: enforced\nmx: m.test\nmax_age: 60\n\n" +
                         ("domain: not a domain\n" + body) + "\ndomain: b.test\n" + body + "domain: b.test\n" + body);
  REQUIRE(list.entries.size() == 1);
  CHECK(list.entries[0].domain == "b.test");
  REQUIRE(list.faults.size() == 3);
  CHECK(list.faults[0].line == 3);
  CHECK(list.faults[1].line == 7);
  CHECK(list.faults[2].what.find("already") != std::string::npos);
}

TEST_CASE("a text that begins with no domain is no list", "[STS-53]") {
  const auto list = parse_preload_list("\n" + body);
  CHECK(list.entries.empty());
  REQUIRE(list.faults.size() == 1);
  CHECK(list.faults[0].line == 2);
  CHECK(parse_preload_list("").faults.empty());
}

TEST_CASE("an octet's line counts from one", "[STS-53]") {
  CHECK(line_of("a\nb\nc", 0) == 1);
  CHECK(line_of("a\nb\nc", 2) == 2);
  CHECK(line_of("a\nb\nc", 99) == 3);
}
