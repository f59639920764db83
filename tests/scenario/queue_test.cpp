// Listeners with on_defer = "queue": cut through first, and what was taken is delivered once, whatever stood in its
// way.
#include <catch2/catch.hpp>

#include "tests/scenario/support/queue_world.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

TEST_CASE("a host that takes the message answers the client and the disk sees nothing", "[scenario][SMTP-60]") {
  QueueWorld world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  good.mx[0]->on("DOT", std::string("250 2.0.0 taken as 4711"));
  const auto outcome = world.take({"b@good.test"});
  CHECK(holds(outcome.reply().text, "taken as 4711"));
  CHECK(world.arrival("b@good.test").mx == good.mx[0]);
  CHECK(world.relay.log_lines({{"event", "queued"}}).empty());
}

TEST_CASE("what a host refuses while the client waits is refused and nothing is reported", "[scenario][SMTP-60]") {
  const auto [stage, reply] = GENERATE(table<std::string, std::string>(
      {{"RCPT", "550 5.1.1 who is that"}, {"DOT", "554 5.6.0 looks like spam"}, {"MAIL", "550 5.7.1 not from there"}}));
  QueueWorld world;
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->on(stage, reply);
  const auto outcome = world.relay.mail("b@bad.test");
  refused(world, outcome, {reply.substr(10)});
  world.drained();
  CHECK(world.reports().empty());
}

TEST_CASE("what fails for now is taken and goes out when the host has healed", "[scenario][SMTP-60][SMTP-29][STS-37]") {
  const std::string trouble = GENERATE("stripped", "MAIL", "RCPT", "DATA", "DOT", "lost at the dot");
  QueueWorld world;
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  auto& mx = *slow.mx[0];
  if (trouble == "stripped") {
    mx.starttls(lab::Starttls::stripped);
  } else if (trouble == "lost at the dot") {
    mx.on("DOT", std::vector<std::string>{lab::answer::drop});
  } else {
    mx.on(trouble, std::string("451 4.3.0 not now"));
  }
  world.take({"b@slow.test"});
  if (trouble != "lost at the dot") {
    until(
        world,
        [&] {
          return !world.relay.log_lines({{"event", "queued"}}).empty();
        },
        "the message in the queue");
    CHECK(world.lab.arrived("b@slow.test").empty());
    untouched(world, trouble == "stripped" ? std::vector<MxHost*>{&mx} : std::vector<MxHost*>{});
    mx.as_usual();
    mx.starttls(lab::Starttls::good);
  }
  CHECK(world.arrival("b@slow.test").tls != "");
  world.drained();
}

// Q-3: recipients at two domains, one deferred; the retry served the first twice.
TEST_CASE("of several domains each is served once whatever the others say", "[scenario][SMTP-40][Q-3]") {
  const auto one = GENERATE("", "451 4.3.0 later", "554 5.6.0 no");
  const auto two = GENERATE("", "451 4.3.0 later", "554 5.6.0 no");
  const std::string stage = GENERATE("RCPT", "DOT");
  CAPTURE(one, two, stage);
  QueueWorld world;
  std::vector<std::string> verdicts{one, two};
  std::vector<lab::Domain*> domains;
  for (const char* name : {"one.test", "two.test"}) domains.push_back(&world.lab.domain(name, {.sts = "enforce"}));
  for (std::size_t i = 0; i < 2; ++i) {
    if (!verdicts[i].empty()) domains[i]->mx[0]->on(stage, std::vector<std::string>{verdicts[i]});
  }
  auto client = world.relay.client();
  const auto replies = client.send("a@sender.test", {"b@one.test", "b@two.test"}, lab::letter());
  client.quit();
  const bool at_rcpt = stage == "RCPT";
  const auto refuses = [&](std::size_t i) { return verdicts[i].starts_with("554"); };
  if (refuses(0) && refuses(1)) {
    for (const auto& [recipient, reply] : replies) CHECK(reply.code == 554);
  } else {
    for (std::size_t i = 0; i < 2; ++i) CHECK(replies[i].second.code == (at_rcpt && refuses(i) ? 554 : 250));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const auto recipient = i == 0 ? "b@one.test" : "b@two.test";
    if (!refuses(i)) {
      CHECK(world.arrival(recipient).mx == domains[i]->mx[0]);
    } else if (!at_rcpt && !refuses(1 - i)) {
      const auto report = world.report();
      CHECK(holds(*report.body, recipient));
      CHECK(holds(*report.body, "5.6.0"));
    }
  }
  world.drained();
  const bool reports = !at_rcpt && refuses(0) != refuses(1);
  CHECK(world.reports().size() == (reports ? 1U : 0U));
}

