// Where the reports' drawings put the attacker.
#include "tests/lab/judge/attacker.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/judge/catalogue.hpp"
#include "tests/lab/judge/report_drawing.hpp"

using namespace lab::judge;

namespace {

Result result(const std::string& name, Verdict verdict, const std::string& words) {
  Result made;
  for (const auto& attack : catalogue())
    if (attack.name == name) made.attack = &attack;
  made.domain = name + ".judge.test";
  made.judgement = {verdict, words};
  made.transcript = {"DNS: _mta-sts." + made.domain + " TXT, mta-sts." + made.domain + " A"};
  return made;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("each attack has an attacker somewhere and no healthy control has one") {
  const std::set<std::string> no_attack{"eight-bits", "lone-dots", "long-line"};  // old hosts and odd messages
  for (const auto& attack : catalogue()) {
    INFO(attack.name);
    const bool healthy =
        attack.side == Side::control || attack.title.ends_with("(control)") || no_attack.contains(attack.name);
    CHECK(attacker(attack).anywhere() != healthy);
  }
}

TEST_CASE("the drawing says which way the message went and where it must not go") {
  auto leaked = result("mx-forged", Verdict::leaked, "mx.attacker.mx-forged.judge.test got the message in plaintext");
  leaked.thieves = {"mx1.mx-forged.judge.test", "mx.attacker.mx-forged.judge.test"};
  CHECK(contains(drawing(leaked), "Got the message in plaintext, and must not."));
  CHECK(contains(drawing(leaked), "He wants the message here."));
  CHECK_FALSE(contains(drawing(leaked), "mx1."));
  CHECK(contains(drawing(leaked), "Was asked for the MTA-STS policy."));

  auto held = result("starttls-stripped", Verdict::held, "deferred: 451 4.7.4 later");
  held.thieves = {"mx1.starttls-stripped.judge.test"};
  held.transcript = {"DNS: starttls-stripped.judge.test MX"};
  CHECK(contains(drawing(held), "Keeps the message and tries again later."));
  CHECK(contains(drawing(held), "Must not get the message."));
  CHECK(contains(drawing(held), "He sits on the way to it, or in its place."));
  CHECK(contains(drawing(held), "Was never asked for the MTA-STS policy."));

  auto healthy = result("healthy", Verdict::held, "delivered by mx1.healthy.judge.test over TLSv1.3");
  healthy.hosts = {"mx1.healthy.judge.test"};
  CHECK(contains(drawing(healthy), "Got the message over TLSv1.3."));
  CHECK_FALSE(contains(drawing(healthy), "attacker"));
}
