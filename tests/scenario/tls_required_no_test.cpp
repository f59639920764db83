// The header TLS-Required: No (RFC 8689) of clients that a listener lists, and of others.
#include <catch2/catch.hpp>

#include "tests/lab/tlsa.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

const lab::RelayOptions listed{.listener = {{"tls_required_no", "[\"127.0.0.1\"]"}}};
const std::string no_header = "TLS-Required: No\r\n";

struct Replied {
  lab::Reply rcpt, last;
};

/// One transaction; `last` is the reply to RCPT where that was none.
Replied send(World& world, const std::string& recipient, const std::string& body) {
  auto client = world.relay.client();
  Replied replied;
  replied.rcpt = replied.last = client.envelope("a@sender.test", {recipient})[0].second;
  if (replied.rcpt.kind() == 2) replied.last = client.data(body);
  client.quit();
  return replied;
}

/// The delivery records with these fields, once there are `count` of them: the log comes behind the replies.
std::vector<lab::LogLine> records(const World& world, std::map<std::string, std::string> fields, std::size_t count) {
  fields["event"] = "delivery";
  until(
      world, [&] { return world.relay.log_lines(fields).size() >= count; }, "the delivery record");
  return world.relay.log_lines(fields);
}

std::string letter(const std::string& fields) {
  return lab::letter("hello", "test", fields);
}

}  // namespace

TEST_CASE("TLS-Required: No of a listed client goes before what the domain publishes",
          "[scenario][RTLS-06][RTLS-07][RTLS-09]") {
  World world(listed);
  auto& stripped = world.lab.domain("stripped.test", {.sts = "enforce"});
  stripped.mx[0]->starttls(Starttls::stripped);
  auto& forged = world.lab.domain("forged.test", {.sts = "enforce"});
  forged.mx[0]->certificate(world.lab.ca().issue({"mx1.forged.test"}, {.self_signed = true}).path);
  auto& outside = world.lab.domain("outside.test", {.sts = "enforce", .patterns = {"other.outside.test"}});
  struct Row {
    lab::Domain& domain;
    bool tls;
  };
  for (const auto& [domain, tls] : {Row{stripped, false}, Row{forged, true}, Row{outside, true}}) {
    INFO(domain.name);
    const auto replied = send(world, "b@" + domain.name, letter(no_header));
    CHECK(replied.rcpt.code == 250);
    CHECK(replied.last.code == 250);
    REQUIRE(domain.mx[0]->inbox().size() == 1);
    const auto message = domain.mx[0]->inbox()[0];
    CHECK(message->tls.empty() != tls);  // STARTTLS is still tried
    CHECK(message->body->find("\r\n" + no_header) != std::string::npos);
    const auto found = records(world, {{"domain", domain.name}}, 1);
    REQUIRE(found.size() == 1);
    CHECK(found[0].fields.at("result") == "delivered");
    CHECK(world.relay.log_lines({{"event", "tls_required_no"}, {"domain", domain.name}}).size() == 1);
  }
}

TEST_CASE("where the policy is met TLS-Required: No changes nothing", "[scenario][RTLS-06]") {
  World world(listed);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  CHECK(send(world, "b@good.test", letter(no_header)).last.code == 250);
  REQUIRE(good.mx[0]->inbox().size() == 1);
  CHECK(records(world, {{"proof", "pkix"}}, 1).size() == 1);
  CHECK(world.relay.log_lines({{"event", "tls_required_no"}}).empty());
}

