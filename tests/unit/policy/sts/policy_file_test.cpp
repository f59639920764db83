// The policy file: a table for each rule of the parser. The match of hosts against patterns: policy_match_test.cpp.
#include "policy/sts/policy_file.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/text.hpp"

namespace sts = policy::sts;
using sts::Mode;
using std::string_literals::operator""s;

namespace {

const std::string v = "version: STSv1", m = "mode: enforce", x = "mx: mx1.example.net", a = "max_age: 86400";

std::string lines(std::initializer_list<std::string> all, const std::string& end = "\r\n") {
  std::string body;
  for (const auto& line : all) body += line + end;
  return body;
}

void valid(const std::string& body) {
  CAPTURE(body);
  const auto policy = sts::parse_policy(body);
  if (policy.has_error()) FAIL_CHECK(policy.error().what);
}

void invalid(const std::string& body) {
  CAPTURE(body);
  const auto policy = sts::parse_policy(body);
  REQUIRE_FALSE(policy.has_value());
  CHECK(policy.error().offset <= body.size());
  CHECK_FALSE(policy.error().what.empty());
  CHECK(policy.error().what.size() <= 400);
  for (const char c : policy.error().what) CHECK(base::is_printable(c));
}

sts::Policy parsed(const std::string& body) {
  auto policy = sts::parse_policy(body);
  REQUIRE(policy.has_value());
  return *policy;
}

}  // namespace

TEST_CASE("a policy file gives mode and patterns and age", "[STS-15]") {
  const auto policy = parsed(lines({v, m, x, "mx: *.Example.ORG", a}));
  CHECK(policy.mode == Mode::enforce);
  CHECK(policy.mx == std::vector<std::string>{"mx1.example.net", "*.example.org"});
  CHECK(policy.max_age == 86400);
}

TEST_CASE("policy lines end in LF or CRLF and are key and colon and value", "[STS-15][P-3]") {
  const auto expected = parsed(lines({v, m, x, a}));
  const std::string others[] = {
      lines({v, m, x, a}, "\n"),
      v + "\n" + m + "\r\n" + x + "\n" + a + "\r\n",
      v + "\r\n" + m + "\r\n" + x + "\r\n" + a,
      lines({"version:STSv1", "mode:enforce", "mx:mx1.example.net", "max_age:86400"}),
      lines({"version: \t STSv1 \t", "mode:\tenforce\t", "mx:   mx1.example.net  ", "max_age:  86400 "}),
      lines({"", v, "", m, x, "", a, "", ""}),
      lines({a, x, m, v}, "\n") + "\n",
  };
  for (const auto& body : others) {
    CAPTURE(body);
    CHECK(parsed(body) == expected);
  }
  for (const auto& body : {
           lines({v, "mode : enforce", x, a}),
           lines({v, "mode\t: enforce", x, a}),
           lines({v, " mode: enforce", x, a}),
           lines({v, "\tmode: enforce", x, a}),
           lines({v, m, x, a, "# our policy"}),
           lines({v, m, x, a, "nothing"}),
           lines({v, m, x, a, ": value"}),
           lines({v, m, x, a, "key:"}),
           lines({v, m, x, a, "key:  \t"}),
           lines({v, m, x, a, "a key: value"}),
           lines({v, m, x, a, "-key: value"}),
           lines({v, m, x, a, std::string(33, 'k') + ": value"}),
           lines({v, m, x, a}, "\r"),
           lines({v, m, x, a}, "\n\r"),
           lines({v, m, x, a}, "\r\r\n"),
           v + "\r\n" + m + "\r\n" + x + "\r\n" + a + "\r",
           "<html><body>Not found</body></html>\n"s,
           ""s,
           "\r\n\r\n"s,
       }) {
    invalid(body);
  }
}

TEST_CASE("the error of a policy file points to its line", "[STS-15][P-3]") {
  struct {
    std::string body;
    std::size_t offset;
    const char* word;
  } const cases[] = {
      {lines({v, "# our policy", m, x, a}), v.size() + 2, "our policy"},
      {lines({v, m, "mx: *", a}), v.size() + m.size() + 4, "`*`"},
      {lines({v, "mode: report", x, a}), v.size() + 2, "report"},
      {lines({"version: STSv2", m, x, a}), 0, "STSv2"},
      {lines({v, m, x, "max_age: -1"}), v.size() + m.size() + x.size() + 6, "-1"},
      {lines({v, m, a}), lines({v, m, a}).size(), "no mx"},
  };
  for (const auto& [body, offset, word] : cases) {
    CAPTURE(body);
    const auto policy = sts::parse_policy(body);
    REQUIRE_FALSE(policy.has_value());
    CHECK(policy.error().offset == offset);
    CHECK_THAT(policy.error().what, Catch::Contains(word));
  }
}

