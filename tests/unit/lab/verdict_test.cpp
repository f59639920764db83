// Each verdict from the evidence that leads to it.
#include "tests/lab/judge/verdict.hpp"

#include <catch2/catch.hpp>

using namespace lab::judge;

namespace {

const Expectation defer{.good = must_defer}, deliver{.good = must_deliver, .control = true},
    either{.good = may_deliver}, refuse{.good = may_refuse};

Evidence replied(int code, std::vector<Sighting> seen = {}) {
  return {.submitted = true, .code = code, .reply = std::to_string(code), .asked = true, .seen = std::move(seen)};
}

Sighting at(const std::string& tls, bool worthy) {
  return {.host = "mx1.x.test", .tls = tls, .worthy = worthy, .accepted = true, .body = "text"};
}

Sighting envelope(const std::string& tls, bool worthy) {
  return {.host = "mx1.x.test", .tls = tls, .worthy = worthy, .whole = false};
}

Verdict verdict(const Expectation& expected, const Evidence& evidence) {
  return judged(expected, evidence).verdict;
}

std::string spoilt(const std::vector<std::string>& bodies) {
  return bodies.size() > 1 || bodies.front() != "text" ? "spoilt" : "";
}

}  // namespace

TEST_CASE("held: deferred or delivered by a host that may have the message") {
  CHECK(verdict(defer, replied(451)) == Verdict::held);
  CHECK(verdict(defer, replied(250)) == Verdict::held);  // in the sender's queue
  CHECK(verdict(either, replied(451)) == Verdict::held);
  CHECK(verdict(either, replied(250, {at("TLSv1.3", true)})) == Verdict::held);
  CHECK(verdict(deliver, replied(250, {at("TLSv1.3", true)})) == Verdict::held);
  CHECK(verdict(refuse, replied(550)) == Verdict::held);
  auto unasked = replied(550);
  unasked.asked = false;
  CHECK(verdict(refuse, unasked) == Verdict::held);
  unasked.code = 451;  // at the sender's own door: the attack has gone no further
  CHECK(judged(refuse, unasked).words.starts_with("deferred"));
  CHECK(verdict(refuse, unasked) == Verdict::held);
  CHECK(verdict(defer, unasked) == Verdict::not_reached);
}

TEST_CASE("leaked: plaintext or an unworthy host whatever the sender says") {
  for (const int code : {250, 451, 550}) {
    CHECK(verdict(defer, replied(code, {at("TLSv1.3", false)})) == Verdict::leaked);
    CHECK(verdict(either, replied(code, {at("", true)})) == Verdict::leaked);
    CHECK(verdict(either, replied(code, {at("TLSv1.3", true), at("TLSv1.3", false)})) == Verdict::leaked);
    CHECK(verdict(defer, replied(code, {envelope("", false)})) == Verdict::leaked);
  }
  const auto words = judged(defer, replied(250, {envelope("", false), at("", false)})).words;
  CHECK(words == "mx1.x.test got the message in plaintext");
  CHECK(judged(defer, replied(451, {envelope("", false)})).words == "mx1.x.test got sender and recipient in plaintext");
}

TEST_CASE("plaintext is no leak where nothing is demanded") {
  Expectation open = deliver;
  open.plaintext_is_fine = true;
  CHECK(verdict(open, replied(250, {envelope("", true), at("", true)})) == Verdict::held);
  CHECK(verdict(open, replied(250, {at("", false)})) == Verdict::leaked);
}

TEST_CASE("lost: returned where it should have been kept") {
  CHECK(verdict(defer, replied(550)) == Verdict::lost);
  CHECK(verdict(either, replied(550)) == Verdict::lost);
  auto returned = replied(250);
  returned.returned = true;
  CHECK(verdict(defer, returned) == Verdict::lost);
  CHECK(verdict(refuse, returned) == Verdict::held);
}

TEST_CASE("spoilt messages are lost or leaked as the attack says") {
  Expectation content{.good = must_deliver, .spoilt = spoilt};
  Sighting changed = at("TLSv1.3", true);
  changed.body = "txt";
  CHECK(verdict(content, replied(250, {at("TLSv1.3", true)})) == Verdict::held);
  CHECK(verdict(content, replied(250, {changed})) == Verdict::lost);
  content.spoilt_is_leak = true;
  CHECK(verdict(content, replied(250, {at("TLSv1.3", true), at("TLSv1.3", true)})) == Verdict::leaked);
}

TEST_CASE("refused to deliver: a healthy domain got nothing") {
  for (const int code : {250, 451, 550}) CHECK(verdict(deliver, replied(code)) == Verdict::refused_to_deliver);
  auto first = replied(451);
  first.first_failed = "451 4.7.0";
  CHECK(verdict(deliver, first) == Verdict::refused_to_deliver);
}

TEST_CASE("not reached: the sender never came to the attack") {
  CHECK(verdict(defer, {.reply = "connection refused"}) == Verdict::not_reached);
  CHECK(verdict(deliver, {.reply = "connection refused"}) == Verdict::not_reached);
  auto unasked = replied(554);
  unasked.asked = false;
  CHECK(verdict(defer, unasked) == Verdict::not_reached);
  auto first = replied(451);
  first.first_failed = "451 4.7.0";
  CHECK(verdict(defer, first) == Verdict::not_reached);
}

TEST_CASE("not reached: what leaked because the laboratory had no time to answer for the policy") {
  using std::chrono::milliseconds;
  CHECK(starved({}) == "");
  CHECK(starved({{"mta-sts.x.test", milliseconds(5), true}}) == "");
  CHECK(starved({{"mta-sts.x.test", milliseconds(1999), false}}) == "");  // the sender's own haste
  CHECK(starved({{"mta-sts.x.test", milliseconds(4000), false}, {"mta-sts.x.test", milliseconds(5), true}}) == "");
  CHECK(starved({{"mta-sts.x.test", milliseconds(4000), true}}) != "");  // perhaps the sender had gone by then
  auto slow = replied(250, {at("", true)});
  slow.starved = starved({{"mta-sts.x.test", milliseconds(5), false}, {"mta-sts.x.test", milliseconds(4000), false}});
  CHECK(slow.starved == "the laboratory was too slow: its policy host took 4000 ms");
  CHECK(verdict(defer, slow) == Verdict::not_reached);
  slow.seen.clear();
  slow.visits = 2;
  CHECK(judged(defer, slow).words == "kept, nothing was sent in 2 connections to its hosts: 250");
}

TEST_CASE("nobody waits where nothing can change") {
  CHECK(settled(defer, replied(451)));
  CHECK(settled(defer, replied(550)));
  CHECK_FALSE(settled(defer, replied(250)));
  CHECK(settled(defer, replied(250, {at("", false)})));
  CHECK(settled(either, replied(250, {at("TLSv1.3", true)})));
  CHECK(settled(defer, {.reply = "connection refused"}));
}

TEST_CASE("the exit code is good only if nothing went wrong and the controls were reached") {
  Count count;
  CHECK(count.exit_code() == 1);  // nothing judged
  count.add(Verdict::held, true);
  count.add(Verdict::not_reached, false);
  CHECK(count.exit_code() == 0);
  for (const Verdict bad : {Verdict::leaked, Verdict::lost, Verdict::refused_to_deliver}) {
    Count worse = count;
    worse.add(bad, false);
    CHECK(worse.exit_code() == 1);
  }
  count.add(Verdict::not_reached, true);
  CHECK(count.exit_code() == 1);
}
