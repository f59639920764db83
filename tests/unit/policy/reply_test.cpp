// The words of the relay's own refusals: the codes of the contract, bounded, printable, and with what to do.
#include "policy/reply.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/text.hpp"

using namespace policy;

TEST_CASE("the relay's own refusals have the codes of the contract", "[SMTP-27]") {
  const std::string long_name(600, 'x'), odd = "a\x1b[2J\r\nb\xff";
  for (const auto& name : {std::string("example.com"), long_name, odd}) {
    const struct {
      smtp::Reply reply;
      int code;
      const char* enhanced;
    } cases[] = {
        {reply::second_domain(name, "example.org"), 452, "4.5.3"},
        {reply::second_domain("example.org", name), 452, "4.5.3"},
        {reply::no_postmaster(), 550, "5.1.1"},
        {reply::too_busy(name), 451, "4.3.2"},
        {reply::too_many_connections(name), 421, "4.7.0"},
        {reply::shutting_down(), 421, "4.3.2"},
        {reply::size_exceeds_host(name, 1000), 552, "5.3.4"},
        {reply::eight_bit_refused(name), 554, "5.6.3"},
        {reply::internal(name), 451, "4.3.0"},
    };
    for (const auto& [reply, code, enhanced] : cases) {
      CHECK(reply.code == code);
      CHECK(reply.enhanced == enhanced);
      CHECK_FALSE(reply.text.empty());
      CHECK(reply.text.size() <= reply::text_limit);
      for (const char c : reply.text) CHECK(base::is_printable(c));
    }
  }
  CHECK_THAT(reply::second_domain("a.test", "b.test").text, Catch::Contains("a.test") && Catch::Contains("b.test"));
  CHECK_THAT(reply::size_exceeds_host("mx1.a.test", 1000).text,
             Catch::Contains("mx1.a.test") && Catch::Contains("1000"));
}

TEST_CASE("a reply with its codes stays within the octets of the contract", "[STS-37]") {
  std::string wire;
  smtp::append(wire, {451, "4.7.5", reply::bounded(std::string(1000, 'x'))});
  CHECK(wire.size() <= 400 + 2);
  CHECK(wire.find("\r\n") == wire.size() - 2);
}
