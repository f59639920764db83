// Who may relay besides the addresses in `allow`: users, holders of a key, and whom a balancer speaks for.
#include <catch2/catch.hpp>
#include <fstream>

#include "protocol/base/base64.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/key_digest.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

/// Nobody here has an address of these.
const std::string elsewhere = "[\"192.0.2.0/24\"]";

std::string plain(const std::string& user, const std::string& password) {
  return "AUTH PLAIN " + base::base64(std::string(1, '\0') + user + '\0' + password);
}

/// As `sts-relay password` makes it.
std::string hash_of(World& world, const std::string& password) {
  const auto made =
      lab::run_program({"/bin/sh", "-c", "printf '%s\\n' \"$1\" | \"$2\" password", "sh", password, relay_program()},
                       world.lab.directory(), std::chrono::seconds(30));
  REQUIRE(made.status == 0);
  REQUIRE(made.out.starts_with("$y$"));
  return made.out.substr(0, made.out.size() - 1);
}

void write_users(World& world, const std::map<std::string, std::string>& passwords) {
  std::ofstream file(world.relay.directory() + "/users.toml");
  file << "[users]\n";
  for (const auto& [user, password] : passwords)
    file << lab::toml(user) << " = " << lab::toml(hash_of(world, password)) << '\n';
}

/// A relay whose only clients are users.
void start_with_users(World& world, const std::string& kind) {
  write_users(world, {{"printer@corp.test", "secret"}});
  start_with_tls(world, kind, {{"auth_users", "\"users.toml\""}, {"allow", elsewhere}});
}

}  // namespace

TEST_CASE("who a message was submitted by goes on as unknown also behind the queue and kill -9",
          "[scenario][SMTP-57][SMTP-31]") {
  World world({.on_defer = "queue", .tables = {{"queue", {{"retry", "[\"1s\"]"}}}}}, false);
  start_with_users(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  good.mx[0]->offers_tls({"AUTH PLAIN"}).on("MAIL", std::vector<std::string>{"451 4.3.0 later", "451 4.3.0 later"});
  auto client = secure_client(world);
  CHECK(client.command(plain("printer@corp.test", "secret")).code == 235);
  CHECK(client.send("a@sender.test", {"b@good.test"}, lab::letter(), "AUTH=boss@sender.test")[0].second.code == 250);
  world.relay.kill();
  world.relay.start();
  until(
      world, [&] { return good.mx[0]->inbox().size() == 1; }, "the message");
  CHECK(good.mx[0]->mails().size() >= 2);
  for (const auto& mail : good.mx[0]->mails()) CHECK(mail.line.ends_with(" AUTH=<>"));
}

TEST_CASE("a user may relay over TLS and nobody else may", "[scenario][SMTP-32][OPS-01]") {
  const std::string kind = GENERATE("starttls", "require-starttls", "implicit");
  INFO(kind);
  World world({}, false);
  start_with_users(world, kind);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  if (kind != "implicit") {
    auto open = world.relay.client();
    CHECK_FALSE(open.features().contains("AUTH PLAIN LOGIN"));
    const auto refused = open.command(plain("printer@corp.test", "secret"));
    CHECK(refused.kind() == 5);
    CHECK(open.command("MAIL FROM:<a@sender.test>").code == 530);
    open.quit();
  }
  auto client = secure_client(world, kind == "implicit");
  CHECK(client.features().contains("AUTH PLAIN LOGIN"));
  auto reply = client.command("MAIL FROM:<a@sender.test>");
  CHECK(reply.code == 530);
  CHECK(reply.enhanced() == "5.7.0");
  const auto wrong = client.command(plain("printer@corp.test", "guess"));
  CHECK(wrong.code == 535);
  CHECK(wrong.enhanced() == "5.7.8");
  const auto unknown = client.command(plain("nobody@corp.test", "secret"));
  CHECK(lab::words(unknown) == lab::words(wrong));
  CHECK(client.command("AUTH LOGIN").text == "VXNlcm5hbWU6");
  CHECK(client.command(base::base64("printer@corp.test")).text == "UGFzc3dvcmQ6");
  CHECK(client.command("*").code == 501);
  CHECK(client.command(plain("printer@corp.test", "secret")).code == 235);
  CHECK(client.command(plain("printer@corp.test", "secret")).code == 503);
  const auto outcome = world.relay.outcome(client.send("a@sender.test", {"b@good.test"}, lab::letter()));
  const auto message = delivered(world, outcome, {.mx = good.mx[0], .tls = true});
  CHECK(message.body->find(" with ESMTPSA id ") != std::string::npos);
  client.quit();
  CHECK(world.relay.log_lines({{"event", "authenticated"}, {"user", "printer@corp.test"}}).size() == 1);
  CHECK(world.relay.log_lines({{"event", "authentication_failed"}}).size() == 2);
  for (const auto& line : world.relay.log()) CHECK(line.text.find("secret") == std::string::npos);
}

TEST_CASE("what a user has shown ends with its connection and with STARTTLS", "[scenario][SMTP-32]") {
  World world({}, false);
  write_users(world, {{"u", "secret"}});
  start_with_tls(world, "starttls",
                 {{"auth_users", "\"users.toml\""}, {"allow", elsewhere}, {"auth_without_tls", "true"}});
  world.lab.domain("good.test", {.sts = "enforce"});
  auto client = world.relay.client();
  CHECK(client.features().contains("AUTH PLAIN LOGIN"));
  CHECK(client.command(plain("u", "secret")).code == 235);
  CHECK(client.starttls().code == 220);
  client.ehlo();
  CHECK(client.command("MAIL FROM:<a@sender.test>").code == 530);
  client.quit();
  CHECK(world.relay.client().command("MAIL FROM:<a@sender.test>").code == 530);
}

TEST_CASE("users are read anew at a reload and a file with a fault keeps those in force",
          "[scenario][SMTP-32][OPS-03]") {
  World world({}, false);
  start_with_users(world, "implicit");
  write_users(world, {{"other", "word"}});
  world.relay.reload();
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "reloaded"}}).empty();
      },
      "the reload");
  CHECK(secure_client(world, true).command(plain("other", "word")).code == 235);
  CHECK(secure_client(world, true).command(plain("printer@corp.test", "secret")).code == 535);
  std::ofstream(world.relay.directory() + "/users.toml") << "[users]\nother = \"word\"\n";
  world.relay.reload();
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "reload_failed"}}).empty();
      },
      "the refusal");
  CHECK(secure_client(world, true).command(plain("other", "word")).code == 235);
}

