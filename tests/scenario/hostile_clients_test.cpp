// Clients that are broken or mean: what they send comes to nothing, what they hold is little, and beside them a good
// client is served as ever.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/memory.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

const std::string hello = "EHLO client.test\r\n";
const std::string mail = "MAIL FROM:<a@sender.test>\r\n";
const std::string rcpt = "RCPT TO:<b@good.test>\r\n";

std::unique_ptr<lab::Channel> connect(const World& world, const std::string& source = {}) {
  return lab::Channel::connect("127.0.0.1", world.relay.port(), std::chrono::seconds(30), source);
}

/// All that is said until the relay ends the connection.
std::string until_end(lab::Channel& channel) {
  std::string said;
  try {
    for (;;) said += channel.read_line();
  } catch (const lab::Gone& end) {
    INFO(end.what());
    CHECK(std::string(end.what()).find("in time") == std::string::npos);
  }
  return said;
}

void serves_a_good_client(World& world, const std::string& user) {
  delivered(world, world.relay.mail(user + "@good.test"), {.tls = true});
}

void until_logged(const World& world, const std::map<std::string, std::string>& fields, std::size_t times = 1) {
  until(
      world, [&] { return world.relay.log_lines(fields).size() >= times; }, "the log line");
}

/// Asks for replies that it does not read, until the relay ends the connection.
bool was_held_back(lab::Channel& channel) {
  std::string many;
  while (many.size() < 65536) many += hello;
  try {
    for (int i = 0; i < 1000; ++i) channel.write(many);
  } catch (const lab::Gone&) {
    return true;
  }
  return false;  // 64 MiB of them were taken
}

}  // namespace