TEST_CASE("over LMTP each recipient hears for itself and what waits is taken", "[scenario][SMTP-40][SMTP-65]") {
  QueueWorld world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& later = world.lab.domain("later.test", {.sts = "enforce"});
  auto& never = world.lab.domain("never.test", {.sts = "enforce"});
  later.mx[0]->on("DOT", std::vector<std::string>{"451 4.3.0 later"});
  never.mx[0]->on("DOT", std::string("554 5.6.0 no"));
  const auto outcome = world.relay.lmtp({"c@never.test", "b@later.test", "a@good.test"});
  REQUIRE(outcome.replies.size() == 3);
  CHECK(outcome.reply("a@good.test").code == 250);
  CHECK(outcome.reply("b@later.test").code == 250);
  CHECK(holds(outcome.reply("b@later.test").text, "queued"));
  CHECK(outcome.reply("c@never.test").code == 554);
  CHECK(world.arrival("a@good.test").mx == good.mx[0]);
  CHECK(world.arrival("b@later.test").mx == later.mx[0]);
  world.drained();
  CHECK(world.reports().empty());
}

TEST_CASE("a client waits for a slow host no longer than its patience", "[scenario][SMTP-60]") {
  const std::string stage = GENERATE("GREETING", "RCPT", "DOT");
  QueueWorld world({.patience = "500ms"});
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  auto& quick = world.lab.domain("quick.test", {.sts = "enforce"});
  std::atomic<bool> let_go = false;
  slow.mx[0]->on(stage, [&](std::string_view) -> std::string {
    world.lab.watch().until([&] { return let_go.load(); }, std::chrono::seconds(60));
    return "";
  });
  world.take({"b@slow.test", "b@quick.test"});
  CHECK(world.lab.arrived("b@slow.test").empty());
  CHECK(world.arrival("b@quick.test").mx == quick.mx[0]);
  let_go = true;
  // At the dot the host has the message already: its late answer settles it, and nothing is sent again.
  CHECK(world.arrival("b@slow.test").mx == slow.mx[0]);
  world.drained();
  if (stage == "DOT") CHECK(slow.mx[0]->inbox().size() == 1);
}

TEST_CASE("a host that refuses behind the client's back is reported", "[scenario][SMTP-60][SMTP-28]") {
  QueueWorld world({.patience = "300ms"});
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("DOT", std::string("554 5.6.0 spam")).slow("DOT", std::chrono::milliseconds(1500));
  world.take({"b@slow.test"});
  const auto report = world.report();
  CHECK(holds(*report.body, "5.6.0 spam"));
  world.drained();
}

TEST_CASE("recipients of one host share a transaction again at the retry", "[scenario][SMTP-47]") {
  QueueWorld world;
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("MAIL", std::vector<std::string>{"451 4.3.0 not yet"});
  std::vector<std::string> recipients;
  for (int i = 0; i < 150; ++i) recipients.push_back("u" + std::to_string(i) + "@slow.test");
  world.take(recipients);
  for (const auto& recipient : recipients) world.arrival(recipient);
  const auto inbox = slow.mx[0]->inbox();
  REQUIRE(inbox.size() == 2);  // at most a hundred each
  CHECK(inbox[0]->recipients.size() + inbox[1]->recipients.size() == 150);
  CHECK(std::max(inbox[0]->recipients.size(), inbox[1]->recipients.size()) == 100);
  world.drained();
}

TEST_CASE("of recipients of one host only those that were put off are tried again", "[scenario][SMTP-60][SMTP-40]") {
  QueueWorld world;
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  std::atomic<int> asked = 0;
  grey.mx[0]->on("RCPT", [&](std::string_view argument) -> std::string {
    if (argument.find("grey@") == std::string_view::npos) return "";
    return asked++ == 0 ? "450 4.2.1 greylisted" : "";
  });
  world.take({"x@grey.test", "grey@grey.test", "y@grey.test"});
  for (const char* recipient : {"x@grey.test", "grey@grey.test", "y@grey.test"}) world.arrival(recipient);
  world.drained();
  REQUIRE(grey.mx[0]->inbox().size() == 2);
  CHECK(grey.mx[0]->inbox()[1]->recipients == std::vector<std::string>{"grey@grey.test"});
}

TEST_CASE("refusals of MAIL are not remembered against a host", "[scenario][SMTP-59]") {
  QueueWorld world({.retry = "1h"});
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("MAIL", std::vector<std::string>{"451 4.7.1 you are greylisted"});
  world.take({"b@slow.test"});
  world.take({"c@slow.test"});  // by the next transaction the host is asked again, and takes it
  CHECK(world.arrival("c@slow.test").mx == slow.mx[0]);
  CHECK(world.lab.arrived("b@slow.test").empty());
}

TEST_CASE("a host that cannot be reached is remembered and its heal releases what waits",
          "[scenario][SMTP-59][SMTP-29]") {
  QueueWorld world;
  auto& down = world.lab.domain("down.test", {.sts = "enforce"});
  down.mx[0]->stop();
  for (int i = 0; i < 5; ++i) world.take({"u" + std::to_string(i) + "@down.test"});
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "queued"}}).size() == 5;
      },
      "five messages in the queue");
  down.mx[0]->start();
  for (int i = 0; i < 5; ++i) world.arrival("u" + std::to_string(i) + "@down.test");
  world.drained();
}

