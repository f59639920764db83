// Values of the configuration: what is taken, and what is not guessed at.
#include "proxy/config/values.hpp"

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;

TEST_CASE("durations of each unit are taken and others are not", "[OPS-15]") {
  CHECK(parse_duration("500ms") == Milliseconds(500));
  CHECK(parse_duration("60s") == Milliseconds(60s));
  CHECK(parse_duration("5m") == Milliseconds(5min));
  CHECK(parse_duration("24h") == Milliseconds(24h));
  CHECK(parse_duration("5d") == Milliseconds(120h));
  CHECK(parse_duration("0s") == Milliseconds(0));
  for (const char* bad : {"", "5", "s", "-5m", "+5m", "5 m", "5 parsecs", "5M", "1.5h", "5m ", " 5m", "5mm",
                          "999999999999d", "99999999999999999999s", "0x5s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("sizes of each unit are taken and others are not", "[OPS-15]") {
  CHECK(parse_size("64KiB") == 65536U);
  CHECK(parse_size("50MiB") == 52428800U);
  CHECK(parse_size("2GiB") == 2147483648U);
  CHECK(parse_size("1000") == 1000U);
  for (const char* bad : {"", "KiB", "50MB", "50 elephants", "50 MiB", "-1", "50mib", "1.5MiB", "999999999999GiB"}) {
    INFO(bad);
    CHECK_FALSE(parse_size(bad));
  }
}

TEST_CASE("addresses with ports of both families are taken and names are not", "[OPS-15]") {
  const auto v4 = parse_host_port("127.0.0.1:2525");
  REQUIRE(v4);
  CHECK(v4->address == "127.0.0.1");
  CHECK(v4->port == 2525);
  const auto v6 = parse_host_port("[0:0::1]:25");
  REQUIRE(v6);
  CHECK(v6->address == "::1");
  CHECK(v6->port == 25);
  CHECK(parse_host_port("0.0.0.0:0"));
  for (const char* bad :
       {"", ":", ":25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:25", "[::1]", "[::1]25",
        "[127.0.0.1]:25", "localhost:25", "127.1:25", "127.0.0.1:25 ", "[::1%lo]:25"}) {
    INFO(bad);
    CHECK_FALSE(parse_host_port(bad));
  }
}

TEST_CASE("a network holds exactly the addresses of its prefix", "[OPS-01]") {
  const auto holds = [](const char* network, std::vector<unsigned char> address) {
    const auto parsed = parse_network(network);
    REQUIRE(parsed.has_value());
    return parsed->contains(address);
  };
  const std::vector<unsigned char> loopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const std::vector<unsigned char> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  CHECK(holds("127.0.0.0/8", {127, 255, 0, 1}));
  CHECK_FALSE(holds("127.0.0.0/8", {128, 0, 0, 1}));
  CHECK(holds("192.0.2.128/25", {192, 0, 2, 200}));
  CHECK_FALSE(holds("192.0.2.128/25", {192, 0, 2, 127}));
  CHECK(holds("192.0.2.7", {192, 0, 2, 7}));
  CHECK_FALSE(holds("192.0.2.7", {192, 0, 2, 8}));
  CHECK(holds("0.0.0.0/0", {8, 8, 8, 8}));
  CHECK_FALSE(holds("0.0.0.0/0", loopback6));
  CHECK(holds("::1", loopback6));
  CHECK_FALSE(holds("::/128", loopback6));
  CHECK(holds("127.0.0.0/8", mapped));
  CHECK(holds("::ffff:127.0.0.0/104", {127, 0, 0, 1}));
  CHECK_FALSE(holds("::/0", mapped));
  CHECK_FALSE(holds("127.0.0.0/8", {}));
}

TEST_CASE("what is no network is refused in words", "[OPS-15]") {
  for (const char* bad : {"", "127.0.0.0/80", "127.0.0.0/33", "127.0.0.0/", "127.0.0.0/-1", "::/129", "localhost",
                          "127.0.0.0/8/8", "[::1]", "127.0.0.0/0008"}) {
    INFO(bad);
    CHECK_FALSE(parse_network(bad).has_value());
  }
  const auto ambiguous = parse_network("10.1.2.3/8");
  REQUIRE_FALSE(ambiguous.has_value());
  CHECK(ambiguous.error().what.find("10.0.0.0/8") != std::string::npos);
}

TEST_CASE("the nearest known word is found and distant ones are not", "[OPS-15]") {
  const auto nearest = [](std::string_view word) {
    Nearest search(word);
    for (const char* known : {"hostname", "state_dir", "workers", "drain", "fetch_timeout", "retry_after"})
      search.consider(known);
    return std::string(search.best());
  };
  CHECK(nearest("hostnam") == "hostname");
  CHECK(nearest("HostName") == "hostname");
  CHECK(nearest("fetch_timout") == "fetch_timeout");
  CHECK(nearest("retry-after") == "retry_after");
  CHECK(nearest("worker") == "workers");
  CHECK(nearest("tls").empty());
  CHECK(nearest("").empty());
}
