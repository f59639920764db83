// What one host's failure is in words, whether the next host may be tried, and what an MX's reply becomes.
#include "policy/outcome.hpp"

#include <catch2/catch.hpp>

#include "policy/reply.hpp"
#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using smtp::Cause;
using smtp::Stage;
using What = HostOutcome::What;

TEST_CASE("each cause of a failure is an outcome in words", "[STS-36][SMTP-45][T-1]") {
  struct {
    smtp::Failure failure;
    What what;
    const char* words;
  } const cases[] = {
      {{Cause::lost, Stage::greeting, {}, ""}, What::lost, "connection lost at greeting"},
      {{Cause::timed_out, Stage::ehlo, {}, ""}, What::lost, "no answer in time at EHLO"},
      {{Cause::nonsense, Stage::mail, {}, "hello there"}, What::nonsense, "no proper SMTP reply at MAIL: hello there"},
      {{Cause::nonsense, Stage::mail, {354, "", "go on"}, "x"},
       What::nonsense,
       "no proper SMTP reply at MAIL: 354 go on"},
      {{Cause::injected, Stage::starttls, {}, "250-X"},
       What::nonsense,
       "plaintext was injected behind its answer to STARTTLS"},
      {{Cause::refused, Stage::greeting, {554, "5.7.1", "go away"}, ""},
       What::refused,
       "it said at greeting: 554 5.7.1 go away"},
      {{Cause::no_starttls, Stage::starttls, {}, ""}, What::no_starttls, "STARTTLS is not offered"},
      {{Cause::no_starttls, Stage::starttls, {502, "5.5.1", "not implemented"}, ""},
       What::no_starttls,
       "STARTTLS was refused: 502 5.5.1 not implemented"},
      {{Cause::handshake, Stage::handshake, {}, "unsupported protocol"},
       What::handshake_failed,
       "TLS handshake failed: unsupported protocol"},
      {{Cause::refused, Stage::auth, {535, "5.7.8", "bad"}, ""},
       What::not_authenticated,
       "it said at AUTH: 535 5.7.8 bad"},
      {{Cause::refused, Stage::auth, {454, "4.7.0", "later"}, ""}, What::refused, "it said at AUTH: 454 4.7.0 later"},
      {{Cause::no_auth, Stage::auth, {}, "no mechanism in common"},
       What::not_authenticated,
       "authentication failed: no mechanism in common"},
      {{Cause::no_auth, Stage::auth, {501, "5.7.0", "cancelled"}, "its signature is wrong"},
       What::not_authenticated,
       "authentication failed: its signature is wrong (it said 501 5.7.0 cancelled)"},
      {{Cause::handshake, Stage::handshake, {}, ""}, What::handshake_failed, "TLS handshake failed"},
  };
  for (const auto& [failure, what, words] : cases) {
    const auto result = outcome_of("mx1.example.com", failure);
    CHECK(result.host == "mx1.example.com");
    CHECK(result.what == what);
    CHECK(result.stage == failure.stage);
    CHECK(result.words == words);
  }
}

TEST_CASE("the words of an outcome are printable and bounded", "[STS-50]") {
  const auto result = says("mx1.example.com", Stage::greeting, {554, "", std::string(5000, 'x') + "\x1b[2J\r\n\x07"});
  CHECK(result.words.size() <= 300);
  const auto odd = outcome_of("mx1.example.com", {Cause::nonsense, Stage::ehlo, {}, "\x1b[31m\x80"});
  CHECK(odd.words == "no proper SMTP reply at EHLO: \\x1b[31m\\x80");
}

