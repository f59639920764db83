// MX hosts that are slow, lost or weak, and what of that their neighbours and the client notice.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

TEST_CASE("a host with nothing but Diffie-Hellman of 1024 bits is used unless TLS is demanded",
          "[scenario][T-2][SMTP-56]") {
  World world;
  for (const std::string mode : {"none", "testing", "enforce"}) {
    INFO(mode);
    const std::string name = mode + ".test";
    auto& weak = world.lab.domain(name, {.sts = mode});
    weak.mx[0]->certificate(world.lab.ca().issue({"mx1." + name}, {.rsa_bits = 2048}).path).weak_dh();
    for (const std::string user : {"first@", "again@"}) {
      const auto outcome = world.relay.mail(user + name);
      if (mode == "enforce") {
        deferred(world, outcome, {weak.mx[0]}, {.policy = true});
      } else {
        delivered(world, outcome, {.mx = weak.mx[0], .tls = true});  // weak TLS beats none
      }
    }
  }
}

TEST_CASE("broken TLS that another domain put up with is tried anew where TLS is demanded and used once it is whole",
          "[scenario][T-5][STS-64]") {
  World world;
  auto& lax = world.lab.domain("lax.test", {.mx_names = {"mx.shared.test"}});
  auto& strict = world.lab.domain("strict.test", {.mx = 0, .sts = "enforce", .patterns = {"mx.shared.test"}});
  strict.hosts({"mx.shared.test"});
  lax.mx[0]->starttls(Starttls::drop);
  delivered(world, world.relay.mail("a@lax.test"), {.mx = lax.mx[0], .tls = false});
  lax.mx[0]->starttls(Starttls::good);
  delivered(world, world.relay.mail("b@strict.test"), {.mx = lax.mx[0], .tls = true});
}

TEST_CASE("a lost final reply is 451 4.4.2 and the message goes nowhere else", "[scenario][SMTP-30][Q-2]") {
  World world;
  int number = 0;
  for (const std::size_t size : {std::size_t{100}, std::size_t{300'000}}) {
    INFO(size);
    const std::string name = "lost" + std::to_string(++number) + ".test";
    auto& lost = world.lab.domain(name, {.mx = 2, .sts = "enforce"});
    lost.mx[0]->on("DOT", std::string(lab::answer::drop));
    std::string text;
    while (text.size() < size) text += std::string(70, 'x') + "\r\n";
    const auto outcome = world.relay.mail({"b@" + name}, lab::letter(text));
    CHECK(outcome.reply().code == 451);
    CHECK(outcome.reply().enhanced() == "4.4.2");
    untouched(world, {lost.mx[1]});  // the first host may have it
    CHECK(lost.mx[0]->mails().size() == 1);
  }
}

TEST_CASE("no 250 for a message whose verdict the host still owes when the relay is killed", "[scenario][SMTP-31]") {
  World world;
  auto& owing = world.lab.domain("owing.test", {.sts = "enforce"});
  owing.mx[0]->on("DOT", std::string(lab::answer::hang));
  auto client = world.relay.client();
  CHECK(client.command("MAIL FROM:<a@sender.test>").code == 250);
  CHECK(client.command("RCPT TO:<b@owing.test>").code == 250);
  CHECK(client.command("DATA").code == 354);
  client.raw(lab::letter() + ".\r\n");
  until(
      world, [&] { return !world.lab.seen().empty(); }, "the whole message at the host");
  world.relay.kill();
  CHECK_THROWS_AS(client.read(), lab::Gone);
  world.relay.start();
  owing.mx[0]->as_usual();
  delivered(world, world.relay.mail("again@owing.test"), {.mx = owing.mx[0], .tls = true});
  CHECK(world.lab.seen().size() == 2);  // nothing was stored and sent by itself
}

TEST_CASE("a host that is slow at any one reply is not passed over", "[scenario][SMTP-09]") {
  World world;
  int number = 0;
  for (const char* stage : {"GREETING", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "DOT"}) {
    INFO(stage);
    const std::string name = "slow" + std::to_string(++number) + ".test";
    auto& slow = world.lab.domain(name, {.mx = 2, .sts = "enforce"});
    slow.mx[0]->slow(stage, std::chrono::milliseconds(1200));
    delivered(world, world.relay.mail("b@" + name), {.mx = slow.mx[0], .tls = true});
    CHECK(slow.mx[1]->sessions().empty());
  }
}

TEST_CASE("idle clients in every phase do not keep an honest one waiting and leave no half message",
          "[scenario][SMTP-09][SMTP-41]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  std::vector<lab::SmtpClient> idle;
  for (int number = 0; number < 40; ++number) {
    auto& client = idle.emplace_back("127.0.0.1", world.relay.port());
    if (number % 4 == 0) continue;
    client.ehlo();
    CHECK(client.command("MAIL FROM:<a@sender.test>").code == 250);
    if (number % 4 == 1) continue;
    CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
    if (number % 4 == 2) continue;
    CHECK(client.command("DATA").code == 354);
    client.raw("Subject: half\r\n");
  }
  delivered(world, world.relay.mail("honest@good.test"), {.mx = good.mx[0], .tls = true});
  for (auto& client : idle) client.close();
  delivered(world, world.relay.mail("after@good.test"), {.mx = good.mx[0], .tls = true});
  CHECK(world.lab.seen().size() == 2);
}

TEST_CASE("a deferred recipient does not bind the transaction to its domain and an accepted one does",
          "[scenario][SMTP-63]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->starttls(Starttls::stripped);
  auto client = world.relay.client();
  const auto envelope =
      client.envelope("a@sender.test", {"b@bad.test", "a@good.test", "c@bad.test", "d@GOOD.test", "e@sender.test"});
  CHECK(envelope[0].second.code == 451);
  CHECK(envelope[1].second.code == 250);
  CHECK(envelope[3].second.code == 250);
  for (const std::size_t other : {std::size_t{2}, std::size_t{4}}) {
    CHECK(envelope[other].second.code == 452);
    CHECK(envelope[other].second.enhanced() == "4.5.3");
  }
  CHECK(client.data(lab::letter()).code == 250);
  const auto next = client.send("a@sender.test", {"e@sender.test"}, lab::letter());
  CHECK(next[0].second.code == 250);
  client.quit();
  untouched(world, {bad.mx[0]});
  REQUIRE(good.mx[0]->inbox().size() == 1);
  CHECK(good.mx[0]->inbox()[0]->recipients == std::vector<std::string>{"a@good.test", "d@GOOD.test"});
  CHECK(world.lab.arrived("e@sender.test").size() == 1);
}
