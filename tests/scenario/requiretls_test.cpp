// REQUIRETLS from the client to the MX (RFC 8689): what goes on with the message, and where it does not go.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

/// One transaction inside TLS on a connection of its own.
Outcome send(World& world, const std::string& recipient, const std::string& sender = "a@sender.test",
             const std::string& parameters = "REQUIRETLS") {
  auto client = secure_client(world);
  auto outcome = world.relay.outcome(client.send(sender, {recipient}, lab::letter(), parameters));
  client.quit();
  return outcome;
}

bool asked(const MxHost& host, std::size_t mail = 0) {
  const auto mails = host.mails();
  return mails.at(mail).line.ends_with(" REQUIRETLS");
}

}  // namespace

TEST_CASE("REQUIRETLS is offered inside TLS only and goes on to the MX", "[scenario][RTLS-01][RTLS-02]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  good.mx[0]->offers_tls({"REQUIRETLS"});
  auto plain = world.relay.client();
  CHECK_FALSE(plain.features().contains("REQUIRETLS"));
  CHECK(plain.command("MAIL FROM:<a@sender.test> REQUIRETLS").code == 555);
  plain.quit();
  auto client = secure_client(world);
  CHECK(client.features().contains("REQUIRETLS"));
  CHECK(client.command("MAIL FROM:<a@sender.test> REQUIRETLS=1").code == 501);
  client.quit();
  delivered(world, send(world, "b@good.test"), {.mx = good.mx[0], .tls = true});
  CHECK(asked(*good.mx[0]));
  delivered(world, send(world, "c@good.test", "a@sender.test", ""), {.mx = good.mx[0], .tls = true});
  CHECK_FALSE(asked(*good.mx[0], 1));
}

TEST_CASE("REQUIRETLS goes on from LMTP as well", "[scenario][RTLS-02]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& bare = world.lab.domain("bare.test", {.sts = "enforce"});
  good.mx[0]->offers_tls({"REQUIRETLS"});
  auto client = secure_client(world, false, true);
  CHECK(client.features().contains("REQUIRETLS"));
  CHECK(client.command("MAIL FROM:<a@sender.test> REQUIRETLS").code == 250);
  CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
  CHECK(client.command("RCPT TO:<c@bare.test>").code == 250);
  CHECK(client.command("DATA").code == 354);
  client.raw(lab::letter() + ".\r\n");
  CHECK(client.read().code == 250);
  const auto refusal = client.read();
  CHECK(refusal.code == 550);
  CHECK(refusal.enhanced() == "5.7.30");
  client.quit();
  CHECK(asked(*good.mx[0]));
  untouched(world, {bare.mx[0]});
}

TEST_CASE("a host that does not offer REQUIRETLS inside TLS gets no such message", "[scenario][RTLS-02][RTLS-04]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& domain = world.lab.domain("x.test", {.mx = 2, .sts = "enforce"});
  refused(world, send(world, "b@x.test"), {"550", "5.7.30"});
  untouched(world, domain.mx);
  domain.mx[1]->offers_tls({"REQUIRETLS"});
  delivered(world, send(world, "c@x.test"), {.mx = domain.mx[1], .tls = true});
  untouched(world, {domain.mx[0]});
  // Before TLS it is nobody's promise.
  auto& early = world.lab.domain("early.test", {.sts = "enforce"});
  early.mx[0]->offers({"PIPELINING", "REQUIRETLS"});
  early.mx[0]->starttls(lab::Starttls::stripped);
  CHECK(send(world, "b@early.test").fate() != Fate::delivered);
  untouched(world, {early.mx[0]});
}

TEST_CASE("neither an unprotected MX set nor a testing policy ties a host to its domain",
          "[scenario][RTLS-03][RTLS-04]") {
  World world({}, false);
  auto& hop = world.lab.mx("hop.test");
  start_with_tls(world, "starttls");
  for (const std::string mode : {"", "testing"}) {
    auto& domain = world.lab.domain(mode + "x.test", {.sts = mode});
    domain.mx[0]->offers_tls({"REQUIRETLS"});
    refused(world, send(world, "b@" + domain.name), {"550", "5.7.30"});
    untouched(world, domain.mx);
  }
  // A configured next hop needs neither.
  hop.offers_tls({"REQUIRETLS"});
  world.relay.options().destinations = {
      {{"domain", "\"x.test\""}, {"host", "\"hop.test\""}, {"port", std::to_string(world.lab.smtp_port())}}};
  world.relay.write_configuration();
  world.relay.restart();
  delivered(world, send(world, "c@x.test"), {.mx = &hop, .tls = true});
  CHECK(asked(hop));
}

TEST_CASE("a warm connection serves a REQUIRETLS message only by its own proof", "[scenario][RTLS-11][RTLS-02]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& domain = world.lab.domain("x.test");  // nothing ties its hosts to it
  domain.mx[0]->offers_tls({"REQUIRETLS"});
  auto client = secure_client(world);
  const auto one = client.send("a@sender.test", {"b@x.test"}, lab::letter());
  const auto two = client.send("a@sender.test", {"c@x.test"}, lab::letter(), "REQUIRETLS");
  const auto three = client.send("a@sender.test", {"d@x.test"}, lab::letter());
  client.quit();
  CHECK(one[0].second.code == 250);
  CHECK(two[0].second.code == 550);
  CHECK(two[0].second.enhanced() == "5.7.30");
  CHECK(three[0].second.code == 250);
  CHECK(world.lab.arrived("c@x.test").empty());
  CHECK(domain.mx[0]->mails().size() == 2);
}

TEST_CASE("a bounce asks for REQUIRETLS where it is offered and goes without where it is not", "[scenario][RTLS-02]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& offers = world.lab.domain("offers.test", {.sts = "enforce"});
  auto& lacks = world.lab.domain("lacks.test", {.sts = "enforce"});
  offers.mx[0]->offers_tls({"REQUIRETLS"});
  delivered(world, send(world, "b@offers.test", ""), {.mx = offers.mx[0], .tls = true});
  CHECK(asked(*offers.mx[0]));
  delivered(world, send(world, "b@lacks.test", ""), {.mx = lacks.mx[0], .tls = true});
  CHECK_FALSE(asked(*lacks.mx[0]));
}
