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
