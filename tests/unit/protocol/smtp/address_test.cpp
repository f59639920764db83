// Paths of MAIL and RCPT: what is taken, as it came, and what is refused.
#include "protocol/smtp/address.hpp"

#include <catch2/catch.hpp>

namespace {

const std::string local64(64, 'a');
const std::string label63(63, 'b');

base::Parsed<smtp::Path> forward(std::string_view text) {
  std::string_view rest;
  return smtp::parse_path(text, false, rest);
}

}  // namespace

TEST_CASE("an address is kept as it came and its domain is canonical beside it", "[SMTP-37][SMTP-54]") {
  struct Row {
    std::string text, address, local, domain;
  };
  const Row rows[] = {
      {"<b@good.test>", "b@good.test", "b", "good.test"},
      {"<MiXed@Good.TEST>", "MiXed@Good.TEST", "MiXed", "good.test"},
      {"<a+tag=x@good.test>", "a+tag=x@good.test", "a+tag=x", "good.test"},
      {"<a.b.c@good.test>", "a.b.c@good.test", "a.b.c", "good.test"},
      {"<a..b.@good.test>", "a..b.@good.test", "a..b.", "good.test"},
      {"<!#$%&'*/=?^_`{|}~-@good.test>", "!#$%&'*/=?^_`{|}~-@good.test", "!#$%&'*/=?^_`{|}~-", "good.test"},
      {R"(<"a b\"c"@good.test>)", R"("a b\"c"@good.test)", R"("a b\"c")", "good.test"},
      {R"(<"a@b>c"@good.test>)", R"("a@b>c"@good.test)", R"("a@b>c")", "good.test"},
      {R"(<"\\"@good.test>)", R"("\\"@good.test)", R"("\\")", "good.test"},
      {"<b@my_host.test>", "b@my_host.test", "b", "my_host.test"},
      {"<b@xn--bcher-kva.test>", "b@xn--bcher-kva.test", "b", "xn--bcher-kva.test"},
      {"<b@localhost>", "b@localhost", "b", "localhost"},
      {"<@one.test,@two.test:b@good.test>", "b@good.test", "b", "good.test"},
      {"<@one.test:b@good.test>", "b@good.test", "b", "good.test"},
      {"<" + local64 + "@good.test>", local64 + "@good.test", local64, "good.test"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::string_view rest;
    const std::string with_more = row.text + " SIZE=1";
    const auto path = smtp::parse_path(with_more, true, rest);
    REQUIRE(path.has_value());
    CHECK(path->address == row.address);
    CHECK(path->local == row.local);
    CHECK(path->domain == row.domain);
    CHECK(rest == " SIZE=1");
    CHECK_FALSE(path->is_literal);
    CHECK_FALSE(path->postmaster);
    CHECK_FALSE(path->null());
  }
}

TEST_CASE("an address literal is a domain", "[SMTP-37]") {
  for (const std::string literal : {"[192.0.2.1]", "[IPv6:2001:db8::1]"}) {
    const auto path = forward("<b@" + literal + ">");
    REQUIRE(path.has_value());
    CHECK(path->is_literal);
    CHECK(path->domain == literal);
  }
}

TEST_CASE("the null path is for MAIL and a bare postmaster for RCPT", "[SMTP-51][SMTP-54]") {
  std::string_view rest;
  const auto null = smtp::parse_path("<> BODY=7BIT", true, rest);
  REQUIRE(null.has_value());
  CHECK(null->null());
  CHECK(rest == " BODY=7BIT");
  CHECK(forward("<>").has_error());

  const auto postmaster = forward("<PostMaster>");
  REQUIRE(postmaster.has_value());
  CHECK(postmaster->postmaster);
  CHECK(postmaster->address == "PostMaster");
  CHECK(postmaster->domain.empty());
  CHECK(smtp::parse_path("<postmaster>", true, rest).has_error());
  CHECK(forward("<root>").has_error());
  CHECK(forward("<@one.test:postmaster>").has_error());
}

TEST_CASE("what is not an address is refused and its parser stays inside it", "[SMTP-54][SMTP-05][E-2]") {
  const std::string bad[] = {
      "",
      "b@good.test",
      "<",
      "<<<",
      "<b",
      "<b@",
      "<b@>",
      "<@good.test>",
      "<b@good.test",
      "<a@@good.test>",
      "<a b@good.test>",
      "<a@go od.test>",
      "<a@good.test >",
      "< a@good.test>",
      "<a@good..test>",
      "<a@.good.test>",
      "<a@-good.test>",
      "<a@good-.test>",
      "<a@" + std::string(64, 'b') + ".test>",
      "<" + local64 + "a@good.test>",
      "<\"" + std::string(63, 'a') + "\"@good.test>",
      "<caf\xe9@good.test>",
      "<a@caf\xe9.test>",
      "<\"a@good.test>",
      "<\"a\\",
      "<\"a\"b@good.test>",
      "<\"\x01\"@good.test>",
      "<a,b@good.test>",
      "<a@[]>",
      "<a@[192.0.2.1>",
      "<a@[192.0.2.1]x>",
      "<a@[a b]>",
      "<@one.test>",
      "<@one.test:>",
      "<@one.test,b@good.test>",
      "<@:b@good.test>",
      "<@one.test,@two.test",
      std::string("<a\0b@good.test>", 15),
      "<" + local64 + "@" + label63 + "." + label63 + "." + label63 + ".test>",  // 258 octets
      "<a@" + label63 + "." + label63 + "." + label63 + "." + label63 + "." + label63 + ">",
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    const auto path = forward(text);
    REQUIRE(path.has_error());
    CHECK(path.error().offset <= text.size());
    CHECK_FALSE(path.error().what.empty());
  }
}

TEST_CASE("a path of 256 octets passes and one of 257 does not", "[SMTP-54]") {
  const std::string domain = label63 + "." + label63 + "." + label63;  // 191
  const std::string local(62, 'a');
  const std::string longest = "<" + local + "@" + domain + ">";
  REQUIRE(longest.size() == 256);
  CHECK(forward(longest).has_value());
  CHECK(forward("<a" + longest.substr(1)).has_error());
}
