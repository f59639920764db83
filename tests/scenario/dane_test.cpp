// DANE from outside: the laboratory's DNS sets AD, and the relay is told to believe it.
#include <catch2/catch.hpp>

#include "tests/lab/tlsa.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/peer.hpp"

using namespace scenario;

namespace {

const std::string name = "dane.test", mx1 = "mx1.dane.test";

struct Dane : World {
  explicit Dane(lab::RelayOptions options = {.dnssec = "on"}) : World(std::move(options)) { lab.dns().sign(true); }

  std::string owner(const std::string& host) const { return '_' + std::to_string(lab_port()) + "._tcp." + host; }
  std::uint16_t lab_port() const { return lab.smtp_port(); }
  lab::Domain& domain(lab::DomainOptions options = {}) { return lab.domain(name, options); }
  /// A self-signed certificate for nobody at this host; its record where `base` is.
  lab::Certificate pin(lab::MxHost& host, const std::string& base) {
    auto shown = lab.ca().issue({"nobody.test"}, {.self_signed = true});
    host.certificate(shown.path);
    lab.dns().set(owner(base), "TLSA", {lab::tlsa(shown.x509, 3, 1, 1)});
    return shown;
  }
  std::string another() { return lab::tlsa(lab.ca().issue({"x.test"}).x509, 3, 1, 1); }
};

}  // namespace

TEST_CASE("a host goes by its TLSA record and by nothing else that is not demanded",
          "[scenario][DANE-07][DANE-09][DANE-11]") {
  Dane world;
  auto& domain = world.domain();
  world.pin(*domain.mx[0], mx1);
  const auto message = delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  CHECK(message.server_name == mx1);
  const auto line = delivery_record(world, name);
  CHECK(line["proof"] == "dane");
  CHECK(line["need"] == "dane");
  CHECK(line["destination"] == "verified");

  domain.mx[0]->starttls(lab::Starttls::stripped);
  deferred(world, world.relay.mail("c@" + name), {}, {.policy = true, .codes = {"4.7.4"}});
  no_plaintext(world, {domain.mx[0]});
}

TEST_CASE("another key than the record's is not used the next host is", "[scenario][DANE-09]") {
  Dane world;
  auto& domain = world.domain({.mx = 2});
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  const auto outcome = world.relay.mail("b@" + name);
  untouched(world, {domain.mx[0]});
  delivered(world, outcome, {.mx = domain.mx[1], .tls = true});
}

TEST_CASE("a host that has changed key and record is used at once", "[scenario][DANE-09]") {
  Dane world;
  auto& domain = world.domain();
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  const auto refused = world.relay.mail("b@" + name);
  deferred(world, refused, {domain.mx[0]}, {.policy = true, .codes = {"4.7.5"}});
  CHECK(refused.reply().text.find("no TLSA record matches") != std::string::npos);
  CHECK(refused.reply().text.find("DANE") != std::string::npos);
  world.pin(*domain.mx[0], mx1);
  delivered(world, world.relay.mail("c@" + name), {.mx = domain.mx[0], .tls = true});
}

TEST_CASE("a kept connection serves no message after the records have changed", "[scenario][DANE-09]") {
  Dane world;
  auto& domain = world.domain();
  world.pin(*domain.mx[0], mx1);
  delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  const auto before = domain.mx[0]->mails().size();
  const auto outcome = world.relay.mail("c@" + name);
  CHECK(outcome.fate() == Fate::deferred);
  CHECK(domain.mx[0]->mails().size() == before);
}

TEST_CASE("a secure set without a usable record makes TLS mandatory and no more", "[scenario][DANE-05][DANE-06]") {
  Dane world;
  auto& domain = world.domain();
  world.pin(*domain.mx[0], mx1);
  world.lab.dns().set(world.owner(mx1), "TLSA", {"1 1 1 " + std::string(64, 'a'), "3 1 1 abcd", "2 0 0 30"});
  delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  domain.mx[0]->starttls(lab::Starttls::stripped);
  deferred(world, world.relay.mail("c@" + name), {}, {.policy = true});
  no_plaintext(world, {domain.mx[0]});
}

