// LMTP on a listener: one reply for each accepted recipient, from its own domain's host.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;

TEST_CASE("each LMTP reply is the verdict of its own host in the order of the recipients", "[scenario][SMTP-65]") {
  World world;
  const std::vector<std::string> verdicts{"250 2.0.0 taken by one", "452 4.3.1 full at two", "554 5.6.0 spam at three"};
  std::vector<lab::Domain*> domains;
  for (const char* name : {"one.test", "two.test", "three.test"})
    domains.push_back(&world.lab.domain(name, {.sts = "enforce"}));
  for (std::size_t i = 0; i < domains.size(); ++i) domains[i]->mx[0]->on("DOT", verdicts[i]);
  domains[0]->mx[0]->slow("DOT", std::chrono::milliseconds(700));  // the first is the last to answer
  const auto outcome = world.relay.lmtp({"a@one.test", "b@two.test", "c@three.test", "d@one.test"});
  REQUIRE(outcome.replies.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& verdict = verdicts[i % 3];
    INFO(outcome.replies[i].first);
    CHECK(outcome.replies[i].second.code == std::stoi(verdict));
    CHECK(outcome.replies[i].second.text.find(verdict.substr(4)) != std::string::npos);
  }
  REQUIRE(domains[0]->mx[0]->inbox().size() == 1);
  CHECK(domains[0]->mx[0]->inbox()[0]->recipients == std::vector<std::string>{"a@one.test", "d@one.test"});
}

TEST_CASE("the domains of an LMTP transaction are served side by side", "[scenario][SMTP-65]") {
  World world;
  std::vector<std::string> recipients;
  for (int i = 0; i < 4; ++i) {
    const std::string name = "d" + std::to_string(i) + ".test";
    auto& side = world.lab.domain(name, {.sts = "enforce"});
    // Each host gives its verdict when all of them have the whole message: one after the other none would.
    side.mx[0]->on("DOT", [&world](std::string_view) -> std::string {
      const bool all = world.lab.watch().until([&] { return world.lab.seen().size() == 4; }, std::chrono::seconds(20));
      return all ? "" : "451 4.3.0 served alone";
    });
    recipients.push_back("b@" + name);
  }
  const auto outcome = world.relay.lmtp(recipients);
  for (const auto& recipient : recipients) delivered(world, outcome, {.tls = true, .recipient = recipient});
}

TEST_CASE("an LMTP host that is lost after the data costs its own recipients only", "[scenario][SMTP-65][SMTP-30]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->on("DOT", std::string(lab::answer::drop));
  const auto outcome = world.relay.lmtp({"b@bad.test", "a@good.test"});
  delivered(world, outcome, {.mx = good.mx[0], .tls = true, .recipient = "a@good.test"});
  CHECK(outcome.reply("b@bad.test").code == 451);
}

TEST_CASE("a large body reaches each domain of an LMTP transaction unchanged", "[scenario][SMTP-65][SMTP-04]") {
  World world;
  std::string body = lab::letter();
  while (body.size() < 400'000) body += std::string(60, '.') + "\r\n..\r\n.x\r\n";
  std::vector<std::string> recipients;
  for (const char* name : {"one.test", "two.test", "three.test"}) {
    world.lab.domain(name, {.sts = "enforce"});
    recipients.push_back(std::string("b@") + name);
  }
  const auto outcome = world.relay.lmtp(recipients, body);
  for (const auto& recipient : recipients) {
    const auto message = delivered(world, outcome, {.tls = true, .recipient = recipient});
    CHECK(message.body->substr(message.body->size() - body.size()) == body);
  }
}

TEST_CASE("LHLO and EHLO exclude each other on one connection", "[scenario][SMTP-65]") {
  World world;
  auto lmtp = world.relay.client(true);
  for (const char* feature : {"PIPELINING", "ENHANCEDSTATUSCODES"}) CHECK(lmtp.features().contains(feature));
  CHECK(lmtp.command("EHLO x.test").code == 503);
  CHECK(lmtp.command("HELO x.test").code == 503);
  lmtp.quit();
  auto smtp = world.relay.client();
  CHECK(smtp.command("LHLO x.test").code == 503);
  smtp.quit();
}
