// Postfix around the relay: as the local MTA, in both forms that the README gives, and as an MX.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/peer.hpp"

using namespace scenario;

namespace {

/// Hands a message for these recipients to a Postfix.
void submit(const Postfix& postfix, const std::vector<std::string>& recipients) {
  lab::SmtpClient client(postfix.address(), postfix.port());
  CHECK(client.ehlo().code == 250);
  for (const auto& [recipient, reply] : client.send("a@sender.test", recipients, lab::letter())) {
    INFO(recipient);
    CHECK(reply.code == 250);
  }
  client.quit();
}

void both_arrive(World& world) {
  until(
      world, [&] { return world.lab.arrived("a@one.test").size() == 1 && world.lab.arrived("b@two.test").size() == 1; },
      "arrival at both domains");
}

}  // namespace

TEST_CASE("Postfix relays one message to two domains over LMTP", "[scenario][SMTP-65]") {
  World world;
  world.lab.domain("one.test", {.sts = "enforce"});
  world.lab.domain("two.test", {.sts = "enforce"});
  const Postfix postfix("127.0.0.1", free_port(),
                        {{"default_transport", "lmtp:inet:[127.0.0.1]:" + std::to_string(world.relay.port())}});
  submit(postfix, {"a@one.test", "b@two.test"});
  both_arrive(world);
}

TEST_CASE("Postfix relays with relayhost and one recipient a transaction", "[scenario][SMTP-63]") {
  World world;
  world.lab.domain("one.test", {.sts = "enforce"});
  world.lab.domain("two.test", {.sts = "enforce"});
  const Postfix postfix(
      "127.0.0.1", free_port(),
      {{"relayhost", "[127.0.0.1]:" + std::to_string(world.relay.port())}, {"smtp_destination_recipient_limit", "1"}});
  submit(postfix, {"a@one.test", "b@two.test"});
  both_arrive(world);
}

TEST_CASE("Postfix with STARTTLS is an MX that proves itself under enforce", "[scenario]") {
  World world;
  auto& domain = world.lab.domain("real.test", {.mx = 0, .sts = "enforce", .patterns = {"mx.real.test"}});
  domain.hosts({"mx.real.test"});
  const std::string address = "127.0.9.1";
  world.lab.dns().set("mx.real.test", "A", {address});
  const OpenDirectory files;
  const auto certificate = world.lab.ca().issue({"mx.real.test"});
  const auto pem = files.write("chain.pem", certificate.key + certificate.chain);
  const Postfix postfix(address, world.lab.smtp_port(),
                        {{"smtpd_tls_chain_files", pem},
                         {"smtpd_tls_security_level", "may"},
                         {"relay_domains", "real.test"},
                         {"relay_transport", "discard"},
                         {"relay_recipient_maps", ""}});
  const auto outcome = world.relay.mail("b@real.test");
  CHECK(outcome.reply().code == 250);
  const auto record = delivery_record(world, "real.test");
  CHECK(record["proof"] == "pkix");
  CHECK(record["result"] == "delivered");
}