TEST_CASE("a 5xx to MAIL is final and all before it leads to the next host", "[SMTP-17][Q-1]") {
  for (const auto stage : {Stage::connect, Stage::greeting, Stage::ehlo, Stage::starttls, Stage::ehlo_tls}) {
    for (const int code : {421, 450, 554}) CHECK(next_host_may_be_tried(says("mx", stage, {code, "", "no"})));
  }
  CHECK(next_host_may_be_tried(says("mx", Stage::mail, {451, "4.7.1", "greylisted"})));
  CHECK(next_host_may_be_tried(says("mx", Stage::mail, {421, "4.3.2", "busy"})));
  CHECK_FALSE(next_host_may_be_tried(says("mx", Stage::mail, {550, "5.7.1", "blocked"})));
  CHECK(next_host_may_be_tried(remembered(says("mx", Stage::mail, {550, "5.7.1", "blocked"}))));
  for (const auto what : {What::unreachable, What::blocked, What::congested, What::lost, What::nonsense,
                          What::no_starttls, What::handshake_failed, What::not_admitted, What::out_of_time})
    CHECK(next_host_may_be_tried(outcome("mx", what)));
}

TEST_CASE("a fresh look at the policy is worth while only where a stored one is in the way", "[STS-24]") {
  auto strict = facts({host("mx1.example.com"), host("mx2.example.net")}, sts::Mode::enforce, {"mx1.example.com"});
  const auto plan = decide(strict);
  CHECK(policy_stands_in_the_way(plan, {}));
  strict.sts.source = StsFacts::Source::fetched;
  CHECK_FALSE(policy_stands_in_the_way(decide(strict), {}));
  strict.sts.source = StsFacts::Source::stored;
  strict.sts.policy.mx = {"mx1.example.com", "mx2.example.net"};
  const auto both = decide(strict);
  CHECK_FALSE(policy_stands_in_the_way(both, {}));
  for (const auto what : {What::no_starttls, What::handshake_failed, What::not_admitted}) {
    const HostOutcome failed[] = {outcome("mx1.example.com", what)};
    const HostOutcome from_memory[] = {remembered(failed[0])};
    CHECK(policy_stands_in_the_way(both, failed));
    CHECK(policy_stands_in_the_way(both, from_memory));
  }
  for (const auto what : {What::unreachable, What::lost, What::nonsense, What::refused, What::congested}) {
    const HostOutcome failed[] = {outcome("mx1.example.com", what)};
    CHECK_FALSE(policy_stands_in_the_way(both, failed));
  }
  strict.sts.policy.mode = sts::Mode::testing;
  const HostOutcome failed[] = {outcome("mx1.example.com", What::handshake_failed)};
  CHECK_FALSE(policy_stands_in_the_way(decide(strict), failed));
}

