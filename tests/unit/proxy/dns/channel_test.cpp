// One server: source ports, and an IPv6 address.
#include "proxy/dns/channel.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "tests/lab/dns_server.hpp"
#include "tests/support/run_awaitable.hpp"

using namespace std::chrono_literals;
using dns::Status;
using dns::Type;

namespace {

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + 30s;
}

/// The source ports of ten questions, while an eleventh stays in flight and so keeps its socket open.
std::set<std::uint16_t> ports_used(const proxy::PortUse& port_use) {
  lab::DnsServer server;
  server.set("a.test", "A", {"192.0.2.1"});
  server.fault("silent.test", "*", lab::Fault::timeout);
  boost::asio::io_context io;
  proxy::DnsChannel channel(io.get_executor(), {"127.0.0.1", server.port()}, port_use);
  auto silent = channel.ask("silent.test", Type::a, soon());
  boost::asio::co_spawn(io, std::move(silent), boost::asio::detached);
  for (int i = 0; i < 10; ++i) {
    auto task = channel.ask("a.test", Type::a, soon());
    const auto answer = test::run_awaitable(io, std::move(task));
    CHECK(answer.status == Status::ok);
  }
  std::set<std::uint16_t> ports;
  for (const auto& query : server.log()) ports.insert(query.port);
  return ports;
}

}  // namespace

TEST_CASE("a source port is given up after so many queries even while one is in flight") {
  CHECK(ports_used({.queries = 3, .also_on_loopback = true}).size() >= 3);
  CHECK(ports_used({.queries = 3}).size() == 1);
}

TEST_CASE("a server at an IPv6 address is asked", "[O-1]") {
  std::unique_ptr<lab::DnsServer> server;
  try {
    server = std::make_unique<lab::DnsServer>("::1");
  } catch (const std::runtime_error&) {
    WARN("this machine has no IPv6 loopback address");
    return;
  }
  server->set("a.test", "AAAA", {"2001:db8::1"});
  boost::asio::io_context io;
  proxy::DnsChannel channel(io.get_executor(), {"::1", server->port()});
  auto task = channel.ask("a.test", Type::aaaa, soon());
  const auto answer = test::run_awaitable(io, std::move(task));
  CHECK(answer.status == Status::ok);
}