TEST_CASE("a header that does not count leaves the deferral as the last reply", "[scenario][RTLS-06][RTLS-09]") {
  World world(listed);
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  domain.mx[0]->starttls(Starttls::stripped);
  const std::pair<const char*, std::string> rows[] = {
      {"none", lab::letter()},
      {"another value", letter("TLS-Required: Yes\r\n")},
      {"twice", letter(no_header + no_header)},
      {"in the body", lab::letter(no_header)},
      {"another name", letter("X-" + no_header)},
      {"behind the hold", letter("X: " + std::string(70, 'x') + "\r\n" +
                                 [] {
                                   std::string folds;
                                   while (folds.size() < 70000) folds += " " + std::string(70, 'x') + "\r\n";
                                   return folds;
                                 }() +
                                 no_header)},
  };
  std::size_t count = 0;
  for (const auto& [name, body] : rows) {
    INFO(name);
    const auto replied = send(world, "b@x.test", body);
    CHECK(replied.rcpt.code == 250);
    CHECK(replied.last.code == 451);
    CHECK(replied.last.enhanced() == "4.7.4");
    CHECK(replied.last.text.find("x.test demands verified TLS") != std::string::npos);
    ++count;
    CHECK(records(world, {{"result", "deferred"}}, count).size() == count);
  }
  untouched(world, domain.mx);
  CHECK(world.lab.seen().empty());
}

TEST_CASE("TLS-Required: No of a client that is not listed has no effect", "[scenario][RTLS-07]") {
  World world({.listener = {{"tls_required_no", "[\"127.0.0.77\"]"}}});
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  domain.mx[0]->starttls(Starttls::stripped);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const auto replied = send(world, "b@x.test", letter(no_header));
  CHECK(replied.rcpt.code == 451);
  CHECK(replied.rcpt.enhanced() == "4.7.4");
  untouched(world, domain.mx);
  CHECK(send(world, "b@good.test", letter(no_header)).last.code == 250);
  REQUIRE(good.mx[0]->inbox().size() == 1);
  CHECK(good.mx[0]->inbox()[0]->body->find("\r\n" + no_header) != std::string::npos);
}

TEST_CASE("TLS-Required: No weakens no floor of the administrator", "[scenario][RTLS-06]") {
  auto options = listed;
  options.destinations = {{{"domain", "\"x.test\""}, {"security", "\"encrypt\""}}};
  World world(options);
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  domain.mx[0]->starttls(Starttls::stripped);
  const auto replied = send(world, "b@x.test", letter(no_header));
  CHECK(replied.last.code == 451);
  untouched(world, domain.mx);
  // What the floor is content with goes out.
  domain.mx[0]->starttls(Starttls::good).certificate(world.lab.ca().issue({"mx1.x.test"}, {.self_signed = true}).path);
  world.relay.restart();
  CHECK(send(world, "b@x.test", letter(no_header)).last.code == 250);
  no_plaintext(world, domain.mx);
}

TEST_CASE("what no header could change is answered at RCPT", "[scenario][RTLS-06]") {
  World world(listed);
  auto& dead = world.lab.domain("dead.test", {.sts = "enforce"});
  dead.mx[0]->stop();
  CHECK(send(world, "b@dead.test", letter(no_header)).rcpt.code == 451);
  CHECK(send(world, "b@nowhere.test", letter(no_header)).rcpt.code == 550);
}

TEST_CASE("REQUIRETLS makes TLS-Required: No void", "[scenario][RTLS-09]") {
  World world({}, false);
  start_with_tls(world, "starttls", listed.listener);
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  domain.mx[0]->starttls(Starttls::stripped);
  auto client = secure_client(world);
  const auto reply = client.envelope("a@sender.test", {"b@x.test"}, "REQUIRETLS")[0].second;
  CHECK(reply.kind() != 2);
  client.quit();
  untouched(world, domain.mx);
}

