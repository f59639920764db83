// Clients over TLS: each kind of listener, what is injected behind STARTTLS, handshakes that fail, new certificates.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/memory.hpp"
#include "tests/scenario/support/peer.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

/// The certificate that a client is shown, as DER.
std::string shown(lab::SmtpClient& client) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(SSL_get0_peer_certificate(client.channel().ssl()), &der);
  REQUIRE(size > 0);
  std::string result(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return result;
}

std::string header_of(const lab::Message& message) {
  return message.body->substr(0, message.body->find("\r\nFrom:"));
}

void until_logged(const World& world, const std::map<std::string, std::string>& fields, std::size_t times = 1) {
  until(
      world, [&] { return world.relay.log_lines(fields).size() >= times; }, "the log line");
}

}  // namespace

TEST_CASE("each kind of listener takes mail over TLS and says so in Received", "[scenario][SMTP-33][SMTP-10]") {
  const std::string kind = GENERATE("starttls", "require-starttls", "implicit");
  INFO(kind);
  World world({}, false);
  start_with_tls(world, kind);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  if (kind != "implicit") {
    auto plain = world.relay.client();
    CHECK(plain.features().contains("STARTTLS"));
    CHECK(plain.command("MAIL FROM:<a@sender.test>").code == (kind == "starttls" ? 250 : 530));
    REQUIRE(plain.starttls().code == 220);
    CHECK(plain.command("RCPT TO:<b@good.test>").code == 503);
    CHECK(plain.command("MAIL FROM:<a@sender.test>").code == 503);  // EHLO is forgotten
    plain.quit();
  }
  auto client = secure_client(world, kind == "implicit");
  CHECK_FALSE(client.features().contains("STARTTLS"));
  const auto outcome = world.relay.outcome(client.send("a@sender.test", {"b@good.test"}, lab::letter()));
  const auto message = delivered(world, outcome, {.mx = good.mx[0], .tls = true});
  CHECK(header_of(message).find(" with ESMTPS id ") != std::string::npos);
  CHECK(header_of(message).find("\r\n\ttls TLS_") != std::string::npos);
  client.quit();
}

TEST_CASE("LMTP over TLS is LMTPS", "[scenario][SMTP-33][SMTP-65]") {
  World world({}, false);
  start_with_tls(world, "require-starttls");
  world.lab.domain("one.test", {.sts = "enforce"});
  world.lab.domain("two.test", {.sts = "enforce"});
  auto client = secure_client(world, false, true);
  for (const auto& [recipient, reply] :
       client.send_lmtp("a@sender.test", {"a@one.test", "b@two.test"}, lab::letter())) {
    INFO(recipient);
    CHECK(reply.code == 250);
  }
  client.quit();
  REQUIRE(world.lab.inbox().size() == 2);
  for (const auto& message : world.lab.inbox()) CHECK(header_of(message).find(" with LMTPS id ") != std::string::npos);
}

TEST_CASE("a large message passes through TLS on both sides unchanged", "[scenario][SMTP-33][SMTP-04]") {
  World world({}, false);
  start_with_tls(world, "implicit");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  std::string body = lab::letter();
  while (body.size() < 3'000'000) body += std::string(body.size() % 900, 'x') + "\r\n.\r\n";
  auto client = secure_client(world, true);
  CHECK(client.send("a@sender.test", {"b@good.test"}, body)[0].second.code == 250);
  client.quit();
  REQUIRE(good.mx[0]->inbox().size() == 1);
  CHECK(good.mx[0]->inbox()[0]->body->ends_with(body));
}

TEST_CASE("commands injected behind STARTTLS are never run", "[scenario][SMTP-19][SMTP-33]") {
  const std::string evil = "MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@good.test>\r\nDATA\r\nx\r\n.\r\n";
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  SECTION("in the same packet") {
    auto client = world.relay.client();
    client.raw("STARTTLS\r\n" + evil);
    CHECK(client.read().code == 503);
    CHECK_THROWS_AS(client.read(), lab::Gone);
  }
  SECTION("one octet in the same packet") {
    auto client = world.relay.client();
    client.raw("STARTTLS\r\nN");
    CHECK(client.read().code == 503);
    CHECK_THROWS_AS(client.read(), lab::Gone);
  }
  SECTION("after the reply instead of the handshake") {
    auto client = world.relay.client();
    CHECK(client.command("STARTTLS").code == 220);
    client.raw(evil);
    // An alert may come, in octets that are no reply; then the end.
    CHECK_THROWS_AS(client.read(), lab::Gone);
  }
  until_logged(world, {{"event", "client_tls_failed"}, {"client", "127.0.0.1"}});
  CHECK(!world.relay.log_lines({{"event", "client_tls_failed"}})[0].fields.at("reason").empty());
  untouched(world, {good.mx[0]});
  auto honest = secure_client(world);
  CHECK(honest.send("a@sender.test", {"b@good.test"}, lab::letter())[0].second.code == 250);
  honest.quit();
  CHECK(world.lab.arrived("victim@good.test").empty());
}

