// What passes through the relay is what the client sent, whatever its size and however slowly the next hop reads.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/lab/server.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/memory.hpp"

using namespace scenario;

namespace {

constexpr const char* slow_address = "127.0.9.9";

/// A next hop that reads a body in small pieces with a pause before each. It takes one message on each connection.
class SlowReader {
 public:
  SlowReader(std::uint16_t port, std::size_t expected)
      : expected_(expected), server_(slow_address, port, [this](lab::Channel& channel) { serve(channel); }) {}

  std::size_t taken() const { return taken_; }
  const std::string& body() const { return body_; }  ///< once the client has its reply

 private:
  void serve(lab::Channel& channel) {
    channel.write("220 slow.test\r\n");
    for (;;) {
      const std::string line(channel.read_line());
      if (line.starts_with("EHLO")) {
        channel.write("250-slow.test\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n");
      } else if (line.starts_with("DATA")) {
        channel.write("354 go on\r\n");
        receive(channel);
        channel.write("250 2.0.0 taken\r\n");
      } else if (line.starts_with("QUIT")) {
        channel.write("221 2.0.0 bye\r\n");
        return;
      } else {
        channel.write("250 2.0.0 ok\r\n");
      }
    }
  }

  void receive(lab::Channel& channel) {
    constexpr std::size_t piece = 1u << 16;
    while (body_.size() < expected_) {
      channel.pause(std::chrono::milliseconds(3));
      body_ += channel.read_exactly(std::min(piece, expected_ - body_.size()));
      taken_ = body_.size();
    }
    while (!body_.ends_with("\r\n.\r\n")) body_ += channel.read_line();  // what stands above the client's octets
  }

  std::size_t expected_;
  std::string body_;
  std::atomic<std::size_t> taken_ = 0;
  lab::Server server_;
};

}  // namespace

TEST_CASE("forty megabytes for a next hop that reads slowly wait at the client and not in memory",
          "[scenario][SMTP-61]") {
  // A sanitizer that keeps what the relay frees would be measured instead of the relay.
  ::setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=16", 1);
  World world({.tables = {{"limits", {{"message_size", "\"100MiB\""}}}}});
  std::string body = lab::letter();
  for (std::size_t line = 0; body.size() < 40'000'000; ++line)
    body += std::to_string(line) + std::string(90, 'x') + "\r\n";
  auto& warm = world.lab.domain("warm.test", {});
  delivered(world, world.relay.mail({"b@warm.test"}, lab::letter(std::string(300'000, 'x'))), {.mx = warm.mx[0]});
  SlowReader slow(world.lab.smtp_port(), body.size());
  world.lab.dns().set("slow.test", "MX", {"10 mx1.slow.test."});
  world.lab.dns().set("mx1.slow.test", "A", {slow_address});

  const long before = memory_of(world, "VmHWM");
  const auto outcome = world.relay.mail({"b@slow.test"}, body);
  const long grown = memory_of(world, "VmHWM") - before;
  CHECK(outcome.reply().code == 250);
  REQUIRE(slow.body().size() > body.size());
  CHECK(slow.body().substr(slow.body().size() - body.size() - 3) == body + ".\r\n");
  CHECK(before > 0);
  CHECK(grown < 8192);
}

TEST_CASE("large octets of any kind arrive with the digest that they left with", "[scenario][SMTP-61][SMTP-04]") {
  World world;
  auto& exact = world.lab.domain("exact.test", {.sts = "enforce"});
  std::string body = lab::letter();
  for (unsigned seed = 1; body.size() < 5'000'000; seed = seed * 1664525 + 1013904223) {
    static const std::vector<std::string> pieces{
        "\r\n",     ".",   "..",       "\r\n.", "\r\n..", std::string(70, 'x'),
        "\xc3\xa9", "\t ", "\r\n\r\n", "=",     "From ",  std::string(1, '\0')};
    body += pieces[(seed >> 16) % pieces.size()];
  }
  body += "\r\n";
  const auto message =
      delivered(world, world.relay.mail({"b@exact.test"}, body, "a@sender.test", "BODY=8BITMIME"), {.mx = exact.mx[0]});
  REQUIRE(message.body->size() > body.size());
  const bool same = message.body->ends_with(body);  // compared outside of CHECK: nobody reads five megabytes
  CHECK(same);
}

TEST_CASE("a message without a header or without a body passes as it is below one Received",
          "[scenario][SMTP-52][SMTP-10]") {
  World world;
  auto& exact = world.lab.domain("exact.test", {.sts = "enforce"});
  int number = 0;
  for (const std::string sent : {"\r\njust text\r\n", "Subject: x\r\n", "",
                                 "X-Odd :  blanks  \r\nsubject:no blank\r\nSubject: twice\r\nReceived: by "
                                 "me\r\nTLS-Required: No\r\n\r\nbody\r\n"}) {
    INFO(sent);
    const std::string recipient = "u" + std::to_string(++number) + "@exact.test";
    const auto message = delivered(world, world.relay.mail({recipient}, sent), {.mx = exact.mx[0]});
    REQUIRE(message.body->ends_with(sent));
    const auto above = message.body->substr(0, message.body->size() - sent.size());
    CHECK(above.starts_with("Received: from "));
    CHECK(above.ends_with("\r\n"));
    for (auto at = above.find("\r\n"); at + 2 < above.size(); at = above.find("\r\n", at + 2))
      CHECK((above[at + 2] == ' ' || above[at + 2] == '\t'));  // folds only: one field
  }
}

TEST_CASE("doubtful ends of a message are content at the MX where newlines are normalised",
          "[scenario][S-3][SMTP-03]") {
  World world({.bare_newline = "normalize"});
  auto& in = world.lab.domain("in.test", {.sts = "enforce"});
  int number = 0;
  for (const std::string doubtful : {"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r.\r\n"}) {
    ++number;
    INFO(number);
    // Behind CRLF a dot was put there for transparency (RFC 5321 §4.5.2) and goes; behind anything else it is content.
    const std::string line = doubtful.starts_with("\r\n") ? "\r\n\r\n" : "\r\n.\r\n";
    auto client = world.relay.client();
    const std::string recipient = "u" + std::to_string(number) + "@in.test";
    const auto envelope = client.envelope("a@sender.test", {recipient});
    REQUIRE(envelope[0].second.code == 250);
    REQUIRE(client.command("DATA").code == 354);
    client.raw(lab::letter("one") + "two" + doubtful + "MAIL FROM:<evil@sender.test>\r\nthree\r\n.\r\n");
    CHECK(client.read().code == 250);
    CHECK(client.command("NOOP").code == 250);  // exactly one reply: nothing of it was run
    client.quit();
    const auto got = world.lab.arrived(recipient);
    REQUIRE(got.size() == 1);
    const auto text = got[0].body->substr(got[0].body->find("two"));
    CHECK(text == "two" + line + "MAIL FROM:<evil@sender.test>\r\nthree\r\n");
  }
  CHECK(world.lab.seen().size() == 5);
  CHECK(in.mx[0]->mails().size() == 5);
}