TEST_CASE("what the MX says to RCPT and to the message goes through with its code and text",
          "[SMTP-17][SMTP-27][SMTP-66]") {
  const std::string mx = "mx1.example.com";
  struct {
    Stage stage;
    smtp::Reply said, passed;
  } const cases[] = {
      {Stage::rcpt, {250, "2.1.5", "ok"}, {250, "2.1.5", "ok"}},
      {Stage::rcpt, {299, "2.1.5", "fine"}, {299, "2.1.5", "fine"}},
      {Stage::rcpt, {550, "5.1.1", "who is that"}, {550, "5.1.1", "who is that"}},
      {Stage::rcpt, {550, "", "no"}, {550, "5.0.0", "no"}},
      {Stage::rcpt, {550, "2.1.5", "fine"}, {550, "5.0.0", "fine"}},
      {Stage::rcpt, {450, "4.2.1", "greylisted"}, {450, "4.2.1", "greylisted"}},
      {Stage::rcpt, {550, "5.1.1", "evil \x1b[31m"}, {550, "5.1.1", "evil \\x1b[31m"}},
      {Stage::rcpt, {421, "4.3.2", "bye"}, {451, "4.4.2", mx + " said at RCPT: 421 4.3.2 bye"}},
      {Stage::rcpt, {354, "", "go"}, {451, "4.5.0", mx + " gave an answer that fits nothing at RCPT: 354 go"}},
      {Stage::data, {554, "5.7.0", "no"}, {554, "5.7.0", "no"}},
      {Stage::data, {451, "4.3.0", "no"}, {451, "4.3.0", "no"}},
      {Stage::data,
       {250, "2.0.0", "ok"},
       {451, "4.5.0", mx + " gave an answer that fits nothing at DATA: 250 2.0.0 ok"}},
      {Stage::body,
       {250, "2.0.0", "ok"},
       {451, "4.5.0", mx + " gave an answer that fits nothing at message body: 250 2.0.0 ok"}},
      {Stage::body, {552, "5.3.4", "too big"}, {552, "5.3.4", "too big"}},
      {Stage::final_dot, {250, "2.0.0", "taken"}, {250, "2.0.0", "taken"}},
      {Stage::final_dot, {554, "5.6.0", "spam"}, {554, "5.6.0", "spam"}},
      {Stage::final_dot, {421, "4.3.2", "down"}, {451, "4.4.2", mx + " said at end of message: 421 4.3.2 down"}},
      {Stage::final_dot,
       {354, "", "go"},
       {451, "4.5.0", mx + " gave an answer that fits nothing at end of message: 354 go"}},
  };
  for (const auto& [stage, said, passed] : cases) {
    const auto result = passed_on(mx, stage, said);
    CHECK(result.code == passed.code);
    CHECK(result.enhanced == passed.enhanced);
    CHECK(result.text == passed.text);
  }
  const auto long_reply = passed_on(mx, Stage::rcpt, {421, "", std::string(3000, 'x')});
  CHECK(long_reply.text.size() <= reply::text_limit);
}

TEST_CASE("a connection lost at RCPT or later is temporary and says where", "[SMTP-66][Q-2]") {
  const std::string mx = "mx1.example.com";
  auto reply = after_failure(mx, {Cause::lost, Stage::rcpt, {}, ""});
  CHECK(reply == smtp::Reply{451, "4.4.2", "mx1.example.com: connection lost at RCPT"});
  reply = after_failure(mx, {Cause::timed_out, Stage::final_dot, {}, ""});
  CHECK(reply ==
        smtp::Reply{451, "4.4.2",
                    "mx1.example.com: the message may have been delivered: no answer in time at end of message"});
  reply = after_failure(mx, {Cause::nonsense, Stage::data, {}, "hello"});
  CHECK(reply.code == 451);
  CHECK(reply.enhanced == "4.5.0");
  reply = after_failure(mx, {Cause::refused, Stage::rcpt, {550, "5.1.1", "no"}, ""});
  CHECK(reply == smtp::Reply{550, "5.1.1", "no"});
}

TEST_CASE("552 behind accepted recipients means too many unless it names the mailbox or the size", "[SMTP-46]") {
  const std::string mx = "mx.x.test";
  const auto heard = [&](const smtp::Reply& said, bool some_accepted) {
    const auto reply = policy::rcpt_passed_on(mx, said, some_accepted);
    return std::to_string(reply.code) + ' ' + reply.enhanced;
  };
  CHECK(heard({552, "", "too many recipients"}, true) == "452 4.5.3");
  CHECK(heard({552, "5.5.3", "too many recipients"}, true) == "452 4.5.3");
  CHECK(heard({552, "5.2.2", "mailbox full"}, true) == "552 5.2.2");
  CHECK(heard({552, "5.3.4", "too large"}, true) == "552 5.3.4");
  CHECK(heard({452, "", "too many"}, true) == "452 4.5.3");
  CHECK(heard({452, "4.2.2", "mailbox full"}, true) == "452 4.2.2");
  CHECK(heard({552, "", "no"}, false).substr(0, 3) == "552");
  CHECK(heard({452, "", "no"}, false).substr(0, 3) == "452");
  CHECK(heard({550, "5.1.1", "nobody"}, true) == "550 5.1.1");
}