TEST_CASE("a policy needs version STSv1 on any line", "[STS-16]") {
  valid(lines({m, x, a, v}));
  valid(lines({m, v, x, a}));
  for (const auto* version : {"version: STSv2", "version: stsv1", "version: STSV1", "version: STSv10",
                              "version:", "version: STS v1", "Version: STSv1", "VERSION: STSv1"}) {
    invalid(lines({version, m, x, a}));
  }
  invalid(lines({m, x, a}));
}

TEST_CASE("a policy needs a mode in lower case", "[STS-17]") {
  CHECK(parsed(lines({v, "mode: enforce", x, a})).mode == Mode::enforce);
  CHECK(parsed(lines({v, "mode: testing", x, a})).mode == Mode::testing);
  CHECK(parsed(lines({v, "mode: none", x, a})).mode == Mode::none);
  for (const auto* mode : {"mode: Enforce", "mode: ENFORCE", "mode: report", "mode:", "mode: enforce testing",
                           "mode: enforced", "Mode: enforce", "mode: \"enforce\""}) {
    invalid(lines({v, mode, x, a}));
  }
  invalid(lines({v, x, a}));
  for (const auto mode : {Mode::none, Mode::testing, Mode::enforce})
    CHECK(parsed(lines({v, "mode: " + std::string(words(mode)), x, a})).mode == mode);
}

TEST_CASE("max_age is a number of 1 to 10 digits and at most a year counts", "[STS-18][P-4]") {
  struct {
    const char* value;
    std::uint32_t seconds;
  } const good[] = {
      {"0", 0},
      {"1", 1},
      {"600", 600},
      {"00604800", 604800},
      {"31557600", 31557600},
      {"31557601", 31557600},
      {"4294967295", 31557600},
      {"4294967296", 31557600},
      {"9999999999", 31557600},
  };
  for (const auto& [value, seconds] : good) {
    CAPTURE(value);
    CHECK(parsed(lines({v, m, x, "max_age: "s + value})).max_age == seconds);
  }
  for (const auto* value : {"", "-1", "+86400", "1.5", "86400.5", "99999999999", "00000000001", "0x15180", "86_400",
                            "one day", "86400s", "86 400", "1e5"}) {
    invalid(lines({v, m, x, "max_age: "s + value}));
  }
  invalid(lines({v, m, x}));
}

TEST_CASE("each mx is a host name or a star and a host name", "[STS-19][P-2]") {
  const std::string label63(63, 'a');
  for (const auto& mx : {"mx1.example.net"s, "MX1.Example.NET"s, "*.example.net"s, "*.net"s, "localhost"s,
                         "xn--bcher-kva.example"s, "a-b.example"s, "1.example"s, label63 + ".example"s, "192.0.2.1"s}) {
    const auto policy = parsed(lines({v, m, x, "mx: " + mx, a}));
    CHECK(policy.mx.back() == base::lower(mx));
  }
  for (const auto& mx : {"*"s,
                         "*."s,
                         "*.*.a"s,
                         "a.*.b"s,
                         "*a.b"s,
                         "a*.b"s,
                         "mx*.example.net"s,
                         "a_b.c"s,
                         "*.a_b.c"s,
                         "a.b."s,
                         "*.a.b."s,
                         ".a.b"s,
                         "a..b"s,
                         "-a.b"s,
                         "a-.b"s,
                         "b\xc3\xbc"s
                         "cher.example"s,
                         "[192.0.2.1]"s,
                         "2001:db8::1"s,
                         ""s,
                         "a b.example"s,
                         "a.b, c.d"s,
                         "a.b:25"s,
                         "a.b;"s,
                         label63 + "a.example"s}) {
    invalid(lines({v, m, x, "mx: " + mx, a}));
    invalid(lines({v, "mode: none", "mx: " + mx, a}));
  }
}

TEST_CASE("enforce and testing need an mx and none does not", "[STS-19][P-1]") {
  invalid(lines({v, "mode: enforce", a}));
  invalid(lines({v, "mode: testing", a}));
  CHECK(parsed(lines({v, "mode: none", a})).mx.empty());
  CHECK(parsed(lines({v, "mode: none", x, a})).mx.size() == 1);
  invalid("version: STSv1\nmode: enforce\nnmx: mx1.example.net\nmax_age: 604800\n");
  invalid(lines({v, m, "MX: mx1.example.net", a}));
  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += "mx: mx" + std::to_string(i) + ".example.net\n";
  CHECK(parsed(v + "\n" + m + "\n" + hundred + a).mx.size() == 100);
}

