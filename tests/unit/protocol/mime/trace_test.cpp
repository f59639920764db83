// The Received field, to the octet, and against clients that would break out of it.
#include "protocol/mime/trace.hpp"

#include <catch2/catch.hpp>

namespace {

mime::Trace trace() {
  mime::Trace t{};
  t.hello = "client.sender.test";
  t.client_address = "192.0.2.7";
  t.hostname = "relay.test";
  t.with = "ESMTP";
  t.id = "4fZx9";
  t.now = base::Time(std::chrono::seconds(1795590000));
  return t;
}

}  // namespace

TEST_CASE("the Received field is written as RFC 5321 has it", "[SMTP-10]") {
  auto t = trace();
  CHECK(mime::received_field(t) ==
        "Received: from client.sender.test ([192.0.2.7])\r\n\tby relay.test with ESMTP id 4fZx9;\r\n\t"
        "Wed, 25 Nov 2026 07:00:00 +0000\r\n");
  t.client_address = "2001:db8::7";
  t.with = "ESMTPS";
  t.for_recipient = "b@good.test";
  t.tls_cipher = "TLS_AES_256_GCM_SHA384";
  CHECK(mime::received_field(t) ==
        "Received: from client.sender.test ([IPv6:2001:db8::7])\r\n\tby relay.test with ESMTPS id 4fZx9\r\n\t"
        "for <b@good.test>\r\n\ttls TLS_AES_256_GCM_SHA384;\r\n\tWed, 25 Nov 2026 07:00:00 +0000\r\n");
}

TEST_CASE("a recipient that is not ASCII is left out of Received", "[SMTP-10]") {
  auto t = trace();
  t.for_recipient = "caf\xe9@good.test";
  CHECK(mime::received_field(t).find("for ") == std::string::npos);
}

TEST_CASE("an EHLO name is made fit for a header", "[SMTP-64][E-1]") {
  const std::pair<const char*, const char*> rows[] = {
      {"client.sender.test", "client.sender.test"},
      {"my_app_1.net_x", "my_app_1.net_x"},
      {"[IPV6:2001:db8::1]", "[IPV6:2001:db8::1]"},
      {"localhost", "localhost"},
      {"", "unknown"},
      {"evil);(x by\tfake.test", "evil???x?by?fake.test"},
      {"a\r\nX-Evil: 1", "a??X-Evil:?1"},
      {"\x1b[31m", "?[31m"},
      {"caf\xc3\xa9", "caf??"},
  };
  for (const auto& [name, safe] : rows) CHECK(mime::safe_hello(name) == safe);
  CHECK(mime::safe_hello(std::string(300, 'a')) == std::string(255, 'a'));
}

TEST_CASE("no EHLO name breaks out of Received or makes a line too long", "[SMTP-64][SMTP-10]") {
  for (int octet = 0; octet < 256; ++octet) {
    auto t = trace();
    const std::string name(500, static_cast<char>(octet));
    t.hello = name;
    const std::string field = mime::received_field(t);
    std::size_t begin = 0, lines = 0;
    for (std::size_t end; (end = field.find("\r\n", begin)) != std::string::npos; begin = end + 2, ++lines) {
      REQUIRE(end - begin <= 998);
      for (std::size_t i = begin; i < end; ++i) REQUIRE(((field[i] >= ' ' && field[i] < 0x7f) || field[i] == '\t'));
    }
    REQUIRE(begin == field.size());
    REQUIRE(lines == 3);
  }
}
