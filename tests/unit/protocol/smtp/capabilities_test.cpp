// What an EHLO reply offers.
#include "protocol/smtp/capabilities.hpp"

#include <catch2/catch.hpp>

using smtp::Capabilities;
using smtp::parse_capabilities;

TEST_CASE("EHLO keywords count in any case and unknown ones are ignored", "[SMTP-48]") {
  const auto offered = parse_capabilities({250, "",
                                           "mx.example\npipelining\nSize 104857600\n8bitMIME\nx-unknown-thing a b=c\n"
                                           "enhancedstatuscodes\nStartTLS\nSMTPUTF8\nCHUNKING\nDSN\nREQUIRETLS"});
  const Capabilities expected{true, true, true, true, true, true, true, true, true, 104857600};
  CHECK(offered == expected);
}

TEST_CASE("Nothing is offered that the EHLO reply does not list", "[SMTP-48]") {
  Capabilities bare;
  bare.esmtp = true;
  for (const char* text : {"", "mx.example", "STARTTLS", "STARTTLS PIPELINING\n",
                           "mx\nXSTARTTLS\nSTARTTLSX\nSTART TLS\n", "mx\n\n \n", "mx\nPIPELINING8BITMIME"}) {
    INFO(text);
    CHECK(parse_capabilities({250, "", text}) == bare);
  }
}

TEST_CASE("SIZE without a usable number is no limit", "[SMTP-21]") {
  struct Row {
    const char* line;
    std::uint64_t limit;
  };
  for (const Row& row : {Row{"SIZE", 0}, Row{"SIZE 0", 0}, Row{"SIZE 35882577", 35882577}, Row{"size  10 ", 10},
                         Row{"SIZE x", 0}, Row{"SIZE -5", 0}, Row{"SIZE 99999999999999999999999999", 0}}) {
    INFO(row.line);
    const auto offered = parse_capabilities({250, "", std::string("mx\n") + row.line});
    CHECK(offered.size);
    CHECK(offered.size_limit == row.limit);
  }
}

TEST_CASE("LIMITS are taken where they are numbers of the grammar", "[SMTP-35]") {
  const auto limits = [](const std::string& lines) { return parse_capabilities({250, "", "mx\n" + lines}).limits; };
  CHECK(limits("LIMITS MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=1") == smtp::HostLimits{5, 100, 1});
  CHECK(limits("limits rcptmax=999999\tMailMax=1") == smtp::HostLimits{1, 999999, {}});
  CHECK(limits("LIMITS X=Y RCPTMAX=20 FUTURE OTHER= =3 RCPTMAXX=4") == smtp::HostLimits{{}, 20, {}});
  CHECK(limits("LIMITS RCPTMAX=20 RCPTMAX=10 RCPTMAX=30\nLIMITS MAILMAX=2") == smtp::HostLimits{2, 10, {}});
  for (const char* value :
       {"", "0", "00", "01", "1000000", "0000001", "-1", "+1", "1.5", "1k", "x", "1=1", "18446744073709551617"}) {
    CAPTURE(value);
    CHECK(limits(std::string("LIMITS RCPTMAX=") + value + " MAILMAX=3") == smtp::HostLimits{3, {}, {}});
  }
  for (const char* line : {"LIMITS", "LIMITS RCPTMAX", "LIMITS RCPTMAX 5", "LIMITS RCPTMAX= 5", "LIMITSX RCPTMAX=5",
                           "LIMITS=RCPTMAX=5", "XLIMITS RCPTMAX=5", "LIMITS RCPT MAX=5"}) {
    CAPTURE(line);
    CHECK(limits(line) == smtp::HostLimits{});
  }
}

TEST_CASE("AUTH mechanisms are upper case and each once in both forms", "[SMTP-32]") {
  using Names = std::vector<std::string>;
  const auto names = [](const std::string& lines) { return parse_capabilities({250, "", "mx\n" + lines}).auth; };
  CHECK(names("AUTH PLAIN LOGIN SCRAM-SHA-256") == Names{"PLAIN", "LOGIN", "SCRAM-SHA-256"});
  CHECK(names("auth plain\tscram-sha-256-plus") == Names{"PLAIN", "SCRAM-SHA-256-PLUS"});
  CHECK(names("AUTH=LOGIN PLAIN") == Names{"LOGIN", "PLAIN"});
  CHECK(names("auth=login") == Names{"LOGIN"});
  CHECK(names("AUTH= LOGIN") == Names{"LOGIN"});
  CHECK(names("AUTH PLAIN LOGIN PLAIN\nAUTH=PLAIN LOGIN\nAUTH X_Y") == Names{"PLAIN", "LOGIN", "X_Y"});
  CHECK(names("AUTH PL@IN AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAA caf\xc3\xa9") == Names{"AAAAAAAAAAAAAAAAAAAA"});
  for (const char* line : {"AUTH", "AUTH=", "AUTHX PLAIN", "XAUTH PLAIN", "AUTH-PLAIN"}) CHECK(names(line).empty());
  CHECK(parse_capabilities({250, "", "AUTH PLAIN"}).auth.empty());
}
