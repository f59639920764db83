// Extensions that clients use whatever the MX offers: messages in chunks, addresses and headers in UTF-8.
#include <catch2/catch.hpp>
#include <random>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;

namespace {

const std::string mueller = "m\xc3\xbcller";

std::string bdat(std::string_view octets, bool last) {
  return "BDAT " + std::to_string(octets.size()) + (last ? " LAST\r\n" : "\r\n") + std::string(octets);
}

Outcome send(World& world, const std::string& recipient, const std::string& parameters, const std::string& body) {
  auto client = world.relay.client();
  auto outcome = world.relay.outcome(client.send("a@sender.test", {recipient}, body, parameters));
  client.quit();
  return outcome;
}

void without_smtputf8(MxHost& host) {
  host.offers({"PIPELINING", "8BITMIME"});
}

}  // namespace

TEST_CASE("a message in chunks arrives as it would by DATA", "[scenario][SMTP-23][SMTP-04]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  std::mt19937 random(4711);
  std::string body = lab::letter();
  while (body.size() < 300'000) {
    const std::vector<std::string> lines{".", "..", ".x", "", std::string(5000, 'l'), "\xff\x80", std::string(1, '\0')};
    body += lines[random() % lines.size()] + "\r\n";
  }
  auto client = world.relay.client();
  client.command("MAIL FROM:<a@sender.test> BODY=8BITMIME");
  client.command("RCPT TO:<b@good.test>");
  for (std::size_t at = 0; at < body.size();) {
    const auto size = std::min<std::size_t>(body.size() - at, 1 + random() % 90'000);
    at += size;
    client.raw(bdat(std::string_view(body).substr(at - size, size), at == body.size()));
    CHECK(client.read().code == 250);
  }
  client.quit();
  const auto inbox = good.mx[0]->inbox();
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0]->body->substr(inbox[0]->body->size() - body.size()) == body);
}

// B-1: the content of a refused chunk ran as commands.
TEST_CASE("a chunk without a recipient is dropped and the session goes on", "[scenario][SMTP-23][B-1]") {
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  auto client = world.relay.client();
  client.raw("BDAT 20 LAST\r\nMAIL FROM:<a@b.com>\rNOOP\r\n");
  CHECK(client.read().code == 503);
  CHECK(client.read().code == 250);
  CHECK(client.command("RCPT TO:<b@good.test>").code == 503);
  client.quit();
  CHECK(world.lab.seen().empty());
}

TEST_CASE("an address in UTF-8 goes to a host that takes it and to no other", "[scenario][SMTP-24]") {
  World world;
  auto& two = world.lab.domain("two.test", {.mx = 2, .sts = "enforce"});
  auto& none = world.lab.domain("none.test", {.sts = "enforce"});
  without_smtputf8(*two.mx[0]);
  without_smtputf8(*none.mx[0]);
  const auto passed = send(world, mueller + "@two.test", "SMTPUTF8 BODY=8BITMIME", lab::letter());
  const auto message = delivered(world, passed, {.mx = two.mx[1], .tls = true});
  CHECK(message.parameters.find("SMTPUTF8") != std::string::npos);
  CHECK(message.body->find("with UTF8SMTP") != std::string::npos);
  untouched(world, {two.mx[0]});
  refused(world, send(world, mueller + "@none.test", "SMTPUTF8", lab::letter()), {"5.6.7", "none.test"});
}

TEST_CASE("what a host lacks for one recipient costs the others nothing", "[scenario][SMTP-24]") {
  const bool pipelined = GENERATE(true, false);
  World world;
  auto& none = world.lab.domain("none.test", {.sts = "enforce"});
  without_smtputf8(*none.mx[0]);
  auto client = world.relay.client();
  CHECK(client.command("MAIL FROM:<a@sender.test> SMTPUTF8").code == 250);
  const std::vector<std::pair<std::string, int>> recipients{
      {mueller + "@none.test", 553}, {"b@none.test", 250}, {mueller + "2@none.test", 553}, {"c@none.test", 250}};
  if (pipelined) {
    std::string all;
    for (const auto& [address, code] : recipients) all += "RCPT TO:<" + address + ">\r\n";
    client.raw(all);
  }
  for (const auto& [address, code] : recipients) {
    const auto reply = pipelined ? client.read() : client.command("RCPT TO:<" + address + ">");
    INFO(address << ": " << lab::words(reply));
    CHECK(reply.code == code);
  }
  CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  const auto inbox = none.mx[0]->inbox();
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0]->recipients == std::vector<std::string>{"b@none.test", "c@none.test"});
}

// U-1: clients that set SMTPUTF8 always; their ASCII mail bounced.
TEST_CASE("SMTPUTF8 that is not needed goes without and a header that needs it does not", "[scenario][SMTP-24][U-1]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  without_smtputf8(*good.mx[0]);
  const auto message = delivered(world, send(world, "b@good.test", "SMTPUTF8", lab::letter()), {.mx = good.mx[0]});
  CHECK(message.parameters.find("SMTPUTF8") == std::string::npos);
  const auto body = lab::letter("hello",
                                "Gr\xc3\xbc\xc3\x9f"
                                "e");
  refused(world, send(world, "c@good.test", "SMTPUTF8 BODY=8BITMIME", body), {"5.6.9"});
}

TEST_CASE("the header of a part that is not ASCII needs SMTPUTF8 and its 8-bit content does not",
          "[scenario][SMTP-24]") {
  const bool chunked = GENERATE(false, true);
  World world;
  auto& none = world.lab.domain("none.test", {.sts = "enforce"});
  without_smtputf8(*none.mx[0]);
  const auto message = [](const std::string& name, const std::string& text) {
    return "From: a@sender.test\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b\"\r\n\r\n--=_b\r\n"
           "Content-Type: text/plain; charset=utf-8; name=\"" +
           name + "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n--=_b--\r\n";
  };
  const auto transaction = [&](const std::string& recipient, const std::string& body) {
    if (!chunked)
      return world.relay.client().send("a@sender.test", {recipient}, body, "SMTPUTF8 BODY=8BITMIME").at(0).second;
    auto client = world.relay.client();
    client.command("MAIL FROM:<a@sender.test> SMTPUTF8 BODY=8BITMIME");
    client.command("RCPT TO:<" + recipient + ">");
    client.raw(bdat(body, true));
    return client.read();
  };
  const auto passed = transaction("b@none.test", message("x", mueller));
  CHECK(passed.code == 250);
  CHECK(none.mx[0]->inbox().size() == 1);
  const auto refusal = transaction("c@none.test", message(mueller, "x"));
  INFO(lab::words(refusal));
  CHECK(refusal.code == 554);
  CHECK(refusal.enhanced() == "5.6.9");
  CHECK(none.mx[0]->inbox().size() == 1);
}

TEST_CASE("a domain with U-labels is looked up by its A-labels", "[scenario][SMTP-25]") {
  World world;
  auto& domain = world.lab.domain("xn--bcher-kva.test", {.sts = "enforce"});
  const std::string recipient =
      "b@b\xc3\xbc"
      "cher.test";
  const auto outcome = send(world, recipient, "SMTPUTF8", lab::letter());
  delivered(world, outcome, {.mx = domain.mx[0], .tls = true, .recipient = recipient});
  auto client = world.relay.client();
  client.command("MAIL FROM:<a@sender.test> SMTPUTF8");
  CHECK(client.command("RCPT TO:<b@xn--\xe2\x82\xac.test>").text.starts_with("5.1.3"));
  client.quit();
}