TEST_CASE("the holder of a key may relay and the holder of another may not", "[scenario][SMTP-33]") {
  const std::string kind = GENERATE("starttls", "implicit");
  World world({}, false);
  const auto mine = world.lab.other_ca().issue({"scanner.test"}, {.self_signed = true});
  const auto other = world.lab.other_ca().issue({"scanner.test"}, {.self_signed = true});
  start_with_tls(world, kind, {{"allow", elsewhere}, {"allow_keys", "[\"" + key_digest(mine) + "\"]"}});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  for (const auto& pem : {mine.path, other.path, std::string()}) {
    lab::SmtpClient::Options options{.tls = kind == "implicit"};
    options.context = lab::client_context(pem);
    auto client = world.relay.client(false, options);
    if (kind != "implicit") {
      CHECK(client.command("MAIL FROM:<a@sender.test>").code == 530);
      REQUIRE(client.starttls().code == 220);
      client.ehlo();
    }
    CHECK(client.command("MAIL FROM:<a@sender.test>").code == (pem == mine.path ? 250 : 530));
    if (pem == mine.path) {
      CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
      CHECK(client.data(lab::letter()).code == 250);
    }
    client.quit();
  }
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("a client behind a balancer is who the header of the PROXY protocol says", "[scenario][SMTP-39][OPS-01]") {
  lab::RelayOptions options;
  options.listener = {{"proxy_protocol", "[\"127.0.0.1\"]"}, {"allow", elsewhere}};
  World world(options);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const std::string second = std::string("\r\n\r\n\0\r\nQUIT\n", 12) + std::string("\x21\x11\0\x0c", 4) +
                             std::string("\xc0\0\x02\x07\xc0\0\x02\x01\x12\x34\0\x19", 12);
  for (const auto& header : {std::string("PROXY TCP4 192.0.2.7 192.0.2.1 4660 25\r\n"), second}) {
    auto client = world.relay.client(false, {.first = header});
    const auto outcome = world.relay.outcome(client.send("a@sender.test", {"b@good.test"}, lab::letter()));
    CHECK(outcome.reply().code == 250);
    client.quit();
    const auto inbox = good.mx[0]->inbox();
    CHECK(inbox.back()->body->find("[192.0.2.7]") != std::string::npos);
  }
  // `allow` goes by the address in the header, too.
  lab::SmtpClient other("127.0.0.1", world.relay.port(), {.first = "PROXY TCP4 198.51.100.7 192.0.2.1 4660 25\r\n"});
  CHECK(other.greeting().code == 554);
  other.close();
  for (const std::string first : {"EHLO client.test\r\n", "PROXY TCP4 192.0.2.007 192.0.2.1 1 25\r\n"})
    CHECK_THROWS_AS(lab::SmtpClient("127.0.0.1", world.relay.port(), {.first = first}), lab::Gone);
  // Not of a listed peer.
  CHECK_THROWS_AS(lab::SmtpClient("127.0.0.1", world.relay.port(),
                                  {.source = "127.0.0.9", .first = "PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\n"}),
                  lab::Gone);
  CHECK(world.relay.log_lines({{"event", "client_refused"}, {"reason", "not in proxy_protocol"}}).size() == 1);
}

TEST_CASE("the limit of connections goes by the client and not by its balancer", "[scenario][SMTP-39][OPS-09]") {
  lab::RelayOptions options;
  options.listener = {{"proxy_protocol", "[\"127.0.0.1\"]"}, {"allow", elsewhere}};
  options.tables["limits"] = {{"connections_per_client", "2"}};
  World world(options);
  const auto header = [](int host) { return "PROXY TCP4 192.0.2." + std::to_string(host) + " 192.0.2.1 1 25\r\n"; };
  std::vector<lab::SmtpClient> open;
  for (int host = 1; host <= 3; ++host) {
    for (int i = 0; i < 2; ++i) {
      open.emplace_back("127.0.0.1", world.relay.port(), lab::SmtpClient::Options{.first = header(host)});
      CHECK(open.back().greeting().code == 220);
    }
  }
  lab::SmtpClient third("127.0.0.1", world.relay.port(), {.first = header(1)});
  CHECK(third.greeting().code == 421);
  CHECK(third.greeting().text.find("connections_per_client") != std::string::npos);
  for (auto& client : open) client.quit();
}
