// The laboratory's signed zone, judged by ldns (drill -S, which follows signatures up to the trust anchor).
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/lab/child_process.hpp"
#include "tests/lab/dns_denial.hpp"
#include "tests/lab/laboratory.hpp"

using lab::Fault;

namespace {

struct Signed {
  lab::Laboratory folder;  // its directory alone is wanted
  std::string file = folder.directory() + "/root-key.pem", anchor = folder.directory() + "/root.key";
  lab::DnsServer dns{"127.0.0.1", 0, file};

  Signed() {
    std::ofstream(anchor) << dns.trust_anchor();
    dns.sign(true);
  }

  std::string drill(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"/usr/bin/drill", "-p", std::to_string(dns.port()), "@127.0.0.1"});
    const auto finished = lab::run_program(arguments, folder.directory(), std::chrono::seconds(60));
    return finished.out + finished.err;
  }
  std::string chase(const std::string& name, const std::string& type) const {
    return drill({"-S", "-k", anchor, name, type});
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("signatures over each type of record hold up to the trust anchor") {
  Signed zone;
  zone.dns.set("a.test", "MX", {"10 MX2.a.test.", "10 mx1.A.test.", "5 z.test."});
  zone.dns.set("mx1.a.test", "A", {"127.0.0.9", "127.0.0.8"});
  zone.dns.set("mx1.a.test", "AAAA", {"::1", "fe80::1"});
  zone.dns.set("_mta-sts.a.test", "TXT", {"v=STSv1; id=1;", std::string(300, 'x')});
  zone.dns.set("_25._tcp.mx1.a.test", "TLSA", {"3 1 1 " + std::string(64, 'a'), "2 1 2 " + std::string(128, 'b')});
  zone.dns.set("alias.test", "CNAME", {"MX1.a.test."});
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{{"a.test", "MX"},
                                                                                   {"A.TEST", "MX"},
                                                                                   {"mx1.a.test", "A"},
                                                                                   {"mx1.a.test", "AAAA"},
                                                                                   {"_mta-sts.a.test", "TXT"},
                                                                                   {"_25._tcp.mx1.a.test", "TLSA"},
                                                                                   {"alias.test", "A"},
                                                                                   {".", "NS"},
                                                                                   {".", "SOA"}}) {
    const auto said = zone.chase(name, type);
    INFO(said);
    CHECK(contains(said, "alg: 13 flags: 257"));
    CHECK(contains(said, "Chase successful"));
  }
}

TEST_CASE("what does not exist is denied with signatures that hold") {
  Signed zone;
  zone.dns.set("mx1.a.test", "A", {"127.0.0.9"});
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{
           {"mx1.a.test", "TLSA"}, {"a.test", "A"}, {"b.test", "MX"}, {"deep.below.b.test", "MX"}, {"b", "MX"}}) {
    const auto said = zone.chase(name, type);
    INFO(said);
    CHECK(contains(said, "Existence denied"));
    CHECK(contains(said, "Chase successful"));
  }
}

TEST_CASE("a forgery does not hold and who does not validate hears SERVFAIL") {
  Signed zone;
  zone.dns.set("a.test", "MX", {"10 mx1.a.test."});
  zone.dns.fault("a.test", "MX", Fault::bogus);
  const auto refused = zone.drill({"-D", "a.test", "MX"});
  INFO(refused);
  CHECK(contains(refused, "rcode: SERVFAIL"));
  const auto forged = zone.drill({"-D", "-o", "CD", "a.test", "MX"});
  INFO(forged);
  CHECK(contains(forged, "10 mx1.a.test."));
  std::ofstream(zone.folder.directory() + "/forged") << forged;
  zone.dns.heal("a.test", "MX");
  const auto healed = zone.drill({"-D", "a.test", "MX"});
  CHECK(contains(healed, "RRSIG\tMX"));
  const auto signature = [](const std::string& text) { return text.substr(text.find("RRSIG\tMX"), 160); };
  CHECK(signature(healed) != signature(forged));
}

TEST_CASE("a name that is insecure has no signature below it and its parent says so") {
  Signed zone;
  zone.dns.set("mx1.open.test", "A", {"127.0.0.9"});
  zone.dns.insecure("open.test");
  CHECK_FALSE(contains(zone.drill({"-D", "mx1.open.test", "A"}), "RRSIG"));
  CHECK_FALSE(contains(zone.drill({"-D", "mx1.open.test", "TLSA"}), "RRSIG"));
  const auto parent = zone.drill({"-D", "open.test", "DS"});
  INFO(parent);
  CHECK(contains(parent, "NS RRSIG NSEC"));
  CHECK(contains(parent, "RRSIG\tNSEC"));
}

TEST_CASE("those who ask without DO get no signatures and AD as before") {
  Signed zone;
  zone.dns.set("a.test", "MX", {"10 mx1.a.test."});
  const auto said = zone.drill({"-o", "AD", "a.test", "MX"});
  CHECK(contains(said, " ad "));
  CHECK_FALSE(contains(said, "RRSIG"));
  zone.dns.sign(false);
  CHECK_FALSE(contains(zone.drill({"-D", "a.test", "MX"}), "RRSIG"));
}

TEST_CASE("the key of the zone is kept and is for its owner alone") {
  Signed zone;
  CHECK(lab::DnsServer("127.0.0.1", 0, zone.file).trust_anchor() == zone.dns.trust_anchor());
  CHECK(lab::DnsServer().trust_anchor() != zone.dns.trust_anchor());
  const auto rights = std::filesystem::status(zone.file).permissions();
  CHECK((rights & std::filesystem::perms::others_read) == std::filesystem::perms::none);
}

TEST_CASE("names at the limits of length are denied too") {
  const std::string full(63, 'a');
  for (const std::string& name : {full + '.' + full + '.' + full + '.' + std::string(61, 'a'), full + ".test",
                                  std::string("\\000.test"), std::string("[.test"), std::string("\\255.test")}) {
    INFO(name);
    for (const auto& record : lab::no_such_name(name, 0)) {
      CHECK_FALSE(lab::dns_name(record.owner).empty());
      CHECK(record.owner != name);
    }
    CHECK_FALSE(lab::no_other_type(name, {"A", "TLSA"}, 0).data.empty());
  }
}
