// From host to host: order, addresses, what each host's failure means, and what may be weaker where nothing is
// demanded.
#include <catch2/catch.hpp>
#include <future>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

TEST_CASE("MX hosts are tried by preference", "[scenario][SMTP-13]") {
  World world;
  auto& pref = world.lab.domain("pref.test", {.mx = 3});
  world.lab.dns().set("pref.test", "MX", {"30 mx1.pref.test.", "5 mx2.pref.test.", "100 mx3.pref.test."});
  for (int i = 0; i < 3; ++i)
    delivered(world, world.relay.mail("u" + std::to_string(i) + "@pref.test"), {.mx = pref.mx[1]});
}

TEST_CASE("a second address of a host serves when the first is dead", "[scenario][SMTP-13][N-4]") {
  World world;
  auto& two = world.lab.domain("two.test", {});
  world.lab.dns().set("mx1.two.test", "A", {lab::dead_address, two.mx[0]->address()});
  delivered(world, world.relay.mail("a@two.test"), {.mx = two.mx[0]});
  world.lab.dns().set("mx1.two.test", "AAAA", {"fe80::1"});  // never dialled
  delivered(world, world.relay.mail("b@two.test"), {.mx = two.mx[0]});
}

TEST_CASE("a refusal of MAIL is the reply to RCPT and a temporary one sends the message to the next host",
          "[scenario][SMTP-43][SMTP-17]") {
  World world;
  auto& hard = world.lab.domain("hard.test", {.mx = 2});
  hard.mx[0]->on("MAIL", std::string("550 5.7.1 sender not liked"));
  refused(world, world.relay.mail("b@hard.test"), {"550", "sender not liked"});
  untouched(world, {hard.mx[1]});
  auto& soft = world.lab.domain("soft.test", {.mx = 2});
  soft.mx[0]->on("MAIL", std::string("451 4.7.1 greylisted"));
  delivered(world, world.relay.mail("b@soft.test"), {.mx = soft.mx[1]});
}

TEST_CASE("hosts that never greet cost the budget of RCPT and not more", "[scenario][SMTP-44]") {
  World world({.tables = {{"delivery", {{"rcpt_budget", "\"2s\""}}}}});
  auto& tar = world.lab.domain("tar.test", {.mx = 6});
  std::vector<MxHost*> hosts;
  for (auto* mx : tar.mx) {
    mx->on("GREETING", std::string(lab::answer::hang));
    hosts.push_back(mx);
  }
  deferred(world, world.relay.mail("b@tar.test"), hosts);
  std::size_t dialled = 0;
  for (auto* mx : hosts) dialled += mx->sessions().size();
  CHECK(dialled >= 1);
  CHECK(dialled < hosts.size());  // dialling stopped with the budget
}

TEST_CASE("where nothing is demanded a host with broken TLS still gets the mail", "[scenario][T-2][SMTP-56]") {
  World world;
  int number = 0;
  for (const auto how : {Starttls::drop, Starttls::garbage, Starttls::refused}) {
    const std::string name = "old" + std::to_string(++number) + ".test";
    auto& old = world.lab.domain(name, {});
    old.mx[0]->starttls(how);
    delivered(world, world.relay.mail("b@" + name), {.mx = old.mx[0], .tls = false});
  }
  auto& tls10 = world.lab.domain("tls10.test", {});
  tls10.mx[0]->tls_versions(TLS1_VERSION, TLS1_VERSION);
  delivered(world, world.relay.mail("b@tls10.test"), {.mx = tls10.mx[0], .tls = true});
}

TEST_CASE("a memory of broken TLS does not weaken a domain that demands it", "[scenario][T-5][STS-64]") {
  World world;
  auto& lax = world.lab.domain("lax.test", {.mx_names = {"mx.shared.test"}});
  lax.mx[0]->starttls(Starttls::drop);
  auto& strict = world.lab.domain("strict.test", {.mx = 0, .sts = "enforce", .patterns = {"mx.shared.test"}});
  strict.hosts({"mx.shared.test"});
  delivered(world, world.relay.mail("a@lax.test"), {.mx = lax.mx[0], .tls = false});
  deferred(world, world.relay.mail("b@strict.test"));
  delivered(world, world.relay.mail("c@lax.test"), {.mx = lax.mx[0], .tls = false});
  CHECK(world.lab.arrived("b@strict.test").empty());
}

TEST_CASE("whatever the MX says the client keeps its connection", "[scenario][SMTP-66][SMTP-30][Q-2]") {
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  int number = 0;
  for (const char* stage : {"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"}) {
    for (const char* reply : {"421 4.3.2 going down", lab::answer::drop}) {
      INFO(stage << ' ' << reply);
      const std::string name = "bad" + std::to_string(++number) + ".test";
      auto& bad = world.lab.domain(name, {.sts = "enforce"});
      bad.mx[0]->on(stage, std::string(reply));
      auto client = world.relay.client();
      const auto first = client.send("a@sender.test", {"b@" + name}, lab::letter());
      CHECK(first[0].second.code == 451);
      const std::string next = "after" + std::to_string(number) + "@good.test";
      const auto second = client.send("a@sender.test", {next}, lab::letter());
      CHECK(second[0].second.code == 250);
      CHECK(world.lab.arrived(next).size() == 1);
      CHECK(world.lab.arrived("b@" + name).empty());
      client.quit();
    }
  }
}

TEST_CASE("the final reply of the MX is the final reply of the relay", "[scenario][SMTP-31][SMTP-42]") {
  World world;
  int number = 0;
  for (const char* reply : {"250 2.0.0 taken", "452 4.3.1 full", "554 5.6.0 spam"}) {
    const std::string name = "says" + std::to_string(++number) + ".test";
    auto& says = world.lab.domain(name, {});
    says.mx[0]->on("DOT", std::string(reply));
    const auto outcome = world.relay.mail("b@" + name);
    CHECK(outcome.reply().code == std::stoi(reply));
    CHECK(outcome.reply().text.find(std::string(reply).substr(4)) != std::string::npos);
    CHECK(world.lab.arrived("b@" + name).size() == (reply[0] == '2' ? 1U : 0U));
  }
}