TEST_CASE("a client whose handshake fails is told in the log and disturbs nobody", "[scenario][SMTP-33]") {
  const std::string kind = GENERATE("starttls", "implicit");
  INFO(kind);
  World world({}, false);
  start_with_tls(world, kind);
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto other = secure_client(world, kind == "implicit");
  const auto old = lab::any_context();
  SSL_CTX_set_security_level(old.get(), 0);
  SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
  const auto channel = lab::Channel::connect("127.0.0.1", world.relay.port(), std::chrono::seconds(30));
  if (kind == "starttls") {
    channel->read_line();
    channel->write("STARTTLS\r\n");
    CHECK(channel->read_line().starts_with("220"));
  }
  CHECK_THROWS_AS(channel->connect_tls(old.get(), ""), lab::Gone);
  until_logged(world, {{"event", "client_tls_failed"}});
  const auto line = world.relay.log_lines({{"event", "client_tls_failed"}})[0];
  CHECK(line.fields.at("client") == "127.0.0.1");
  CHECK(line.fields.at("reason").find("protocol") != std::string::npos);
  // One that leaves in the middle.
  lab::Channel::connect("127.0.0.1", world.relay.port(), std::chrono::seconds(30))->write("\x16\x03\x01");
  CHECK(other.send("a@sender.test", {"b@good.test"}, lab::letter())[0].second.code == 250);
  other.quit();
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("SIGHUP serves a new certificate and a bad one keeps the old", "[scenario][OPS-03][SMTP-33]") {
  World world({}, false);
  const auto file = start_with_tls(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto open = secure_client(world);
  const auto first = shown(open);
  CHECK(open.command("MAIL FROM:<a@sender.test>").code == 250);

  const auto renewed = world.lab.ca().issue({"relay.test"});
  renewed.write_pem(file);
  world.relay.reload();
  until_logged(world, {{"event", "reloaded"}});
  until_logged(world, {{"event", "certificate_reloaded"}});
  auto after_renewal = secure_client(world);
  const auto second = shown(after_renewal);
  CHECK(second != first);
  after_renewal.quit();

  std::ofstream(file) << renewed.chain << world.lab.ca().issue({"relay.test"}).key;
  world.relay.reload();
  until_logged(world, {{"event", "reload_failed"}});
  until_logged(world, {{"event", "certificate_reload_failed"}});
  CHECK(world.relay.log_lines({{"event", "certificate_reload_failed"}})[0].fields.at("reason").find("is not the key") !=
        std::string::npos);
  auto after_fault = secure_client(world);
  CHECK(shown(after_fault) == second);
  after_fault.quit();

  CHECK(open.command("RCPT TO:<b@good.test>").code == 250);
  CHECK(open.data(lab::letter()).code == 250);
  open.quit();
  CHECK(good.mx[0]->inbox().size() == 1);
}

TEST_CASE("config check tells what is wrong with the certificate of a listener", "[scenario][OPS-15][SMTP-33]") {
  World world({}, false);
  const auto file = start_with_tls(world, "starttls");
  CHECK(world.relay.cli({"config", "check"}).status == 0);
  const auto old = world.lab.ca().issue({"relay.test"}, {.days_from = -30, .days_to = -1});
  world.relay.options().listener["certificate"] = world.relay.options().listener["key"] = lab::toml(old.path);
  world.relay.write_configuration();
  const auto expired = world.relay.cli({"config", "check"});
  CHECK(expired.status == 0);
  CHECK(expired.out.find("the certificate expired 20") != std::string::npos);

  const auto line_of = [&](const std::string& setting) {
    const auto text = world.relay.configuration();
    const auto at = text.find("\n" + setting + " = ");
    return std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 2;
  };
  const auto fault = [&](const std::string& setting, const std::string& words) {
    world.relay.write_configuration();
    const auto checked = world.relay.cli({"config", "check"});
    INFO(checked.err);
    CHECK(checked.status == 2);
    CHECK(checked.err.find("relay.toml:" + std::to_string(line_of(setting)) + ": ") != std::string::npos);
    CHECK(checked.err.find(words) != std::string::npos);
  };
  auto& listener = world.relay.options().listener;
  listener["key"] = lab::toml(world.lab.ca().issue({"relay.test"}).path);
  fault("key", "is not the key of the certificate in");
  const auto text = world.relay.directory() + "/text.pem";
  std::ofstream(text) << "words\n";
  listener["key"] = lab::toml(file);
  listener["certificate"] = lab::toml(text);
  fault("certificate", "no certificate can be read");
  listener["certificate"] = lab::toml(world.relay.directory() + "/none.pem");
  fault("certificate", "cannot be read");
}

TEST_CASE("Postfix hands in mail over LMTP inside TLS", "[scenario][SMTP-33]") {
  World world({}, false);
  start_with_tls(world, "require-starttls");
  world.lab.domain("one.test", {.sts = "enforce"});
  world.lab.domain("two.test", {.sts = "enforce"});
  const auto port = std::to_string(world.relay.port());
  const Postfix postfix("127.0.0.1", free_port(),
                        {{"default_transport", "lmtp:inet:[127.0.0.1]:" + port},
                         {"lmtp_tls_security_level", "encrypt"},
                         {"lmtp_tls_loglevel", "1"}});
  lab::SmtpClient client(postfix.address(), postfix.port());
  CHECK(client.ehlo().code == 250);
  for (const auto& [recipient, reply] : client.send("a@sender.test", {"a@one.test", "b@two.test"}, lab::letter())) {
    INFO(recipient);
    CHECK(reply.code == 250);
  }
  client.quit();
  until(
      world, [&] { return world.lab.arrived("a@one.test").size() == 1 && world.lab.arrived("b@two.test").size() == 1; },
      "arrival at both domains");
  CHECK(header_of(world.lab.arrived("a@one.test")[0]).find(" with LMTPS id ") != std::string::npos);
}

TEST_CASE("programs that verify certificates hand in mail over TLS", "[scenario][SMTP-33]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  world.lab.domain("one.test", {.sts = "enforce"});
  const auto port = std::to_string(world.relay.port());
  const auto run = [&](const std::vector<std::string>& arguments) {
    return lab::run_program(arguments, world.lab.directory(), std::chrono::seconds(60));
  };
  const auto verified =
      run({"/usr/bin/openssl", "s_client", "-connect", "127.0.0.1:" + port, "-starttls", "smtp", "-CAfile",
           world.lab.ca().path(), "-verify_hostname", "relay.test", "-verify_return_error", "-brief"});
  INFO(verified.out << verified.err);
  CHECK(verified.status == 0);
  CHECK(verified.err.find("Verification: OK") != std::string::npos);

  const std::string swaks = "/usr/bin/swaks";
  if (!std::filesystem::exists(swaks)) {
    WARN("swaks is not installed; tests/install tests installs it");
    return;
  }
  const auto sent =
      run({swaks, "--server", "127.0.0.1", "--port", port, "--tls", "--from", "a@sender.test", "--to", "c@one.test"});
  if ((sent.out + sent.err).find("TLS not available") != std::string::npos) {
    WARN("swaks has no TLS; tests/install tests installs it");
    return;
  }
  INFO(sent.out << sent.err);
  CHECK(sent.status == 0);
  REQUIRE(world.lab.arrived("c@one.test").size() == 1);
  CHECK(header_of(world.lab.arrived("c@one.test")[0]).find(" with ESMTPS id ") != std::string::npos);
}

TEST_CASE("clients that idle inside TLS cost little memory and keep nobody waiting", "[scenario][SMTP-33]") {
  World world({}, false);
  start_with_tls(world, "starttls");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  const auto one_message = [&](lab::SmtpClient& client) {
    CHECK(client.send("a@sender.test", {"b@good.test"}, lab::letter())[0].second.code == 250);
  };
  auto first = secure_client(world);
  one_message(first);
  const long before = memory_of(world, "VmRSS");
  std::vector<lab::SmtpClient> idle;
  constexpr int clients = 200;
  for (int i = 0; i < clients; ++i) idle.push_back(secure_client(world));
    // An idle session holds neither its buffer of 64 KiB nor OpenSSL's two of 16 KiB. What AddressSanitizer keeps back
    // of each handshake is many times that.
#ifdef __SANITIZE_ADDRESS__
  constexpr long most_kib = 1024;
#else
  constexpr long most_kib = 64;
#endif
  CHECK((memory_of(world, "VmRSS") - before) / clients < most_kib);
  one_message(idle.back());
  one_message(idle.front());
  CHECK(good.mx[0]->inbox().size() == 3);
}