TEST_CASE("several recipients that the header decides for share its verdict", "[scenario][RTLS-06]") {
  World world(listed);
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  domain.mx[0]->starttls(Starttls::stripped);
  world.lab.domain("y.test", {.sts = "enforce"});
  const auto no_such = [](std::string_view argument) {
    return argument.find("nobody@") != std::string_view::npos ? std::string("550 5.1.1 who is that") : std::string();
  };
  domain.mx[0]->on("RCPT", no_such);
  auto client = world.relay.client();

  auto replies = client.envelope("a@sender.test", {"a@x.test", "b@x.test", "c@y.test"});
  CHECK(replies[0].second.code == 250);
  CHECK(replies[1].second.code == 250);
  CHECK(replies[2].second.code == 452);  // one domain, as ever
  CHECK(client.data(letter(no_header)).code == 250);
  CHECK(world.lab.arrived("a@x.test").size() == 1);
  CHECK(world.lab.arrived("b@x.test").size() == 1);

  client.envelope("a@sender.test", {"c@x.test", "nobody@x.test"});
  const auto refusal = client.data(letter(no_header));
  CHECK(refusal.code == 550);
  CHECK(refusal.text.find("nobody@x.test") != std::string::npos);
  CHECK(refusal.text.find("who is that") != std::string::npos);
  CHECK(world.lab.arrived("c@x.test").empty());

  // RSET forgets what was noted.
  client.envelope("a@sender.test", {"d@x.test"});
  CHECK(client.command("RSET").code == 250);
  CHECK(client.send("a@sender.test", {"e@y.test"}, letter(no_header))[0].second.code == 250);
  CHECK(client.send("a@sender.test", {"f@x.test"}, letter(no_header))[0].second.code == 250);
  client.quit();
  CHECK(world.lab.arrived("d@x.test").empty());
}

TEST_CASE("TLS-Required: No goes before TLSA records as well", "[scenario][RTLS-06][DANE-09]") {
  auto options = listed;
  options.dnssec = "on";
  World world(options);
  world.lab.dns().sign(true);
  auto& domain = world.lab.domain("dane.test");
  world.lab.dns().set("_" + std::to_string(world.lab.smtp_port()) + "._tcp.mx1.dane.test", "TLSA",
                      {lab::tlsa(world.lab.ca().issue({"x.test"}).x509, 3, 1, 1)});
  const auto without = send(world, "b@dane.test", lab::letter());
  CHECK(without.rcpt.code == 250);
  CHECK(without.last.code == 451);
  CHECK(without.last.enhanced() == "4.7.5");
  untouched(world, domain.mx);
  CHECK(send(world, "c@dane.test", letter(no_header)).last.code == 250);
  CHECK(domain.mx[0]->inbox().size() == 1);
  no_plaintext(world, domain.mx);

  // Records that cannot be looked up defer as well.
  auto& broken = world.lab.domain("broken.test");
  world.lab.dns().fault("_" + std::to_string(world.lab.smtp_port()) + "._tcp.mx1.broken.test", "TLSA",
                        lab::Fault::servfail);
  CHECK(send(world, "b@broken.test", lab::letter()).last.code == 451);
  CHECK(send(world, "c@broken.test", letter(no_header)).last.code == 250);
  CHECK(broken.mx[0]->inbox().size() == 1);
}

TEST_CASE("over LMTP TLS-Required: No decides domain by domain", "[scenario][RTLS-06][SMTP-65]") {
  World world(listed);
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->starttls(Starttls::stripped);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const auto without = world.relay.lmtp({"a@bad.test", "b@good.test"});
  deferred(world, without, {bad.mx[0]}, {.policy = true, .recipient = "a@bad.test"});
  delivered(world, without, {.mx = good.mx[0], .tls = true, .recipient = "b@good.test"});
  const auto with = world.relay.lmtp({"c@bad.test", "d@good.test"}, letter(no_header));
  delivered(world, with, {.mx = bad.mx[0], .tls = false, .recipient = "c@bad.test"});
  delivered(world, with, {.mx = good.mx[0], .tls = true, .recipient = "d@good.test"});
  CHECK(records(world, {{"result", "delivered"}}, 3).size() == 3);
  CHECK(world.relay.log_lines({{"event", "tls_required_no"}}).size() == 1);
}