TEST_CASE("DANE and an enforced policy demand both", "[scenario][STS-44][STS-45][D-9]") {
  Dane world;
  auto& domain = world.domain({.sts = "enforce"});
  const auto good = world.lab.ca().issue({mx1});
  domain.mx[0]->certificate(good.path);
  world.lab.dns().set(world.owner(mx1), "TLSA", {lab::tlsa(good.x509, 3, 1, 1)});
  delivered(world, world.relay.mail("a@" + name), {.mx = domain.mx[0], .tls = true});
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});  // the policy alone passes
  deferred(world, world.relay.mail("b@" + name), {}, {.policy = true});
  world.pin(*domain.mx[0], mx1);  // the record alone passes
  deferred(world, world.relay.mail("c@" + name), {}, {.policy = true});
  CHECK(world.lab.arrived("b@" + name).empty());
  CHECK(world.lab.arrived("c@" + name).empty());
}

TEST_CASE("an insecure MX record proves the host not the destination and the log says so",
          "[scenario][DANE-13][DANE-20][D-3]") {
  Dane world;
  auto& domain = world.domain();
  world.pin(*domain.mx[0], mx1);
  world.lab.dns().insecure(name, "MX");
  delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  const auto line = delivery_record(world, name);
  CHECK(line["proof"] == "dane");
  CHECK(line["destination"] == "unverified");
  CHECK(line["mx"] == mx1);
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  CHECK(world.relay.mail("c@" + name).fate() == Fate::deferred);
}

TEST_CASE("an MX host that is an alias is logged by the name of the record", "[scenario][DANE-10][DANE-20][DANE-11]") {
  Dane world;
  auto& domain = world.domain({.mx_names = {"real.host.test"}});
  domain.hosts({"alias.dane.test"});
  world.lab.dns().set("alias.dane.test", "CNAME", {"real.host.test."});
  world.pin(*domain.mx[0], "real.host.test");
  const auto message = delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  CHECK(message.server_name == "real.host.test");
  const auto line = delivery_record(world, name);
  CHECK(line["mx"] == "alias.dane.test");
}

TEST_CASE("a TLSA record behind an alias of its own belongs to the host", "[scenario][DANE-19]") {
  Dane world;
  auto& domain = world.domain();
  const auto shown = world.pin(*domain.mx[0], "elsewhere.test");
  world.lab.dns().set(world.owner(mx1), "CNAME", {"shared.dane.test."});
  world.lab.dns().set("shared.dane.test", "TLSA", {lab::tlsa(shown.x509, 3, 1, 1)});
  const auto message = delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  CHECK(message.server_name == mx1);
}

TEST_CASE("a better host without TLSA records goes before a worse one with", "[scenario][DANE-14]") {
  Dane world;
  auto& domain = world.domain({.mx = 2});
  world.pin(*domain.mx[1], "mx2.dane.test");
  delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
}

TEST_CASE("a failed TLSA lookup leaves out that host alone", "[scenario][DANE-04][DANE-15][D-2][D-4]") {
  Dane world;
  auto& domain = world.domain({.mx = 2});
  world.lab.dns().fault(world.owner(mx1), "TLSA", lab::Fault::servfail);
  world.lab.dns().fault("mx2.dane.test", "AAAA", lab::Fault::servfail);  // one family is enough
  const auto outcome = world.relay.mail("b@" + name);
  untouched(world, {domain.mx[0]});
  delivered(world, outcome, {.mx = domain.mx[1], .tls = true});
  world.lab.dns().fault(world.owner("mx2.dane.test"), "TLSA", lab::Fault::servfail);
  deferred(world, world.relay.mail("c@" + name), {}, {.codes = {"4.4.3"}});
}

TEST_CASE("a domain without MX goes by its own name a configured host by its own port",
          "[scenario][DANE-17][DANE-03]") {
  const auto port = free_port();
  const auto owner = '_' + std::to_string(port) + "._tcp.hop.test";
  Dane world({.dnssec = "on",
              .destinations = {{{"domain", "\"corp.test\""},
                                {"host", "\"hop.test\""},
                                {"port", std::to_string(port)},
                                {"security", "\"published\""}}}});
  auto& bare = world.lab.mx("bare.test");
  world.pin(bare, "bare.test");
  delivered(world, world.relay.mail("b@bare.test"), {.mx = &bare, .tls = true});
  auto& hop = world.lab.mx("hop.test", {.port = port});
  const auto shown = world.pin(hop, "hop.test");
  CHECK(world.lab.dns().count(owner, "TLSA") == 0);
  world.lab.dns().set(owner, "TLSA", {world.another()});
  CHECK(world.relay.mail("b@corp.test").fate() == Fate::deferred);
  CHECK(world.lab.dns().count(owner, "TLSA") > 0);
  CHECK(world.lab.dns().count(world.owner("hop.test"), "TLSA") == 0);
  world.lab.dns().set(owner, "TLSA", {lab::tlsa(shown.x509, 3, 1, 1)});
  delivered(world, world.relay.mail("c@corp.test"), {.mx = &hop, .tls = true});
}

