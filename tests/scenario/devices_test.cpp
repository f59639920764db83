// Old clients through the devices profile: the whole dialogue as such a device has it, and each part switched off.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "protocol/base/base64.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

lab::RelayOptions with_devices(const std::string& parts) {
  lab::RelayOptions options;
  options.listener = {{"devices", parts}};
  return options;
}

lab::SmtpClient connected(World& world) {
  return {"127.0.0.1", world.relay.port()};
}

}  // namespace

TEST_CASE("a scanner that knows no rule gets its message through and the log says what it did",
          "[scenario][SMTP-64][SMTP-54]") {
  World world(with_devices("[\"all\"]"));
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto scanner = connected(world);
  CHECK(scanner.command("HELO").code == 250);
  CHECK(scanner.command("MAIL FROM : < scan@sender.test >").code == 250);
  CHECK(scanner.command("RCPT TO: b@good.test").code == 250);
  CHECK(scanner.command("DATA").code == 354);
  scanner.raw("Subject: a scan\nFrom: scan@sender.test\n\nline one\nline two\n\r\n.\r\n");
  CHECK(scanner.read().code == 250);
  scanner.close();
  const auto inbox = good.mx[0]->inbox();
  REQUIRE(inbox.size() == 1);
  const auto& body = *inbox[0]->body;
  CHECK(inbox[0]->sender == "scan@sender.test");
  CHECK(body.find("\r\nDate: ") != std::string::npos);
  CHECK(body.find("\r\nMessage-ID: <") != std::string::npos);
  CHECK(body.find("Subject: a scan\r\nFrom: scan@sender.test\r\n\r\nline one\r\nline two\r\n") != std::string::npos);
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "device"}}).empty();
      },
      "what the device did");
  const auto did = world.relay.log_lines({{"event", "device"}})[0]["did"];
  for (const char* part :
       {"bare_newlines", "helo_names", "blanks_in_paths", "paths_without_brackets", "no_quit", "missing_fields"})
    CHECK(did.find(part) != std::string::npos);
  CHECK(world.relay.cli({"config", "check"}).out.find("devices may use bare_newlines") != std::string::npos);
}

TEST_CASE("without the profile the same dialogue is refused where it breaks a rule", "[scenario][SMTP-64][SMTP-03]") {
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  auto client = connected(world);
  CHECK(client.command("HELO").kind() == 5);
  CHECK(client.command("EHLO client.test").code == 250);
  CHECK(client.command("MAIL FROM: scan@sender.test").kind() == 5);
  CHECK(client.command("MAIL FROM:<scan@sender.test>").code == 250);
  CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
  CHECK(client.command("DATA").code == 354);
  client.raw("Subject: x\n\nbare\n\r\n.\r\n");
  CHECK(client.read().code == 550);
  client.quit();
  CHECK(world.lab.seen().empty());
  CHECK(world.relay.log_lines({{"event", "device"}}).empty());
}

TEST_CASE("a message that has Date and Message-ID keeps them and gets none", "[scenario][SMTP-52]") {
  World world(with_devices("[\"missing_fields\"]"));
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const std::string fields = "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\nMessage-ID: <x@y>\r\nFrom: a@b.test\r\n\r\n";
  auto client = world.relay.client();
  CHECK(client.send("a@sender.test", {"b@good.test"}, fields + "x\r\n")[0].second.code == 250);
  CHECK(client.send("a@sender.test", {"b@good.test"}, "From: a@b.test\r\n\r\nx\r\n")[0].second.code == 250);
  client.quit();
  const auto inbox = good.mx[0]->inbox();
  REQUIRE(inbox.size() == 2);
  CHECK(inbox[0]->body->find("Date:") == inbox[0]->body->find(fields));
  CHECK(inbox[1]->body->find("\r\nDate: ") != std::string::npos);
}

TEST_CASE("a device may speak TLS 1.0 where its listener says so and the world still gets better",
          "[scenario][SMTP-33]") {
  const bool old = GENERATE(true, false);
  World world({}, false);
  start_with_tls(world, "implicit", {{"devices", old ? "[\"old_tls\"]" : "[]"}});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  lab::SmtpClient::Options options{.tls = true};
  options.context = lab::client_context({}, {.lowest = TLS1_VERSION, .highest = TLS1_VERSION});
  if (!old) {
    CHECK_THROWS_AS(lab::SmtpClient("127.0.0.1", world.relay.port(), options), lab::Gone);
    return;
  }
  auto client = world.relay.client(false, options);
  CHECK(client.channel().tls_version() == "TLSv1");
  CHECK(client.send("a@sender.test", {"b@good.test"}, lab::letter())[0].second.code == 250);
  client.quit();
  CHECK(good.mx[0]->inbox()[0]->tls == "TLSv1.3");
}

TEST_CASE("a copier names its user in the AUTH line", "[scenario][A-1]") {
  World world({}, false);
  const auto made = lab::run_program({"/bin/sh", "-c", "echo secret | \"$1\" password", "sh", relay_program()},
                                     world.lab.directory(), std::chrono::seconds(30));
  std::ofstream(world.relay.directory() + "/users.toml")
      << "[users]\ncopier = " << lab::toml(made.out.substr(0, made.out.size() - 1)) << '\n';
  start_with_tls(world, "implicit", {{"auth_users", "\"users.toml\""}, {"devices", "[\"inline_auth_login\"]"}});
  auto client = secure_client(world, true);
  auto reply = client.command("AUTH LOGIN " + base::base64("copier"));
  CHECK(reply.code == 334);
  CHECK(reply.text == "UGFzc3dvcmQ6");
  CHECK(client.command(base::base64("secret")).code == 235);
  client.quit();
}