TEST_CASE("of repeated policy keys the first counts and unknown ones are ignored", "[STS-20]") {
  CHECK(parsed(lines({v, m, "mode: none", x, a})).mode == Mode::enforce);
  CHECK(parsed(lines({v, m, "mode: rubbish", x, a})).mode == Mode::enforce);
  CHECK(parsed(lines({v, m, "mode:", x, a})).mode == Mode::enforce);
  CHECK(parsed(lines({v, "mode: none", m, x, a})).mode == Mode::none);
  invalid(lines({v, "mode: rubbish", m, x, a}));
  CHECK(parsed(lines({v, m, x, a, "max_age: 0"})).max_age == 86400);
  CHECK(parsed(lines({v, m, x, a, "max_age: never"})).max_age == 86400);
  invalid(lines({v, m, x, "max_age: never", a}));
  valid(lines({v, m, x, a, "version: STSv2"}));
  invalid(lines({"version: STSv2", v, m, x, a}));
  CHECK(parsed(lines({v, m, x, x, a})).mx.size() == 2);
  for (const auto* unknown : {"x-note: hello", "x_y.z: 1", "9: :", "note: a: b", "MODE: none", "a:b", "n: \"quoted\""})
    CHECK(parsed(lines({v, unknown, m, x, a})) == parsed(lines({v, m, x, a})));
  valid(lines({v, m, x, a, std::string(32, 'k') + ": value"}));
}

TEST_CASE("octets of a policy file", "[STS-21]") {
  struct {
    std::string octets;
    bool in_unknown_value;  ///< whether they may stand in the value of an unknown key; nowhere else may they
  } const cases[] = {
      {"\0"s, false},
      {"\x01", false},
      {"\x07", false},
      {"\x0b", false},
      {"\x0c", false},
      {"\x1b", false},
      {"\x1f", false},
      {"\x7f", false},
      {"a\tb", false},
      {"a\rb", false},
      {"\xc3\xa9", true},   // U+00E9
      {"\xc2\xa0", true},   // the first beyond the control characters
      {"\xc2\x85", false},  // U+0085, a control character
      {"\xdf\xbf", true},
      {"\xe0\xa0\x80", true},
      {"\xe2\x82\xac", true},
      {"\xed\x9f\xbf", true},
      {"\xef\xbf\xbf", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},   // U+10FFFF
      {"\xf4\x90\x80\x80", false},  // beyond
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xfe", false},
      {"\x80", false},  // a continuation alone
      {"\xc3", false},  // cut short
      {"\xe2\x82", false},
      {"\xf0\x9f\x98", false},
      {"\xc0\xaf", false},  // overlong
      {"\xc1\xbf", false},
      {"\xe0\x9f\xbf", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xed\xa0\x80", false},  // surrogates
      {"\xed\xbf\xbf", false},
      {"caf\xe9", false},  // Latin-1
  };
  for (const auto& [octets, in_unknown_value] : cases) {
    const auto body = lines({v, m, x, a, "note: a" + octets + "z"});
    CAPTURE(body);
    CHECK(sts::parse_policy(body).has_value() == in_unknown_value);
    invalid(lines({v, m, x, a, "no" + octets + "te: a"}));
    invalid(lines({"version: STSv1" + octets + "z", m, x, a}));
    invalid(lines({v, "mode: enforce" + octets + "z", x, a}));
    invalid(lines({v, m, "mx: mx" + octets + "z.example.net", a}));
    invalid(lines({v, m, x, a + octets + "z"}));
    invalid(octets + "z" + lines({v, m, x, a}));
  }
  invalid("\xef\xbb\xbf" + lines({v, m, x, a}));
  invalid(lines({v, m, x, a, "mode: caf\xc3\xa9"}));
  std::string utf16 = "\xff\xfe"s;
  for (const char c : lines({v, m, x, a})) utf16 += {c, '\0'};
  invalid(utf16);
}

TEST_CASE("a long policy body is parsed in one go") {
  std::string body = lines({v, m, x, a});
  while (body.size() < 65000) body += "x-filler: a\r\n";
  valid(body);
  invalid(std::string(65536, 'a'));
  invalid(std::string(65536, ':'));
  valid(std::string(65536, '\n') + lines({v, m, x, a}));
}
