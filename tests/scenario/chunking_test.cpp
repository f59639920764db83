// Messages through DATA and BDAT on both sides: every octet as it came, and a chunk toward a host where it helps.
#include <catch2/catch.hpp>
#include <random>

#include "tests/scenario/support/queue_world.hpp"

using namespace scenario;

namespace {

std::string bdat(std::string_view octets, bool last) {
  return "BDAT " + std::to_string(octets.size()) + (last ? " LAST\r\n" : "\r\n") + std::string(octets);
}

void with_chunking(MxHost& host) {
  host.offers({"PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "CHUNKING"});
}

/// The commands of a host's sessions that begin with `verb`.
std::size_t count(const MxHost& host, std::string_view verb) {
  std::size_t found = 0;
  for (const auto& session : host.sessions()) {
    for (const auto& command : session.commands) found += command.line.starts_with(verb);
  }
  return found;
}

std::string random_letter(std::mt19937& random) {
  const std::string pieces[] = {".",
                                "..",
                                ".x",
                                "",
                                std::string(1 + random() % 3000, 'l'),
                                "\xff",
                                "\xc3\xa4",
                                ". . .",
                                std::string(2, '\0'),
                                std::string(1 + random() % 900, '.')};
  std::string body = lab::letter();
  for (auto lines = random() % 60; lines > 0; --lines) {
    for (auto some = random() % 3; some > 0; --some) body += pieces[random() % std::size(pieces)];
    body += "\r\n";
  }
  return body;
}

/// In pieces of any size, over several writes, so that each boundary falls anywhere.
void send_raw(lab::SmtpClient& client, std::string_view octets, std::mt19937& random) {
  while (!octets.empty()) {
    const auto size = std::min<std::size_t>(octets.size(), 1 + random() % (1 + octets.size()));
    client.raw(octets.substr(0, size));
    octets.remove_prefix(size);
  }
}

}  // namespace

TEST_CASE("any message keeps its octets through DATA and BDAT on both sides", "[scenario][SMTP-23][SMTP-04][SMTP-03]") {
  const bool queue = GENERATE(false, true);
  const unsigned seed = GENERATE(1U, 2U);
  CAPTURE(queue, seed);
  std::mt19937 random(seed);
  QueueOptions options;
  World world(queue ? queue_settings(options) : lab::RelayOptions());
  auto& plain = world.lab.domain("plain.test", {.sts = "enforce"});
  auto& chunks = world.lab.domain("chunks.test", {.sts = "enforce"});
  with_chunking(*chunks.mx[0]);
  auto client = world.relay.client();
  for (int i = 0; i < 60; ++i) {
    const auto body = random_letter(random);
    auto* const host = i % 2 == 0 ? chunks.mx[0] : plain.mx[0];
    const bool by_chunks = random() % 2 == 0;
    CAPTURE(i, by_chunks);
    REQUIRE(client.command("MAIL FROM:<a@sender.test> BODY=8BITMIME").code == 250);
    REQUIRE(client.command("RCPT TO:<b" + std::to_string(i) + (i % 2 == 0 ? "@chunks.test>" : "@plain.test>")).code ==
            250);
    if (by_chunks) {
      for (std::size_t at = 0; at < body.size();) {
        const auto size = std::min<std::size_t>(body.size() - at, 1 + random() % body.size());
        at += size;
        send_raw(client, bdat(std::string_view(body).substr(at - size, size), at == body.size()), random);
        REQUIRE(client.read().code == 250);
      }
    } else {
      REQUIRE(client.command("DATA").code == 354);
      send_raw(client, lab::stuffed(body) + ".\r\n", random);
      REQUIRE(client.read().code == 250);
    }
    const auto inbox = host->inbox();
    REQUIRE(inbox.size() == static_cast<std::size_t>(i / 2 + 1));
    const auto& arrived = *inbox.back()->body;
    REQUIRE(arrived.size() > body.size());
    REQUIRE(arrived.substr(arrived.size() - body.size()) == body);
    REQUIRE(arrived.starts_with("Received: "));
  }
  client.quit();
  CHECK(count(*plain.mx[0], "BDAT") == 0);
  CHECK(count(*chunks.mx[0], "BDAT") > 10);
}

TEST_CASE("a message whose last line has no end goes to a host by DATA with one", "[scenario][SMTP-23]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  with_chunking(*good.mx[0]);
  auto client = world.relay.client();
  client.command("MAIL FROM:<a@sender.test>");
  client.command("RCPT TO:<b@good.test>");
  client.raw(bdat("Subject: x\r\n\r\nno end", true));
  CHECK(client.read().code == 250);
  client.quit();
  const auto inbox = good.mx[0]->inbox();
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0]->body->ends_with("\r\n\r\nno end\r\n"));
  CHECK(count(*good.mx[0], "BDAT") == 0);
}

TEST_CASE("a message that is longer than is held goes by DATA", "[scenario][SMTP-23]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  with_chunking(*good.mx[0]);
  std::string lines;
  while (lines.size() < 200'000) lines += std::string(70, 'x') + "\r\n";
  const auto body = lab::letter(lines);
  auto client = world.relay.client();
  CHECK(client.send("a@sender.test", {"b@good.test"}, body)[0].second.code == 250);
  client.quit();
  CHECK(good.mx[0]->inbox().size() == 1);
  CHECK(count(*good.mx[0], "BDAT") == 0);
  CHECK(count(*good.mx[0], "DATA") == 1);
}

TEST_CASE("what a host says to the chunk is what the client hears", "[scenario][SMTP-23][SMTP-45]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  with_chunking(*good.mx[0]);
  for (const auto& [said, code] : {std::pair("550 5.7.1 not this one", 550), std::pair("452 4.3.1 no room", 452),
                                   std::pair("hello?", 451), std::pair(lab::answer::drop, 451)}) {
    CAPTURE(said);
    good.mx[0]->on("DOT", std::string(said));
    const auto outcome = world.relay.mail("b@good.test");
    CHECK(outcome.reply().code == code);
    good.mx[0]->as_usual();
  }
  CHECK(count(*good.mx[0], "BDAT") == 4);
  CHECK(world.relay.mail("b@good.test").reply().code == 250);
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("a host that closes while the client pauses is asked again before the chunk",
          "[scenario][SMTP-23][SMTP-44]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  with_chunking(*good.mx[0]);
  auto client = world.relay.client();
  client.command("MAIL FROM:<a@sender.test>");
  CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
  good.mx[0]->cut();
  until(
      world, [&] { return good.mx[0]->sessions().front().closed; }, "the end of the host's session");
  CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  CHECK(good.mx[0]->inbox().size() == 1);
}