TEST_CASE("a client that ends its side at any point leaves no half message and frees its host", "[scenario][SMTP-41]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  good.mx[0]->offers({"PIPELINING", "SIZE 104857600", "8BITMIME", "CHUNKING"});
  const std::string begun = hello + mail + rcpt;
  const std::string large(200'000, 'x');
  for (const std::string& sent :
       {std::string(), std::string("EH"), hello, hello + "MAIL FR", hello + mail, begun, begun + "DATA\r\n",
        begun + "DATA\r\nSubject: ha", begun + "DATA\r\nSubject: half\r\n\r\ntext\r\n",
        begun + "DATA\r\nSubject: half\r\n\r\ntext\r\n.", begun + "DATA\r\nSubject: half\r\n\r\ntext\r\n.\r",
        begun + "DATA\r\nSubject: half\r\n\r\n" + large, begun + "BDAT 100 LAST\r\nhalf", begun + "BDAT 4\r\nhalf",
        begun + "BDAT 300000 LAST\r\n" + large}) {
    INFO(sent.substr(0, 200) << " of " << sent.size());
    const auto channel = connect(world);
    channel->write(sent);
    channel->end_output();
    until_end(*channel);
  }
  until_logged(world, {{"event", "client_gone"}}, 11);
  serves_a_good_client(world, "after");
  CHECK(world.lab.seen().size() == 1);
}

TEST_CASE("a client that ends its side after the whole message still hears the verdict", "[scenario][SMTP-31]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const auto channel = connect(world);
  channel->write(hello + mail + rcpt + "DATA\r\n" + lab::letter() + ".\r\n");
  channel->end_output();
  CHECK(until_end(*channel).find("\r\n250 2.0.0") != std::string::npos);
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("binary garbage is refused line by line until the session is ended with a reason in the log",
          "[scenario][SMTP-01][SMTP-49]") {
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  std::mt19937 random(4711);
  for (int round = 0; round < 20; ++round) {
    std::string garbage;
    for (int line = 0; line < 200; ++line) {
      for (auto size = random() % 300; size > 0; --size) garbage += static_cast<char>(random());
      garbage += "\r\n";
    }
    const auto channel = connect(world);
    try {
      channel->write(garbage);
    } catch (const lab::Gone&) {
      // ended before all was sent
    }
    const std::string said = until_end(*channel);
    for (std::size_t at = said.find("\r\n"); at + 2 < said.size(); at = said.find("\r\n", at + 2))
      CHECK((said[at + 2] == '5' || said.compare(at + 2, 9, "421 4.7.0") == 0));
  }
  until_logged(world, {{"event", "client_closed"}, {"reason", "too many errors"}}, 20);
  serves_a_good_client(world, "after");
}

TEST_CASE("a command line without end costs no memory and its end is answered", "[scenario][bounded][SMTP-07]") {
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  serves_a_good_client(world, "before");
  auto client = world.relay.client();
  const long before = memory_of(world, "VmRSS");
  const std::string piece(1 << 20, '\xaa');
  for (int i = 0; i < 64; ++i) {
    client.raw(piece);
    if (i == 32) serves_a_good_client(world, "beside");
  }
  CHECK(client.command("").code == 500);
  CHECK(client.command("NOOP").code == 250);
  CHECK(memory_of(world, "VmHWM") - before < bound(8192));
}

TEST_CASE("a header line without end is refused as too large and costs no memory", "[scenario][bounded][SMTP-61]") {
  World world({.tables = {{"limits", {{"message_size", "\"1MiB\""}}}}});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  serves_a_good_client(world, "before");
  auto client = world.relay.client();
  client.envelope("a@sender.test", {"b@good.test"});
  const long before = memory_of(world, "VmRSS");
  CHECK(client.command("DATA").code == 354);
  client.raw("X-Endless: ");
  const std::string piece(1 << 20, 'h');
  for (int i = 0; i < 32; ++i) {
    client.raw(piece);
    if (i == 16) serves_a_good_client(world, "beside");
  }
  client.raw("\r\n.\r\n");
  CHECK(client.read().code == 552);
  CHECK(client.command("NOOP").code == 250);
  CHECK(memory_of(world, "VmHWM") - before < bound(8192));
  CHECK(good.mx[0]->inbox().size() == 2);
}

TEST_CASE("clients that never read their replies hold little and keep nobody waiting", "[scenario][bounded][SMTP-61]") {
  World world({.tables = {{"limits", {{"client_timeout", "\"3s\""}}}}});
  world.lab.domain("good.test", {.sts = "enforce"});
  serves_a_good_client(world, "before");
  const long before = memory_of(world, "VmHWM");
  constexpr int count = 16;
  std::vector<std::unique_ptr<lab::Channel>> deaf;
  std::vector<std::thread> asking;
  for (int i = 0; i < count; ++i) deaf.push_back(connect(world));
  std::atomic<int> held_back = 0;
  for (const auto& channel : deaf)
    asking.emplace_back([&held_back, &channel] { held_back += was_held_back(*channel) ? 1 : 0; });
  serves_a_good_client(world, "beside");
  for (auto& thread : asking) thread.join();
  CHECK(held_back == count);
  // The replies to what one read holds would be more than half a megabyte each.
  CHECK(memory_of(world, "VmHWM") - before < bound(count * 256L));
  until_logged(world, {{"event", "client_closed"}, {"reason", "it does not read what it is told"}}, count);
}

TEST_CASE("a command that comes an octet now and then is not waited for without end", "[scenario][SMTP-09]") {
  World world({.tables = {{"limits", {{"client_timeout", "\"1s\""}}}}});
  const auto channel = connect(world);
  channel->read_line();
  channel->write("NOOP\r\n");
  channel->read_line();
  const auto drip = [&] {
    for (int i = 0; i < 600; ++i) {
      channel->write("E");
      channel->pause(std::chrono::milliseconds(50), true);
    }
  };
  CHECK_THROWS_AS(drip(), lab::Gone);
  until_logged(world, {{"event", "client_closed"}, {"reason", "no command in time"}});
}

TEST_CASE("a message that comes an octet now and then is given up and the host has no part of it",
          "[scenario][SMTP-09][SMTP-41]") {
  World world({.tables = {{"limits", {{"client_timeout", "\"1s\""}}}}});
  auto& good = world.lab.domain("good.test");
  for (const std::string begin : {"DATA\r\n", "BDAT 100000 LAST\r\n", "BDAT 1\r\nx"}) {
    INFO(begin);
    const auto channel = connect(world);
    channel->write(hello + mail + rcpt);
    channel->write(begin);
    const bool chunks = begin.ends_with('x');
    const auto drip = [&] {
      for (int i = 0; i < 600; ++i) {
        channel->write(chunks ? "BDAT 1\r\nx" : "x");
        channel->pause(std::chrono::milliseconds(50));
      }
    };
    CHECK_THROWS_AS(drip(), lab::Gone);
  }
  until_logged(world, {{"event", "client_closed"}, {"reason", "the message came too slowly, or not at all"}}, 3);
  CHECK(good.mx[0]->inbox().empty());
  // One that is merely slow has as long as it takes.
  auto client = world.relay.client();
  client.envelope("a@sender.test", {"b@good.test"});
  CHECK(client.command("DATA").code == 354);
  for (int i = 0; i < 8; ++i) {
    client.raw(std::string(998, 'y') + "\r\n");
    client.channel().pause(std::chrono::milliseconds(400));
  }
  client.raw(".\r\n");
  CHECK(client.read().code == 250);
}

TEST_CASE("a client that leaves while its host is asked is noticed and the host is not blamed", "[scenario][SMTP-67]") {
  const bool secure = GENERATE(false, true);
  World world({.tables = {{"delivery", {{"connections_per_host", "1"}}}}}, false);
  if (secure)
    start_with_tls(world, "starttls");
  else
    world.relay.start();
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const std::string stage = GENERATE("GREETING", "EHLO", "MAIL", "RCPT");
  INFO(stage << (secure ? " with TLS" : ""));
  good.mx[0]->on(stage, lab::answer::hang);
  const bool with_data = stage == "EHLO" || stage == "RCPT";  // as Postfix and Exim pipeline
  {
    auto client = secure ? secure_client(world) : world.relay.client();
    client.raw(mail + rcpt + (with_data ? "DATA\r\n" : ""));
    until(
        world, [&] { return good.mx[0]->sessions().size() == 1; }, "the connection to the host");
  }
  // rcpt_budget is two minutes, the patience of this test half of one.
  until_logged(world, {{"event", "client_gone"}});
  CHECK(delivery_record(world, "good.test").fields.at("reason").find("the client has left") != std::string::npos);
  good.mx[0]->as_usual();
  serves_a_good_client(world, "after");
}

TEST_CASE("for a client that has left no further host of its flight is asked", "[scenario]") {
  World world;
  auto& slow = world.lab.domain("slow.test");
  auto& other = world.lab.domain("other.test");
  slow.mx[0]->on("EHLO", lab::answer::hang);
  {
    auto client = world.relay.client();
    client.raw(mail + "RCPT TO:<b@slow.test>\r\nRCPT TO:<b@other.test>\r\n");
    until(
        world, [&] { return slow.mx[0]->sessions().size() == 1; }, "the connection to the host");
  }
  until_logged(world, {{"event", "client_gone"}});
  CHECK(other.mx[0]->sessions().empty());
}

TEST_CASE("a client that is silent behind a refused recipient keeps no other from its host", "[scenario]") {
  World world({.tables = {{"delivery", {{"connections_per_host", "1"}}}}});
  auto& good = world.lab.domain("good.test");
  good.mx[0]->offers({"PIPELINING", "8BITMIME"});
  auto silent = world.relay.client(), other = world.relay.client();
  const auto answers = silent.envelope("a@sender.test", {"first@good.test"}, "SMTPUTF8");
  CHECK(answers[0].second.code == 250);
  CHECK(silent.command("RCPT TO:<\xc3\xbc@good.test>").kind() == 5);  // the host lacks SMTPUTF8
  CHECK(other.envelope("a@sender.test", {"other@good.test"})[0].second.code == 250);
  CHECK(other.data(lab::letter()).code == 250);
  CHECK(silent.data(lab::letter()).code == 250);
  CHECK(good.mx[0]->inbox().size() == 2);
}

TEST_CASE("a client that says nothing behind RCPT keeps no other from its host and loses nothing", "[scenario]") {
  World world({.tables = {{"delivery", {{"connections_per_host", "2"}}}}});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto first = world.relay.client(), second = world.relay.client(), third = world.relay.client();
  CHECK(first.envelope("a@sender.test", {"first@good.test"})[0].second.code == 250);
  CHECK(second.envelope("a@sender.test", {"second@good.test"})[0].second.code == 250);
  CHECK(third.envelope("a@sender.test", {"third@good.test"})[0].second.code == 250);
  CHECK(world.relay.log_lines({{"event", "yielded"}}).size() >= 1);
  // All go on where they were: one with its message, one with a further recipient.
  CHECK(first.command("RCPT TO:<also@good.test>").code == 250);
  CHECK(first.data(lab::letter()).code == 250);
  CHECK(second.data(lab::letter()).code == 250);
  CHECK(third.data(lab::letter()).code == 250);
  std::set<std::vector<std::string>> arrived;
  for (const auto& message : good.mx[0]->inbox()) arrived.insert(message->recipients);
  CHECK(arrived == std::set<std::vector<std::string>>{
                       {"first@good.test", "also@good.test"}, {"second@good.test"}, {"third@good.test"}});
}

TEST_CASE("too many connections of one client are refused by the name of the limit and others are served",
          "[scenario][bounded][OPS-09]") {
  World world({.tables = {{"limits", {{"connections_per_client", "50"}, {"connections", "60"}}}}});
  world.lab.domain("good.test", {.sts = "enforce"});
  const long before = memory_of(world, "VmRSS");
  std::vector<std::unique_ptr<lab::Channel>> held;
  for (int i = 0; i < 50; ++i) {
    held.push_back(connect(world, "127.0.7.1"));
    CHECK(held.back()->read_line().starts_with("220 "));
  }
  for (int i = 0; i < 1500; ++i) {
    const auto channel = connect(world, "127.0.7.1");
    const std::string said = until_end(*channel);
    CHECK(said.starts_with("421 "));
    CHECK(said.find("connections_per_client") != std::string::npos);
  }
  serves_a_good_client(world, "beside");
  CHECK(memory_of(world, "VmRSS") - before < bound(8192));
  // The place of a client that has left is free a moment later.
  const auto takes_a_place = [&] {
    auto channel = connect(world, "127.0.7.2");
    if (!channel->read_line().starts_with("220 ")) return false;
    held.push_back(std::move(channel));
    return true;
  };
  for (int i = 0; i < 10; ++i) until(world, takes_a_place, "a place for one more");
  const std::string said = until_end(*connect(world, "127.0.7.3"));
  CHECK(said.starts_with("421 "));
  CHECK(said.find("(limit connections)") != std::string::npos);
  CHECK(world.relay.log_lines({{"event", "client_refused"}, {"reason", "limit connections_per_client"}}).size() ==
        1500);
  held.clear();
  until(
      world, [&] { return connect(world, "127.0.7.1")->read_line().starts_with("220 "); },
      "room for the client that has left");
  serves_a_good_client(world, "after");
}

TEST_CASE("many handshakes that stop halfway hold little and keep nobody waiting", "[scenario][bounded][SMTP-33]") {
  const std::string kind = GENERATE("starttls", "implicit");
  INFO(kind);
  World world({}, false);
  start_with_tls(world, kind);
  world.lab.domain("good.test", {.sts = "enforce"});
  const auto good_client = [&] {
    auto client = secure_client(world, kind == "implicit");
    CHECK(client.send("a@sender.test", {"b@good.test"}, lab::letter())[0].second.code == 250);
    client.quit();
  };
  good_client();
  const long before = memory_of(world, "VmRSS");
  // A record that announces 512 octets, and the first of them.
  const std::string half_hello = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(64, 'r');
  constexpr int count = 400;
  std::vector<std::unique_ptr<lab::Channel>> half;
  for (int i = 0; i < count; ++i) {
    auto& channel = *half.emplace_back(connect(world));
    if (kind == "starttls") {
      channel.read_line();
      channel.write("STARTTLS\r\n");
      CHECK(channel.read_line().starts_with("220"));
    }
    channel.write(half_hello);
  }
  good_client();
  CHECK(memory_of(world, "VmRSS") - before < bound(count * 64L));
  half.clear();
  until_logged(world, {{"event", "client_tls_failed"}, {"client", "127.0.0.1"}}, count);
  good_client();
  CHECK(world.lab.arrived("b@good.test").size() == 3);
}
