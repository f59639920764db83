// Mail servers that hand in what they were given, each through every kind of listener, verifying its certificate:
// Postfix, Exim, OpenSMTPD, nullmailer.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/scenario/support/every_listener.hpp"
#include "tests/scenario/support/exim.hpp"
#include "tests/scenario/support/open_smtpd.hpp"
#include "tests/scenario/support/peer_room.hpp"

using namespace scenario;

TEST_CASE("Postfix hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  EveryListener world;
  const SignedMessage message;
  const std::string verifying = " -o smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=relay.test";
  std::string map, services;
  for (const auto& listener : world.listeners()) {
    map +=
        " {" + listener.recipient() + " = " + listener.name() + ":[127.0.0.1]:" + std::to_string(listener.port) + "}";
    services += listener.name() + " unix - - n - - smtp";
    if (listener.tls == "none") services += " -o smtp_tls_security_level=none";
    if (listener.with_starttls()) services += verifying;
    if (listener.implicit()) services += verifying + " -o smtp_tls_wrappermode=yes";
    services += "\n";
  }
  const Postfix postfix("127.0.0.1", free_port(),
                        {{"transport_maps", "inline:{" + map + "}"}, {"smtp_tls_CAfile", world.authority()}}, services);
  submit(postfix.address(), postfix.port(), world, message);
  world.arrived(message, [&] { return postfix.log(); });
}

TEST_CASE("Exim hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  EveryListener world;
  const SignedMessage message;
  std::string routers, transports;
  for (const auto& listener : world.listeners()) {
    auto name = listener.name();
    std::replace(name.begin(), name.end(), '-', '_');
    routers += name + ":\n  driver = manualroute\n  local_parts = " + listener.name() +
               "\n  route_list = * relay.test byname\n  self = send\n  transport = " + name + "\n";
    transports += name + ":\n  driver = smtp\n  allow_localhost\n  port = " + std::to_string(listener.port) + "\n";
    if (listener.tls == "none") {
      transports += "  hosts_avoid_tls = *\n";
    } else {
      transports +=
          "  hosts_require_tls = *\n  tls_verify_hosts = *\n  tls_verify_cert_hostnames = *\n"
          "  tls_verify_certificates = /etc/ssl/certs/ca-certificates.crt\n";
    }
    if (listener.implicit()) transports += "  protocol = smtps\n";
  }
  const Exim exim(world, "127.0.0.1", free_port(), "", routers, transports);
  submit(exim.address(), exim.port(), world, message);
  world.arrived(message, [&] { return exim.log(); });
}

TEST_CASE("OpenSMTPD hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  EveryListener world;
  const SignedMessage message;
  const std::map<std::string, std::string> schemes{
      {"none", "smtp+notls"}, {"starttls", "smtp+tls"}, {"require-starttls", "smtp+tls"}, {"implicit", "smtps"}};
  std::string actions;
  for (const auto& listener : world.listeners()) {
    const auto name = "\"" + listener.name() + "\"";
    actions += "action " + name + " relay host \"" + schemes.at(listener.tls) +
               "://relay.test:" + std::to_string(listener.port) + "\" helo \"opensmtpd.test\"\n" +
               "match from any for rcpt-to \"" + listener.recipient() + "\" action " + name + "\n";
  }
  // By itself it opens five connections to an address at most, one in five seconds, and keeps them.
  const std::string limits =
      "mta limit conn-delay-route 0\nmta limit max-conn-per-host 20\nmta limit max-conn-per-route 20\n";
  const OpenSmtpd server(world, "127.0.0.1", free_port(), limits, "", actions);
  submit(server.address(), server.port(), world, message);
  world.arrived(message, [&] { return server.log(); });
}

TEST_CASE("nullmailer hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  EveryListener world;
  const SignedMessage message;
  const PeerRoom room("nullmailer", world.authority(), {"relay.test"}, {"mail"});
  std::filesystem::copy(message.unix_file(), room.outside("/message"));
  for (const auto* folder : {"queue", "tmp", "failed"}) room.folder(std::string("/var/spool/nullmailer/") + folder);
  REQUIRE(::mkfifo(room.outside("/var/spool/nullmailer/trigger").c_str(), 0600) == 0);
  room.write("/etc/nullmailer/pausetime", "0\n");  // it ends when it has tried once
  for (const auto& listener : world.listeners()) {
    std::string remote = "relay.test smtp port=" + std::to_string(listener.port);
    if (listener.with_starttls()) remote += " starttls";
    if (listener.implicit()) remote += " tls";
    room.write("/etc/nullmailer/remotes", remote + "\n");
    const auto sent = room.run({"/bin/sh", "-c",
                                "/usr/bin/nullmailer-inject -f a@sender.test " + listener.recipient() +
                                    " < /message && exec /usr/sbin/nullmailer-send"});
    INFO(listener.name() << "\n" << sent.out << sent.err);
    CHECK(sent.status == 0);
    CHECK(std::filesystem::is_empty(room.outside("/var/spool/nullmailer/queue")));
  }
  world.arrived(message);
}

TEST_CASE("Exim relays one message to two domains as the documentation says", "[scenario][SMTP-65][SMTP-63]") {
  const std::string protocol = GENERATE("lmtp", "smtp");
  INFO(protocol);
  EveryListener world;
  world.lab.domain("one.test", {.sts = "enforce"});
  world.lab.domain("two.test", {.sts = "enforce"});
  const std::string lines = protocol == "lmtp" ? "  protocol = lmtp\n" : "  multi_domain = false\n";
  const Exim exim(
      world, "127.0.0.1", free_port(), "",
      "sts_relay:\n  driver = manualroute\n  transport = sts_relay\n  route_list = * 127.0.0.1\n"
      "  self = send\n  no_more\n",
      "sts_relay:\n  driver = smtp\n" + lines + "  port = " + std::to_string(world.listeners().front().port) + "\n");
  lab::SmtpClient client(exim.address(), exim.port());
  client.ehlo();
  for (const auto& [recipient, reply] : client.send("a@sender.test", {"a@one.test", "b@two.test"}, lab::letter())) {
    INFO(recipient);
    CHECK(reply.code == 250);
  }
  client.quit();
  until(
      world, [&] { return world.lab.arrived("a@one.test").size() == 1 && world.lab.arrived("b@two.test").size() == 1; },
      "arrival at both domains");
}
