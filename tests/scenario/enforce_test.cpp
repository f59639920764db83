// A domain's policy says enforce, and its MX host is not what the policy asks for.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

struct Fault {
  const char* name;
  std::vector<std::string> codes;
  std::function<void(lab::Laboratory&, MxHost&)> spoil;
};

std::string parent(const std::string& host) {
  return host.substr(host.find('.') + 1);
}

/// Every way in which an MX host fails to prove itself, with the codes that fit. Where the connection is lost or the
/// host talks nonsense, any of those does.
std::vector<Fault> faults() {
  const std::vector<std::string> lost{"4.7.", "4.4.", "4.5.0"}, no_tls{"4.7.4"}, bad_tls{"4.7.5"};
  const auto starttls = [](Starttls how) { return [how](lab::Laboratory&, MxHost& mx) { mx.starttls(how); }; };
  const auto certificate = [](auto make) {
    return [make](lab::Laboratory& lab, MxHost& mx) { mx.certificate(make(lab, mx.host()).path); };
  };
  using Lab = lab::Laboratory;
  using Name = const std::string&;
  return {
      {"STARTTLS stripped", no_tls, starttls(Starttls::stripped)},
      {"STARTTLS answered 454", no_tls, starttls(Starttls::refused)},
      {"STARTTLS answered 502", no_tls, [](Lab&, MxHost& mx) { mx.on("STARTTLS", "502 5.5.1 not implemented"); }},
      {"replies injected behind the 220", lost, starttls(Starttls::inject)},
      {"half a reply injected behind the 220", lost, starttls(Starttls::inject_part)},
      {"garbage for TLS", lost, starttls(Starttls::garbage)},
      {"closed after the handshake", lost, starttls(Starttls::close)},
      {"closed instead of the handshake", lost, starttls(Starttls::drop)},
      {"TLS 1.1 at most", bad_tls, [](Lab&, MxHost& mx) { mx.tls_versions(0, TLS1_1_VERSION); }},
      {"certificate of another name", bad_tls,
       certificate([](Lab& lab, Name) { return lab.ca().issue({"other.test"}); })},
      {"certificate expired", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({host}, {.days_from = -30, .days_to = -1}); })},
      {"certificate not yet valid", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({host}, {.days_from = 1, .days_to = 30}); })},
      {"certificate self-signed", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({host}, {.self_signed = true}); })},
      {"certificate of an unknown authority", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.other_ca().issue({host}); })},
      {"certificate with the name in CN only", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({}, {.common_name = host}); })},
      {"certificate with a wildcard for two labels", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({"*." + parent(parent(host))}); })},
      {"certificate with a partial wildcard", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({"mx*." + parent(host)}); })},
      {"certificate of the policy domain", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({parent(host)}); })},
      {"certificate of the sibling MX", bad_tls,
       certificate([](Lab& lab, Name host) { return lab.ca().issue({"mx2." + parent(host)}); })},
  };
}

}  // namespace

TEST_CASE("the first message ever to an enforcing domain arrives over TLS that was asked for by name",
          "[scenario][STS-01][STS-08][STS-41][STS-46]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const auto message = delivered(world, world.relay.mail("b@good.test"), {.mx = good.mx[0], .tls = true});
  CHECK(message.server_name == "mx1.good.test");
  CHECK(message.sender == "a@sender.test");
  CHECK(message.body->ends_with(lab::letter()));
  const auto requests = world.lab.web().requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].line == "GET /.well-known/mta-sts.txt HTTP/1.1");
  CHECK(requests[0].server_name == "mta-sts.good.test");
  // RFC 9110 §7.2: a port that is not the scheme's own belongs to Host.
  CHECK(requests[0].headers.at("host") == "mta-sts.good.test:" + std::to_string(world.lab.https_port()));
}

TEST_CASE("under enforce the only MX host sees no MAIL when it does not prove itself and the message waits",
          "[scenario][STS-36][STS-37][STS-40][STS-42][STS-46][SMTP-19][T-1][T-3][X-2]") {
  World world;
  int number = 0;
  for (const auto& fault : faults()) {
    INFO(fault.name);
    const std::string name = "bad" + std::to_string(++number) + ".test";
    auto& bad = world.lab.domain(name, {.sts = "enforce", .patterns = {"mx1." + name, "mx2." + name}});
    fault.spoil(world.lab, *bad.mx[0]);
    deferred(world, world.relay.mail("b@" + name), {bad.mx[0]}, {.policy = true, .codes = fault.codes});
  }
}

TEST_CASE("under enforce the next MX host serves when the first does not prove itself",
          "[scenario][STS-35][STS-36][STS-40][STS-42]") {
  World world;
  int number = 0;
  for (const auto& fault : faults()) {
    INFO(fault.name);
    const std::string name = "bad" + std::to_string(++number) + ".test";
    auto& bad = world.lab.domain(name, {.mx = 2, .sts = "enforce"});
    fault.spoil(world.lab, *bad.mx[0]);
    const auto outcome = world.relay.mail("b@" + name);
    untouched(world, {bad.mx[0]});
    delivered(world, outcome, {.mx = bad.mx[1], .tls = true});
  }
}

TEST_CASE("under enforce an MX host outside the policy is not used whatever its certificate",
          "[scenario][STS-35][STS-37]") {
  World world;
  auto& forged = world.lab.domain("forged.test", {.sts = "enforce"});
  auto& thief = world.lab.mx("mx.attacker.test");
  forged.hosts({"mx.attacker.test"});
  deferred(world, world.relay.mail("b@forged.test"), {&thief, forged.mx[0]}, {.policy = true, .codes = {"4.7.0"}});
}

TEST_CASE("a cached policy holds after kill -9 with DNS and the policy host blocked", "[scenario][STS-22][STS-23]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  until_said(world, {"policy", "show", "kept.test"}, "enforce");
  world.relay.kill();
  kept.block();
  world.lab.web().stop();
  kept.mx[0]->starttls(Starttls::stripped);
  world.relay.start();
  deferred(world, world.relay.mail("second@kept.test"), {}, {.policy = true});
  kept.mx[0]->starttls(Starttls::good);
  served_when_healed(world, "kept.test", *kept.mx[0]);
  no_plaintext(world, {kept.mx[0]});
}

TEST_CASE("the refusal says who demands what of which host and what happened", "[scenario][STS-37]") {
  World world;
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->certificate(world.lab.ca().issue({"mx1.bad.test"}, {.days_from = -30, .days_to = -1}).path);
  const auto outcome = world.relay.mail("b@bad.test");
  deferred(world, outcome, {bad.mx[0]}, {.policy = true, .codes = {"4.7.5"}});
  for (const char* word : {"bad.test", "MTA-STS", "mx1.bad.test", "expired"})
    CHECK(outcome.reply().text.find(word) != std::string::npos);
}
