// Hosts that never come to a point: whatever one says or does not say, wherever in the dialogue, its own message is put
// off with words, the log has the reason, and mail to other hosts goes out meanwhile.
#include <catch2/catch.hpp>
#include <deque>
#include <future>

#include "protocol/base/text.hpp"
#include "tests/lab/server.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/memory.hpp"

using namespace scenario;

namespace {

/// What a host does instead of a reply. Ends with the connection.
struct Fault {
  const char* name;
  void (*act)(lab::Channel& channel);
  bool waits;  ///< the relay learns nothing, and its own patience decides
};

const Fault faults[] = {
    {"endless",
     [](lab::Channel& channel) {
       for (;;) channel.write("250-" + std::string(400, 'a') + "\r\n");
     },
     false},
    {"garbage",
     [](lab::Channel& channel) {
       std::string garbage;
       for (unsigned i = 0; i < 4096; ++i) garbage += static_cast<char>(i * 167 + i / 256);
       for (;;) channel.write(garbage);
     },
     false},
    {"long-line",
     [](lab::Channel& channel) { channel.write("250 " + std::string(1 << 20, 'a') + "\r\n"), channel.hang(); }, false},
    {"half-closed", [](lab::Channel& channel) { channel.end_output(), channel.hang(); }, false},
    {"half-reply", [](lab::Channel& channel) { channel.write("250-half\r\n25"), channel.end_output(), channel.hang(); },
     false},
    {"dripping",
     [](lab::Channel& channel) {
       for (;;) channel.write("2"), channel.pause(std::chrono::milliseconds(100), true);
     },
     true},
    {"silent", [](lab::Channel& channel) { channel.hang(); }, true},
};

/// Speaks SMTP up to `stage`, and does `act` there.
void serve(lab::Channel& channel, const std::string& stage, void (*act)(lab::Channel&)) {
  const auto reply = [&](const std::string& at, const char* text) {
    if (at == stage) act(channel);
    channel.write(text);
  };
  reply("GREETING", "220 bad.test\r\n");
  for (;;) {
    const std::string line(channel.read_line());
    if (line.starts_with("EHLO")) {
      reply("EHLO",
            stage == "STARTTLS" || stage == "HANDSHAKE" ? "250-bad.test\r\n250 STARTTLS\r\n" : "250 bad.test\r\n");
    } else if (line.starts_with("STARTTLS")) {
      reply("STARTTLS", "220 go ahead\r\n");
      act(channel);
    } else if (line.starts_with("DATA")) {
      reply("DATA", "354 go on\r\n");
      while (channel.read_line() != ".\r\n") {
      }
      reply("DOT", "250 2.0.0 taken\r\n");
    } else {
      reply(line.substr(0, 4), "250 2.0.0 ok\r\n");
    }
  }
}

struct HostileWorld : World {
  std::deque<lab::Server> servers;
  lab::Domain& good;

  explicit HostileWorld(const lab::RelayOptions& options = {}) : World(options), good(lab.domain("good.test")) {}

  /// A domain whose only host does this.
  void host(const std::string& domain, lab::Server::Dialogue dialogue) {
    const std::string address = "127.0.8." + std::to_string(servers.size() + 1);
    servers.emplace_back(address, lab.smtp_port(), std::move(dialogue));
    lab.dns().set(domain, "MX", {"10 mx." + domain + "."});
    lab.dns().set("mx." + domain, "A", {address});
  }
};

/// What the client of such a message hears, and what the log says.
void put_off(const World& world, const std::string& domain, const Outcome& outcome) {
  INFO(words(outcome));
  CHECK(outcome.reply().code == 451);
  CHECK(outcome.reply().enhanced().starts_with("4."));
  CHECK(outcome.reply().text.find(domain) != std::string::npos);
  const auto record = delivery_record(world, domain);
  CHECK(record.fields.at("result") == "deferred");
  CHECK(record.fields.at("reason").size() > 10);
  CHECK(record.fields.at("reason").size() < 700);
}

}  // namespace

