// When the AD flag is believed.
#include "proxy/dns/dnssec.hpp"

#include <catch2/catch.hpp>

#include "proxy/dns/caching_resolver.hpp"
#include "tests/lab/dns_server.hpp"
#include "tests/support/run_awaitable.hpp"

using namespace proxy;
using Mode = Config::Dns::Dnssec;

namespace {

Config::Dns with(Mode mode, std::vector<HostPort> servers) {
  Config::Dns result;
  result.dnssec = mode;
  result.servers = std::move(servers);
  return result;
}

void probe(Dnssec& dnssec) {
  boost::asio::io_context context(1);
  test::run_awaitable(context, dnssec.probe(context.get_executor()));
}

struct Server {
  lab::DnsServer server;
  explicit Server(bool validates) {
    server.set(".", "NS", {"a.root-servers.test."});
    server.sign(validates);
  }
  HostPort at() const { return {"127.0.0.1", server.port()}; }
};

}  // namespace

TEST_CASE("dnssec = auto: on where every server is on loopback and the root comes with AD", "[DANE-01]") {
  Server good(true), bad(false);
  Dnssec both(with(Mode::automatic, {good.at(), good.at()}));
  CHECK_FALSE(both.validates());
  probe(both);
  CHECK(both.validates());
  CHECK(both.words() == "DANE is on: the DNS servers validate");
  CHECK(good.server.count(".", "NS") == 2);

  Dnssec mixed(with(Mode::automatic, {good.at(), bad.at()}));
  probe(mixed);
  CHECK_FALSE(mixed.validates());
  CHECK(mixed.words().find("127.0.0.1:" + std::to_string(bad.server.port()) + " does not validate") !=
        std::string::npos);
}

TEST_CASE("dnssec = auto: a server away from loopback is not even asked", "[DANE-01]") {
  Server good(true);
  Dnssec dnssec(with(Mode::automatic, {good.at(), {"192.0.2.1", 53}}));
  probe(dnssec);
  CHECK_FALSE(dnssec.validates());
  CHECK(dnssec.words().find("192.0.2.1:53 is not on loopback") != std::string::npos);
  CHECK(good.server.count(".", "NS") == 0);
}

TEST_CASE("dnssec = auto: a probe that is not answered changes nothing that was seen before", "[DANE-01]") {
  Server server(true);
  Dnssec dnssec(with(Mode::automatic, {server.at()}));
  server.server.fault(".", "NS", lab::Fault::servfail);
  probe(dnssec);
  CHECK_FALSE(dnssec.validates());
  CHECK(dnssec.words().find("did not answer") != std::string::npos);
  server.server.clear_faults();
  probe(dnssec);
  CHECK(dnssec.validates());
  server.server.fault(".", "NS", lab::Fault::servfail);
  probe(dnssec);
  CHECK(dnssec.validates());  // who blocks the probe does not switch DANE off
  server.server.clear_faults();
  server.server.sign(false);
  probe(dnssec);
  CHECK_FALSE(dnssec.validates());
}

TEST_CASE("dnssec = on is believed and says so where the path is long; off asks nobody", "[DANE-01]") {
  Server server(false);
  Dnssec on(with(Mode::on, {server.at()}));
  CHECK(on.validates());
  CHECK(on.words() == "DANE is on: [dns] dnssec is \"on\"");
  Dnssec far(with(Mode::on, {{"2001:db8::53", 53}}));
  CHECK(far.validates());
  CHECK(far.words().find("[2001:db8::53]:53 is not on loopback") != std::string::npos);
  Dnssec off(with(Mode::off, {server.at()}));
  probe(off);
  probe(on);
  CHECK_FALSE(off.validates());
  CHECK(server.server.count(".", "NS") == 0);
}

TEST_CASE("a server that was not probed is not believed while another one is", "[DANE-01][O-1]") {
  Server good(true), other(true);
  other.server.set("a.test", "A", {"192.0.2.1"});
  good.server.set("a.test", "A", {"192.0.2.1"});
  Dnssec dnssec(with(Mode::automatic, {good.at()}));
  probe(dnssec);
  CHECK(dnssec.validates(good.at()));
  CHECK_FALSE(dnssec.validates(other.at()));
  boost::asio::io_context context(1);
  const auto trust = [&](const HostPort& server) { return dnssec.validates(server); };
  // One that asks a server which nobody vouches for, while DANE is on.
  CachingResolver resolver(context.get_executor(), {other.at()}, {.trust_ad = trust});
  CHECK_FALSE(test::run_awaitable(context, resolver.ask("a.test", dns::Type::a))->authentic);
  resolver.use({good.at()});
  CHECK(test::run_awaitable(context, resolver.ask("a.test", dns::Type::a))->authentic);
  test::run_awaitable(context, dnssec.change(context.get_executor(), with(Mode::off, {good.at()})));
  CHECK_FALSE(dnssec.validates(good.at()));
  CHECK_FALSE(test::run_awaitable(context, resolver.ask("a.test", dns::Type::a))->authentic);
}

TEST_CASE("what the cache says of security is forgotten when the rule changes", "[DANE-01]") {
  lab::DnsServer server;
  server.ttl(3600);
  server.sign(true);
  server.set("a.test", "A", {"192.0.2.1"});
  bool trusted = true;
  boost::asio::io_context context(1);
  CachingResolver resolver(context.get_executor(), {{"127.0.0.1", server.port()}},
                           {.trust_ad = [&](const HostPort&) { return trusted; }});
  const auto secure = [&] { return test::run_awaitable(context, resolver.ask("a.test", dns::Type::a))->authentic; };
  CHECK(secure());
  CHECK(secure());
  CHECK(server.count("a.test") == 1);
  trusted = false;
  CHECK_FALSE(secure());
  CHECK(server.count("a.test") == 2);
  trusted = true;
  CHECK(secure());
}