TEST_CASE("each attempt is decided by the policy in force then", "[scenario][STS-65][STS-24]") {
  QueueWorld world;
  auto& changed = world.lab.domain("changed.test", {.sts = "enforce", .patterns = {"old.changed.test"}});
  world.take({"b@changed.test"});
  untouched(world, {changed.mx[0]});
  changed.policy({.mode = "enforce", .mx = {"mx1.changed.test"}, .id = "20260202"});
  CHECK(world.arrival("b@changed.test").tls != "");
}

TEST_CASE("at the end of the lifetime the policy is looked at afresh before anything is returned",
          "[scenario][STS-54]") {
  const bool healed = GENERATE(true, false);
  QueueWorld world({.lifetime = "3s", .retry = "1h"});
  auto& changed = world.lab.domain("changed.test", {.sts = "enforce", .patterns = {"old.changed.test"}});
  world.take({"b@changed.test"});
  if (healed) {
    changed.policy({.mode = "enforce", .mx = {"mx1.changed.test"}, .id = "20260202"});
    world.arrival("b@changed.test");
    CHECK(world.reports().empty());
  } else {
    const auto report = world.report();
    CHECK(holds(*report.body, "5.4.7"));
    CHECK(holds(*report.body, "old.changed.test") == false);
    CHECK(holds(*report.body, "MTA-STS"));
    untouched(world, {changed.mx[0]});
  }
  world.drained();
}

TEST_CASE("REQUIRETLS stays with a queued message through kill -9", "[scenario][RTLS-10]") {
  QueueWorld world({.start = false});
  start_with_tls(world, "starttls", world.relay.options().listener);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  good.mx[0]->offers_tls({"REQUIRETLS"}).on("MAIL", std::vector<std::string>{"451 4.3.0 later"});
  auto client = secure_client(world);
  const auto replies = client.send("a@sender.test", {"b@good.test"}, lab::letter(), "REQUIRETLS");
  CHECK(replies.at(0).second.code == 250);
  world.relay.kill();
  world.relay.start();
  world.arrival("b@good.test");
  for (const auto& mail : good.mx[0]->mails()) CHECK(mail.line.ends_with(" REQUIRETLS"));
}

TEST_CASE("SIGTERM and a new start lose nothing that waits", "[scenario][OPS-02][SMTP-31]") {
  QueueWorld world;
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("MAIL", std::string("451 4.3.0 not yet"));
  for (int i = 0; i < 5; ++i) world.take({"u" + std::to_string(i) + "@slow.test"});
  CHECK(world.relay.stop() == 0);
  slow.mx[0]->as_usual();
  world.relay.start();
  for (int i = 0; i < 5; ++i) world.arrival("u" + std::to_string(i) + "@slow.test");
  world.drained();
}

TEST_CASE("a full queue says which limit it has reached", "[scenario][SMTP-31]") {
  QueueOptions options{.retry = "1h"};
  options.relay.tables["queue"] = {{"messages_per_client", "2"}};
  QueueWorld world(options);
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  slow.mx[0]->on("MAIL", std::string("451 4.3.0 not yet"));
  for (int i = 0; i < 2; ++i) world.take({"u" + std::to_string(i) + "@slow.test"});
  const auto third = world.relay.mail("u3@slow.test");
  CHECK(third.reply().code == 452);
  CHECK(holds(third.reply().text, "messages_per_client"));
  world.take({"b@good.test"});  // what needs no room goes on
  CHECK(world.arrival("b@good.test").mx == good.mx[0]);
}

TEST_CASE("what is too many for one transaction of a host goes out in further ones", "[scenario][SMTP-46][SMTP-47]") {
  const std::string said = GENERATE("552 too many recipients", "452 4.5.3 too many");
  const bool queue = GENERATE(true, false);
  CAPTURE(said, queue);
  QueueOptions options;
  options.retry = "1h";
  World world(queue ? queue_settings(options) : lab::RelayOptions());
  auto& few = world.lab.domain("few.test", {.sts = "enforce"});
  std::atomic<int> asked = 0;
  few.mx[0]->on("MAIL", [&](std::string_view) -> std::string {
    asked = 0;
    return "";
  });
  few.mx[0]->on("RCPT", [&](std::string_view) { return ++asked > 2 ? said : std::string(); });
  const std::vector<std::string> recipients{"a@few.test", "b@few.test", "c@few.test", "d@few.test", "e@few.test"};
  auto client = world.relay.client();
  const auto replies = client.send("a@sender.test", recipients, lab::letter());
  client.quit();
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    CHECK(replies[i].second.code == (queue || i < 2 ? 250 : 452));
    if (!queue && i >= 2) CHECK(replies[i].second.enhanced() == "4.5.3");
  }
  if (!queue) return;
  for (const auto& recipient : recipients) {
    until(
        world, [&] { return !world.lab.arrived(recipient).empty(); }, "arrival of " + recipient);
    CHECK(world.lab.arrived(recipient).size() == 1);
  }
  CHECK(few.mx[0]->inbox().size() == 3);
}
