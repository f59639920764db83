// Which host and which address a message goes to, and whose words the client hears.
#include <catch2/catch.hpp>
#include <future>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;

TEST_CASE("equal MX hosts share the messages", "[scenario][SMTP-13]") {
  World world;
  auto& equal = world.lab.domain("equal.test", {.mx = 2});
  world.lab.dns().set("equal.test", "MX", {"10 mx1.equal.test.", "10 mx2.equal.test."});
  for (auto* mx : equal.mx) mx->slow(std::chrono::milliseconds(50));
  // At once, so that no kept connection draws them: that all thirty choose alike is one chance in 2^29.
  std::vector<std::future<Outcome>> sent;
  for (int i = 0; i < 30; ++i) {
    sent.push_back(std::async(std::launch::async,
                              [&world, i] { return world.relay.mail("u" + std::to_string(i) + "@equal.test"); }));
  }
  for (auto& outcome : sent) delivered(world, outcome.get());
  const auto first = equal.mx[0]->inbox().size(), second = equal.mx[1]->inbox().size();
  CHECK(first > 0);
  CHECK(second > 0);
  CHECK(first + second == 30);
}

TEST_CASE("an address of either family serves where the other one is of no use", "[scenario][SMTP-13][N-4]") {
  World world;
  auto& four = world.lab.domain("four.test", {.sts = "enforce"});
  int number = 0;
  for (const char* useless : {"fe80::1", "::1"}) {  // never dialled; refuses connections
    INFO(useless);
    world.lab.dns().set("mx1.four.test", "AAAA", {useless});
    const auto recipient = "u" + std::to_string(++number) + "@four.test";
    delivered(world, world.relay.mail(recipient), {.mx = four.mx[0], .tls = true});
  }
  auto& six = world.lab.domain("six.test", {.sts = "enforce", .host = {.address = "::1"}});
  world.lab.dns().set("mx1.six.test", "A", {lab::dead_address});
  delivered(world, world.relay.mail("b@six.test"), {.mx = six.mx[0], .tls = true});
}

TEST_CASE("a refusal by the only host is the reply to RCPT with the words of the host",
          "[scenario][SMTP-43][SMTP-44][SMTP-17]") {
  World world;
  int number = 0;
  for (const char* stage : {"MAIL", "RCPT"}) {
    for (const std::string reply : {"550 5.7.1 never from you", "451 4.7.1 come again later"}) {
      INFO(stage << ' ' << reply);
      const std::string name = "says" + std::to_string(++number) + ".test";
      auto& says = world.lab.domain(name, {.sts = "enforce"});
      says.mx[0]->on(stage, reply);
      auto client = world.relay.client();
      CHECK(client.command("MAIL FROM:<a@sender.test>").code == 250);  // the relay's own
      const auto answer = client.command("RCPT TO:<b@" + name + ">");
      CHECK(answer.code == std::stoi(reply));
      CHECK(answer.text.find(reply.substr(4)) != std::string::npos);
      client.quit();
      CHECK(world.lab.seen().empty());
    }
  }
}

TEST_CASE("the end of the budget of RCPT is told with 451 4.4.1 on a connection that goes on",
          "[scenario][SMTP-44][SMTP-66]") {
  World world({.tables = {{"delivery", {{"rcpt_budget", "\"2s\""}}}}});
  auto& tar = world.lab.domain("tar.test", {.mx = 4});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  for (auto* mx : tar.mx) mx->on("GREETING", std::string(lab::answer::hang));
  auto client = world.relay.client();
  CHECK(client.command("MAIL FROM:<a@sender.test>").code == 250);
  const auto answer = client.command("RCPT TO:<b@tar.test>");
  CHECK(answer.code == 451);
  CHECK(answer.enhanced() == "4.4.1");
  CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
  CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("mail for postmaster without a domain goes to the configured address or is refused", "[scenario][SMTP-53]") {
  const bool configured = GENERATE(true, false);
  lab::RelayOptions options;
  if (configured) options.top.emplace("postmaster", "\"admin@good.test\"");
  World world(options);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto client = world.relay.client();
  CHECK(client.command("MAIL FROM:<a@sender.test>").code == 250);
  const auto reply = client.command("RCPT TO:<PostMaster>");
  CHECK(reply.code == (configured ? 250 : 550));
  if (configured) CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  const auto inbox = good.mx[0]->inbox();
  REQUIRE(inbox.size() == (configured ? 1U : 0U));
  if (configured) CHECK(inbox[0]->recipients == std::vector<std::string>{"admin@good.test"});
}
