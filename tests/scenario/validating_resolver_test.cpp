// The laboratory's signatures, judged by unbound; and the relay behind unbound, attacked on the side of DANE.
#include "tests/scenario/support/validating_resolver.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/judge/judgement_run.hpp"
#include "tests/lab/judge/report.hpp"
#include "tests/lab/relay_process.hpp"
#include "tests/scenario/support/world.hpp"

using namespace lab::judge;
using lab::Fault;

namespace {

const std::string record = "3 1 1 " + std::string(64, 'a');

}  // namespace

TEST_CASE("unbound validates what the laboratory signs", "[scenario]") {
  lab::DnsServer dns;
  dns.sign(true);
  dns.set("a.test", "MX", {"10 MX1.a.test.", "20 mx2.a.test."});
  dns.set("mx1.a.test", "A", {"127.0.0.9"});
  dns.set("_25._tcp.mx1.a.test", "TLSA", {record});
  dns.set("mx2.a.test", "CNAME", {"mx1.a.test."});
  dns.set("_25._tcp.mx2.a.test", "CNAME", {"_25._tcp.mx1.a.test."});
  dns.set("lost.test", "CNAME", {"nowhere.test."});
  scenario::ValidatingResolver resolver(dns);
  CHECK(resolver.ask("a.test", "MX") == "NOERROR ad MX 10 MX1.a.test. MX 20 mx2.a.test.");
  CHECK(resolver.ask("mx1.a.test", "A") == "NOERROR ad A 127.0.0.9");
  CHECK(resolver.ask("_25._tcp.mx1.a.test", "TLSA") == "NOERROR ad TLSA " + record);
  CHECK(resolver.ask("mx2.a.test", "A") == "NOERROR ad A 127.0.0.9 CNAME mx1.a.test.");
  CHECK(resolver.ask("_25._tcp.mx2.a.test", "TLSA") == "NOERROR ad CNAME _25._tcp.mx1.a.test. TLSA " + record);
  CHECK(resolver.ask("mx1.a.test", "AAAA") == "NOERROR ad");
  CHECK(resolver.ask("mx2.a.test", "AAAA") == "NOERROR ad CNAME mx1.a.test.");
  CHECK(resolver.ask("test", "MX") == "NOERROR ad");
  CHECK(resolver.ask("_25._tcp.none.a.test", "TLSA") == "NXDOMAIN ad");
  CHECK(resolver.ask("lost.test", "MX") == "NXDOMAIN ad CNAME nowhere.test.");
  CHECK(resolver.ask(".", "NS") == "NOERROR ad NS ns.test.");
  INFO(resolver.log());
  CHECK(resolver.log().find("validation failure") == std::string::npos);
}

TEST_CASE("unbound finds insecure what the laboratory calls insecure", "[scenario]") {
  lab::DnsServer dns;
  dns.sign(true);
  for (const std::string name : {"domain.test", "host.test", "record.test"}) {
    dns.set(name, "MX", {"10 mx1." + name + "."});
    dns.set("mx1." + name, "A", {"127.0.0.9"});
    dns.set("_25._tcp.mx1." + name, "TLSA", {record});
  }
  dns.insecure("domain.test");
  dns.insecure("mx1.host.test");
  dns.insecure("_25._tcp.mx1.record.test", "TLSA");
  scenario::ValidatingResolver resolver(dns);
  const auto of = [&](const std::string& name) {
    return std::vector<std::string>{resolver.ask(name, "MX").substr(0, 10), resolver.ask("mx1." + name, "A"),
                                    resolver.ask("mx1." + name, "AAAA"), resolver.ask("_25._tcp.mx1." + name, "TLSA")};
  };
  const std::string tlsa = " TLSA " + record;
  CHECK(of("domain.test") ==
        std::vector<std::string>{"NOERROR MX", "NOERROR A 127.0.0.9", "NOERROR", "NOERROR" + tlsa});
  CHECK(of("host.test") == std::vector<std::string>{"NOERROR ad", "NOERROR A 127.0.0.9", "NOERROR", "NOERROR" + tlsa});
  CHECK(of("record.test") ==
        std::vector<std::string>{"NOERROR ad", "NOERROR ad A 127.0.0.9", "NOERROR ad", "NOERROR" + tlsa});
  CHECK(resolver.ask("none.domain.test", "A") == "NXDOMAIN");
}

TEST_CASE("unbound refuses what the laboratory forges or suppresses", "[scenario]") {
  lab::DnsServer dns;
  dns.sign(true);
  for (const std::string name : {"a.test", "b.test"}) {
    dns.set(name, "MX", {"10 mx1." + name + "."});
    dns.set("_25._tcp.mx1." + name, "TLSA", {record});
  }
  dns.fault("a.test", "MX", Fault::bogus);
  dns.fault("mx1.a.test", "*", Fault::bogus);  // a denial that is forged
  dns.fault("_25._tcp.mx1.a.test", "TLSA", Fault::servfail);
  dns.fault("_25._tcp.mx1.b.test", "TLSA", Fault::nxdomain);  // a denial without signature
  scenario::ValidatingResolver resolver(dns);
  CHECK(resolver.ask("a.test", "MX") == "SERVFAIL");
  CHECK(resolver.ask("mx1.a.test", "A") == "SERVFAIL");
  CHECK(resolver.ask("_25._tcp.mx1.a.test", "TLSA") == "SERVFAIL");
  CHECK(resolver.ask("_25._tcp.mx1.b.test", "TLSA") == "SERVFAIL");
  CHECK(resolver.ask("b.test", "MX") == "NOERROR ad MX 10 mx1.b.test.");
}

TEST_CASE("the relay behind unbound holds against the attacks on DANE", "[scenario][DANE-09]") {
  lab::Laboratory folder;  // its directory alone is wanted
  LabConfig config;
  config.directory = folder.directory() + "/lab-state";
  config.servers = {};  // free ports
  Grounds grounds(config, [](const Attack& attack) { return attack.side == Side::dane; });
  scenario::ValidatingResolver resolver(grounds.lab().dns());
  const std::string servers = "[" + lab::toml(resolver.endpoint()) + "]";
  lab::RelayProcess relay(grounds.lab(), scenario::relay_program(),
                          {.dnssec = "on", .fetch_timeout = "15s", .tables = {{"dns", {{"servers", servers}}}}});
  relay.start();
  const auto results = run(grounds, {.address = "127.0.0.1", .port = relay.port(), .wait = std::chrono::seconds(60)},
                           [](const Progress&) {});
  CHECK(relay.crash() == "");
  INFO(resolver.log());
  for (const auto& result : results) {
    INFO(result.attack->name << ": " << result.judgement.words);
    CHECK(words(result.judgement.verdict) == words(Verdict::held));
  }
  CHECK(count(results).exit_code() == 0);
  // unbound said so, and not the laboratory's AD.
  CHECK(resolver.log().find("validation failure <dane-bogus-mx") != std::string::npos);
}