TEST_CASE("whatever a host says or does not say at any stage its message is put off and others go out",
          "[scenario][bounded][SMTP-38][SMTP-45][SMTP-66]") {
  HostileWorld world({.tables = {{"delivery", {{"rcpt_budget", "\"3s\""}}}}});
  delivered(world, world.relay.mail("before@good.test"), {.mx = world.good.mx[0]});
  std::vector<std::pair<std::string, std::future<Outcome>>> sent;
  for (const std::string stage : {"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"}) {
    for (const auto& fault : faults) {
      // There the relay waits as long as RFC 5321 §4.5.3.2 tells it to.
      if (fault.waits && (stage == "DATA" || stage == "DOT")) continue;
      const std::string domain = base::lower(stage) + "-" + fault.name + ".test";
      world.host(domain, [stage, act = fault.act](lab::Channel& channel) { serve(channel, stage, act); });
      sent.emplace_back(domain,
                        std::async(std::launch::async, [&world, domain] { return world.relay.mail("b@" + domain); }));
    }
  }
  const long before = memory_of(world, "VmRSS");
  for (int i = 0; i < 5; ++i)
    delivered(world, world.relay.mail("beside" + std::to_string(i) + "@good.test"), {.mx = world.good.mx[0]});
  for (auto& [domain, outcome] : sent) {
    INFO(domain);
    put_off(world, domain, outcome.get());
  }
  CHECK(memory_of(world, "VmHWM") - before < bound(16384));
  delivered(world, world.relay.mail("after@good.test"), {.mx = world.good.mx[0]});
}

TEST_CASE("whatever a host does instead of TLS costs the budget of its own message only",
          "[scenario][bounded][SMTP-44][SMTP-09]") {
  // Where nothing is demanded, such a host gets plaintext at last (SMTP-56).
  HostileWorld world({.security = "encrypt", .tables = {{"delivery", {{"rcpt_budget", "\"3s\""}}}}});
  const Fault ways[] = {
      {"silent", [](lab::Channel& channel) { channel.hang(); }, true},
      // The head of a record that announces 16 KiB, and of these an octet now and then.
      {"dripping",
       [](lab::Channel& channel) {
         channel.write(std::string("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", 11));
         for (;;) channel.write("x"), channel.pause(std::chrono::milliseconds(100), true);
       },
       true},
      // Records without end that are no handshake: of type 21, a warning each.
      {"warnings",
       [](lab::Channel& channel) {
         for (;;) channel.write(std::string("\x15\x03\x03\x00\x02\x01\x5a", 7));
       },
       false},
  };
  std::vector<std::pair<std::string, std::future<Outcome>>> sent;
  for (const auto& way : ways) {
    const std::string domain = std::string(way.name) + ".test";
    world.host(domain, [act = way.act](lab::Channel& channel) { serve(channel, "HANDSHAKE", act); });
    sent.emplace_back(domain, std::async(std::launch::async, [&world, domain] {
                        return world.relay.mail({"b@" + domain}, lab::letter());
                      }));
  }
  for (const auto& fault : faults) {
    const std::string domain = std::string("starttls-") + fault.name + ".test";
    world.host(domain, [act = fault.act](lab::Channel& channel) { serve(channel, "STARTTLS", act); });
    sent.emplace_back(domain, std::async(std::launch::async, [&world, domain] {
                        return world.relay.mail({"b@" + domain}, lab::letter());
                      }));
  }
  const long before = memory_of(world, "VmRSS");
  for (int i = 0; i < 3; ++i)
    delivered(world, world.relay.mail("beside" + std::to_string(i) + "@good.test"), {.mx = world.good.mx[0]});
  for (auto& [domain, outcome] : sent) {
    INFO(domain);
    put_off(world, domain, outcome.get());
  }
  CHECK(memory_of(world, "VmHWM") - before < bound(16384));
}

TEST_CASE("many messages for hosts that drip hold little and others go out", "[scenario][bounded][SMTP-44][SMTP-61]") {
  HostileWorld world({.tables = {{"delivery", {{"rcpt_budget", "\"5s\""}}}}});
  delivered(world, world.relay.mail("before@good.test"), {.mx = world.good.mx[0]});
  world.host("drip.test", [](lab::Channel& channel) { serve(channel, "RCPT", faults[5].act); });
  constexpr int count = 150;
  const long before = memory_of(world, "VmRSS");
  std::vector<std::unique_ptr<lab::SmtpClient>> waiting;
  for (int i = 0; i < count; ++i) {
    auto& client = *waiting.emplace_back(std::make_unique<lab::SmtpClient>("127.0.0.1", world.relay.port()));
    client.raw("EHLO x\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@drip.test>\r\n");
  }
  for (int i = 0; i < 5; ++i)
    delivered(world, world.relay.mail("beside" + std::to_string(i) + "@good.test"), {.mx = world.good.mx[0]});
  for (auto& client : waiting) {
    client->read();
    client->read();
    const auto reply = client->read();
    INFO(words(reply));
    CHECK(reply.code == 451);
    CHECK(client->command("NOOP").code == 250);
  }
  CHECK(memory_of(world, "VmHWM") - before < bound(count * 128L));
}