TEST_CASE("an address is nobody's TLSA base domain", "[scenario][DANE-16]") {
  const auto port = free_port("127.0.1.77");
  Dane world({.dnssec = "on",
              .destinations = {{{"domain", "\"corp.test\""},
                                {"host", "\"127.0.1.77\""},
                                {"port", std::to_string(port)},
                                {"security", "\"may\""}}}});
  auto& host = world.lab.mx("host.test", {.address = "127.0.1.77", .port = port});
  delivered(world, world.relay.mail("b@corp.test"), {.mx = &host});
  for (const auto& query : world.lab.dns().log()) CHECK(query.type != "TLSA");
}

TEST_CASE("dnssec = auto: the probe decides the log and check say what and why", "[scenario][DANE-01]") {
  World world({.dnssec = "auto"}, false);
  world.lab.dns().set(".", "NS", {"a.root-servers.test."});
  world.lab.dns().sign(true);
  auto& domain = world.lab.domain(name);
  world.lab.dns().set('_' + std::to_string(world.lab.smtp_port()) + "._tcp." + mx1, "TLSA",
                      {lab::tlsa(world.lab.ca().issue({"x.test"}).x509, 3, 1, 1)});
  world.relay.start();
  CHECK(world.relay.log_lines({{"event", "dane"}, {"on", "yes"}}).size() == 1);
  deferred(world, world.relay.mail("b@" + name), {domain.mx[0]}, {.policy = true});
  auto checked = world.relay.cli({"check", name, "--connect"});
  CHECK(checked.out.find("DANE is on: the DNS servers validate") != std::string::npos);
  CHECK(checked.out.find("a match of its TLSA records at " + mx1) != std::string::npos);
  CHECK(checked.out.find("no TLSA record matches") != std::string::npos);
  CHECK(checked.status == 1);
  world.relay.stop();

  world.lab.dns().insecure(".");
  world.relay.start();
  CHECK(world.relay.log_lines({{"event", "dane"}, {"on", "no"}}).size() == 1);
  delivered(world, world.relay.mail("c@" + name), {.mx = domain.mx[0], .tls = true});
  checked = world.relay.cli({"check", name});
  CHECK(checked.out.find("does not validate") != std::string::npos);
  CHECK(checked.status == 0);
}

TEST_CASE("a reload takes other DNS servers and what they may be believed", "[scenario][O-1][DANE-01]") {
  Dane world;
  lab::DnsServer other;
  auto& domain = world.domain();
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  deferred(world, world.relay.mail("a@" + name), {domain.mx[0]}, {.policy = true});
  auto& moved = world.lab.mx("mx2.dane.test");
  other.set(name, "MX", {"10 mx2.dane.test."});
  other.set("mx2.dane.test", "A", {moved.address()});
  world.relay.options().tables["dns"]["servers"] = "[\"127.0.0.1:" + std::to_string(other.port()) + "\"]";
  world.relay.options().dnssec = "off";
  world.relay.write_configuration();
  world.relay.reload();
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "dane"}, {"on", "no"}}).size() == 1;
      },
      "the reload");
  delivered(world, world.relay.mail("b@" + name), {.mx = &moved, .tls = true});
}

TEST_CASE("an exempt domain's TLSA records are not even asked for", "[scenario][STS-52]") {
  Dane world({.dnssec = "on",
              .destinations = {{{"domain", lab::toml(name)}, {"exempt", "true"}, {"reason", "\"ticket 4711\""}}}});
  auto& domain = world.domain({.sts = "enforce"});
  world.lab.dns().set(world.owner(mx1), "TLSA", {world.another()});
  delivered(world, world.relay.mail("b@" + name), {.mx = domain.mx[0], .tls = true});
  CHECK(world.lab.dns().count(world.owner(mx1), "TLSA") == 0);
}
