// Programs that hand in one message and end, each through every kind of listener, verifying its certificate where it
// has one: swaks, curl, msmtp, Python's smtplib, Node's nodemailer.
#include <catch2/catch.hpp>

#include "tests/scenario/support/every_listener.hpp"

using namespace scenario;

namespace {

/// A script beside the tests hands in through all listeners, one after the other.
void hand_in_by_script(const std::string& interpreter, const std::string& name) {
  EveryListener world;
  const SignedMessage message;
  std::vector<std::string> arguments{interpreter, STS_RELAY_SOURCE "/tests/scenario/support/" + name, world.authority(),
                                     message.file()};
  for (const auto& listener : world.listeners()) {
    arguments.insert(arguments.end(), {listener.tls, std::to_string(listener.port), listener.recipient()});
  }
  const auto sent = lab::run_program(arguments, world.lab.directory(), std::chrono::seconds(60));
  INFO(sent.out << sent.err);
  CHECK(sent.status == 0);
  world.arrived(message);
}

}  // namespace

TEST_CASE("swaks hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  hand_in_by([](const EveryListener& world, const SignedMessage& message, const Listener& listener) {
    std::string command = "/usr/bin/swaks --server 127.0.0.1 --port " + std::to_string(listener.port) +
                          " --from a@sender.test --to " + listener.recipient() + " --helo appliance.test --data -";
    if (listener.with_starttls()) command += " --tls";
    if (listener.implicit()) command += " --tls-on-connect";
    if (listener.tls != "none") command += " --tls-verify --tls-ca-path " + world.authority();
    // It adds a line end to whatever it is given.
    return "head -c -1 " + message.unix_file() + " | " + command;
  });
}

TEST_CASE("curl hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  hand_in_by([](const EveryListener& world, const SignedMessage& message, const Listener& listener) {
    const auto port = std::to_string(listener.port);
    return std::string("/usr/bin/curl --silent --show-error --max-time 50 --connect-to ::127.0.0.1:") + port +
           " --cacert " + world.authority() + (listener.with_starttls() ? " --ssl-reqd" : "") +
           " --mail-from a@sender.test --mail-rcpt " + listener.recipient() + " --upload-file " + message.file() +
           (listener.implicit() ? " smtps" : " smtp") + "://relay.test:" + port + "/appliance.test";
  });
}

TEST_CASE("msmtp hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  hand_in_by([](const EveryListener& world, const SignedMessage& message, const Listener& listener) {
    std::string command =
        "/usr/bin/msmtp --file=/dev/null --timeout=50 --host=127.0.0.1 --port=" + std::to_string(listener.port) +
        " --from=a@sender.test";
    if (listener.tls != "none") {
      command += " --tls=on --tls-host-override=relay.test --tls-trust-file=" + world.authority() +
                 " --tls-starttls=" + (listener.with_starttls() ? "on" : "off");
    }
    return command + " " + listener.recipient() + " < " + message.unix_file();
  });
}

TEST_CASE("smtplib of Python hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  hand_in_by_script("/usr/bin/python3", "hand_in.py");
}

TEST_CASE("nodemailer of Node hands in through every kind of listener", "[scenario][SMTP-33][SMTP-22]") {
  hand_in_by_script("/usr/bin/node", "hand_in.js");
}
