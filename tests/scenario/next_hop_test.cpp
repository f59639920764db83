// Configured next hops: several of them, what is trusted there, and the relay's own login.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/key_digest.hpp"
#include "tests/scenario/support/peer.hpp"

using namespace scenario;

namespace {

lab::Settings hop(World& world, const std::string& host, const lab::Settings& more = {}) {
  lab::Settings settings{{"domain", "\"corp.test\""}, {"host", host}, {"port", std::to_string(world.lab.smtp_port())}};
  for (const auto& [name, value] : more) settings[name] = value;
  return settings;
}

void start_with(World& world, const lab::Settings& destination) {
  world.relay.options().top.emplace("workers", "1");  // so that kept connections serve every client
  std::ofstream(world.relay.directory() + "/hop.password") << "open sesame\n";
  world.relay.options().destinations = {destination};
  world.relay.write_configuration();
  world.relay.start();
}

const lab::Settings login{{"user", "\"relay@corp.test\""}, {"password_file", "\"hop.password\""}};

/// Commands that begin with `verb`, of all sessions.
std::vector<lab::Command> commands(const MxHost& host, const std::string& verb) {
  std::vector<lab::Command> found;
  for (const auto& session : host.sessions()) {
    for (const auto& command : session.commands) {
      if (command.line.starts_with(verb)) found.push_back(command);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("the relay authenticates to a verified next hop once a connection", "[scenario][SMTP-32][SMTP-34]") {
  const std::string mechanisms = GENERATE("PLAIN LOGIN", "LOGIN", "XOAUTH2 PLAIN");
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  host.offers_tls({"AUTH " + mechanisms});
  std::string claimed;
  host.on("AUTH", [&](std::string_view claim) {
    claimed = claim;
    return std::string();
  });
  start_with(world, hop(world, "\"hop.test\"", login));
  for (int i = 0; i < 2; ++i)
    delivered(world, world.relay.mail("b" + std::to_string(i) + "@corp.test"), {.mx = &host, .tls = true});
  CHECK(claimed == (mechanisms == "LOGIN" ? "LOGIN" : "PLAIN") + std::string(" relay@corp.test open sesame"));
  const auto said = commands(host, "AUTH");
  REQUIRE(said.size() == 1);
  CHECK(said[0].tls);
  for (const auto& line : world.relay.log()) CHECK(line.text.find("sesame") == std::string::npos);
}

TEST_CASE("a password is never given to a host that is not verified", "[scenario][SMTP-32][A-2]") {
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  host.offers({"AUTH PLAIN", "8BITMIME"}).offers_tls({"AUTH PLAIN"});
  host.certificate(world.lab.other_ca().issue({"hop.test"}).path);
  auto settings = hop(world, "\"hop.test\"", login);
  settings["security"] = GENERATE("\"encrypt\"", "\"may\"", "\"verify\"");
  start_with(world, settings);
  CHECK(world.relay.mail("b@corp.test").reply().code == 451);
  CHECK(commands(host, "AUTH").empty());
  CHECK(host.mails().empty());
  const auto checked = world.relay.cli({"config", "check"});
  CHECK(checked.status == 0);
  if (settings["security"] != "\"verify\"") CHECK(checked.out.find("need not be verified") != std::string::npos);
}

TEST_CASE("a password that is refused defers and is not tried again at once", "[scenario][SMTP-32]") {
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  host.offers_tls({"AUTH PLAIN"}).on("AUTH", std::string("535 5.7.8 no"));
  start_with(world, hop(world, "\"hop.test\"", login));
  for (int i = 0; i < 3; ++i) {
    const auto reply = world.relay.mail("b@corp.test").reply();
    CHECK(reply.code == 451);
    CHECK(reply.text.find("535 5.7.8 no") != std::string::npos);
    CHECK(reply.text.find("sesame") == std::string::npos);
  }
  CHECK(commands(host, "AUTH").size() == 1);
  CHECK(host.mails().empty());
}

TEST_CASE("a host without AUTH or without a mechanism in common gets no mail", "[scenario][SMTP-32]") {
  const std::string offered = GENERATE("", "AUTH CRAM-MD5 GSSAPI");
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  if (!offered.empty()) host.offers_tls({offered});
  start_with(world, hop(world, "\"hop.test\"", login));
  CHECK(world.relay.mail("b@corp.test").reply().code == 451);
  CHECK(host.mails().empty());
}

TEST_CASE("the next of several hosts serves where the first cannot be had", "[scenario][SMTP-34]") {
  World world({}, false);
  auto& first = world.lab.mx("one.test");
  auto& second = world.lab.mx("two.test");
  start_with(world, hop(world, R"(["one.test", "two.test"])"));
  delivered(world, world.relay.mail("a@corp.test"), {.mx = &first, .tls = true});
  first.certificate(world.lab.other_ca().issue({"one.test"}).path);
  delivered(world, world.relay.mail("b@corp.test"), {.mx = &second, .tls = true});
  second.starttls(lab::Starttls::stripped);
  const auto outcome = world.relay.mail("c@corp.test");
  CHECK(outcome.reply().code == 451);
  no_plaintext(world, {&first, &second});
}

TEST_CASE("a pinned key is demanded and is enough", "[scenario][SMTP-34]") {
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  const auto pinned = world.lab.other_ca().issue({"old name"}, {.days_from = -30, .days_to = -2, .self_signed = true});
  host.certificate(pinned.path);
  start_with(world, hop(world, "\"hop.test\"", {{"pinned_keys", "[\"" + key_digest(pinned) + "\"]"}}));
  delivered(world, world.relay.mail("a@corp.test"), {.mx = &host, .tls = true});
  host.certificate(world.lab.ca().issue({"hop.test"}).path);  // good for everybody else
  const auto outcome = world.relay.mail("b@corp.test");
  CHECK(outcome.reply().code == 451);
  CHECK(outcome.reply().text.find("pinned") != std::string::npos);
  CHECK(host.inbox().size() == 1);
  CHECK(world.relay.cli({"check", "corp.test"}).out.find("pinned") != std::string::npos);
}

TEST_CASE("trust anchors of a next hop count there and nowhere else", "[scenario][SMTP-34]") {
  World world({}, false);
  auto& host = world.lab.mx("hop.test");
  auto& other = world.lab.domain("good.test", {.sts = "enforce"});
  host.certificate(world.lab.other_ca().issue({"hop.test"}).path);
  start_with(world, hop(world, "\"hop.test\"", {{"trust_anchors", lab::toml(world.lab.other_ca().path())}}));
  delivered(world, world.relay.mail("a@corp.test"), {.mx = &host, .tls = true});
  delivered(world, world.relay.mail("a@good.test"), {.mx = other.mx[0], .tls = true});
  other.mx[0]->certificate(world.lab.other_ca().issue({"mx1.good.test"}).path);
  CHECK(world.relay.mail("b@good.test").reply().code == 451);
  host.certificate(world.lab.ca().issue({"hop.test"}).path);
  CHECK(world.relay.mail("b@corp.test").reply().code == 451);
}

TEST_CASE("what a host limits is kept", "[scenario][SMTP-35]") {
  World world({.top = {{"workers", "1"}}});
  auto& few = world.lab.domain("few.test", {.sts = "enforce"});
  few.mx[0]->offers({"PIPELINING", "8BITMIME", "LIMITS RCPTMAX=2 MAILMAX=2 RCPTDOMAINMAX=x"});
  auto client = world.relay.client();
  const auto replies =
      client.send("a@sender.test", {"a@few.test", "b@few.test", "c@few.test", "d@few.test"}, lab::letter());
  for (std::size_t i = 0; i < replies.size(); ++i) CHECK(replies[i].second.code == (i < 2 ? 250 : 452));
  for (const char* to : {"c@few.test", "d@few.test", "e@few.test"})
    CHECK(client.send("a@sender.test", {to}, lab::letter())[0].second.code == 250);
  client.quit();
  CHECK(few.mx[0]->inbox().size() == 4);
  for (const auto& session : few.mx[0]->sessions()) CHECK(session.messages <= 2);
  CHECK(commands(*few.mx[0], "RCPT").size() == 5);
}

TEST_CASE("Postfix and Cyrus SASL take the relay's login and a wrong password is put off", "[scenario][SMTP-32]") {
  const std::string mechanism = GENERATE("SCRAM-SHA-256", "PLAIN", "LOGIN");
  INFO(mechanism);
  World world({}, false);
  const std::string address = "127.0.9.4";
  const auto certificate = world.lab.ca().issue({"hop.corp.test"});
  world.lab.dns().set("hop.corp.test", "A", {address});
  const OpenDirectory files;
  const auto pem = files.write("chain.pem", certificate.key + certificate.chain);
  const auto made = lab::run_program(
      {"/bin/sh", "-c",
       "printf 'open sesame' | /usr/sbin/saslpasswd2 -p -c -f \"$1/sasldb\" -u postfix.test relay && chmod 644 "
       "\"$1/sasldb\"",
       "sh", files.path()},
      files.path(), std::chrono::seconds(30));
  REQUIRE(made.status == 0);
  const Postfix postfix(address, world.lab.smtp_port(),
                        {{"smtpd_tls_chain_files", pem},
                         {"smtpd_tls_security_level", "may"},
                         {"smtpd_tls_auth_only", "yes"},
                         {"smtpd_sasl_auth_enable", "yes"},
                         {"smtpd_sasl_type", "cyrus"},
                         {"smtpd_sasl_local_domain", "postfix.test"},
                         {"mynetworks", "192.0.2.1/32"},
                         {"smtpd_relay_restrictions", "permit_sasl_authenticated, reject"},
                         {"default_transport", "discard:"}},
                        {},
                        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + files.path() +
                            "/sasldb\nmech_list: " + mechanism + "\n");
  start_with(
      world,
      hop(world, "\"hop.corp.test\"",
          {{"user", "\"relay\""}, {"password_file", "\"hop.password\""}, {"mechanisms", "[\"" + mechanism + "\"]"}}));
  const auto outcome = world.relay.mail("b@corp.test");
  INFO(postfix.log());
  CHECK(outcome.reply().code == 250);
  CHECK(postfix.log().find("sasl_method=" + mechanism + ", sasl_username=relay@postfix.test") != std::string::npos);

  std::ofstream(world.relay.directory() + "/hop.password") << "wrong\n";
  world.relay.reload();
  until(
      world, [&] { return world.relay.mail("b@corp.test").reply().kind() == 4; }, "the new password in use");
  const auto refused = world.relay.mail("b@corp.test").reply();
  CHECK(refused.enhanced() == "4.7.0");
}
