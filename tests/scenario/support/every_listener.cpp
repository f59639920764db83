// The message, its judgement, and the relay with every kind of listener.
#include "tests/scenario/support/every_listener.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

namespace scenario {
namespace {

constexpr std::size_t longest_line = 998;  // RFC 5322 §2.1.1

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// The first field of a header, with its folded lines.
std::string first_field(const std::string& message) {
  auto end = message.find("\r\n");
  while (end != std::string::npos && end + 2 < message.size() && (message[end + 2] == ' ' || message[end + 2] == '\t'))
    end = message.find("\r\n", end + 2);
  return message.substr(0, end);
}

/// Signing and verifying are Python's dkim module, not this repository's code.
lab::Finished dkim(const std::string& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"/usr/bin/python3", STS_RELAY_SOURCE "/tests/scenario/support/dkim_signature.py"});
  return lab::run_program(arguments, directory, std::chrono::seconds(60));
}

std::string unsigned_message() {
  const std::string filler = "0123456789abcdefghijklmnopqrstuvwxyz ";
  std::string long_line;
  while (long_line.size() < longest_line) long_line += filler;
  long_line.resize(longest_line, 'x');
  long_line.back() = '!';
  std::string dotted = "." + long_line;
  dotted.resize(longest_line);
  return "From: Sender <a@sender.test>\r\n"
         "To: Somebody <b@good.test>\r\n"
         "Subject: what a peer\r\n does  to a message\r\n"
         "Date: Mon, 5 Oct 2026 10:00:00 +0000\r\n"
         "Message-ID: <peer@sender.test>\r\n"
         "MIME-Version: 1.0\r\n"
         "Content-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: 8bit\r\n"
         "\r\n"
         ".\r\n..\r\n. \r\n.a dot first\r\n\r\n"
         "From the start of a line, >From too\r\n"
         "Gr\xc3\xbc\xc3\x9f"
         "e, \xe2\x82\xac 5, \xf0\x9f\x93\xa8\r\n"
         "\ttabs\tand blanks at the end \t \r\n" +
         long_line + "\r\n" + dotted + "\r\n.\r\nQUIT\r\n\r\n\r\n\r\n";
}

}  // namespace

std::string body_digest(const std::string& message) {
  const auto canonical = replaced(replaced(message, "\r\n", "\n"), "\n", "\r\n");
  const auto body = canonical.find("\r\n\r\n");
  REQUIRE(body != std::string::npos);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(canonical.data() + body + 4, canonical.size() - body - 4, digest, &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

SignedMessage::SignedMessage() {
  const auto key = directory_.path() + "/key.pem", path = file();
  const auto made = lab::run_program({"/usr/bin/openssl", "genrsa", "-out", key, "2048"}, directory_.path(),
                                     std::chrono::seconds(60));
  REQUIRE(made.status == 0);
  directory_.write("message", unsigned_message());
  const auto done = dkim(directory_.path(), {"sign", key, path});
  INFO(done.err);
  REQUIRE(done.status == 0);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  text_ = text.str();
  REQUIRE(text_.starts_with("DKIM-Signature: "));
  digest_ = body_digest(text_);
  directory_.write("message.unix", replaced(text_, "\r\n", "\n"));
}

std::string SignedMessage::file() const {
  return directory_.path() + "/message";
}
std::string SignedMessage::unix_file() const {
  return directory_.path() + "/message.unix";
}

void SignedMessage::intact(const std::vector<std::string>& messages) const {
  std::vector<std::string> arguments{"verify", directory_.path() + "/key.pem"};
  arguments.push_back(file());  // or nothing is shown of the others
  for (std::size_t i = 0; i < messages.size(); ++i) {
    CHECK(body_digest(messages[i]) == digest_);
    arguments.push_back(directory_.write("arrived" + std::to_string(i), messages[i]));
  }
  const auto done = dkim(directory_.path(), arguments);
  INFO(done.out << done.err << messages.front());
  CHECK(done.status == 0);
}

EveryListener::EveryListener() : World({}, false) {
  const auto certificate = relay.directory() + "/listener.pem";
  lab.ca().issue({"relay.test"}).write_pem(certificate);
  auto& options = relay.options();
  for (const char* tls : {"none", "starttls", "require-starttls", "implicit"}) {
    for (const char* on_defer : {"reply", "queue"}) {
      lab::Settings settings{{"tls", lab::toml(tls)}, {"on_defer", lab::toml(on_defer)}};
      if (std::string(tls) != "none") settings["certificate"] = settings["key"] = lab::toml(certificate);
      if (listeners_.empty()) {
        options.listener = settings;
      } else {
        options.more_listeners.push_back(settings);
      }
      listeners_.push_back({.tls = tls, .on_defer = on_defer});
    }
  }
  lab.domain("good.test", {.sts = "enforce"});
  lab.domain("sender.test");  // for reports, were there any
  relay.write_configuration();
  relay.start();
  for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i].port = relay.port(i);
}

void EveryListener::arrived(const SignedMessage& message, const std::function<std::string()>& log) {
  const auto everywhere = [&] {
    return std::all_of(listeners_.begin(), listeners_.end(),
                       [&](const Listener& listener) { return !lab.arrived(listener.recipient()).empty(); });
  };
  if (!lab.watch().until(everywhere, std::chrono::seconds(30)) && log) UNSCOPED_INFO(log());
  std::vector<std::string> bodies;
  for (const auto& listener : listeners_) {
    INFO(listener.name());
    expect(*this, !lab.arrived(listener.recipient()).empty(), "arrival of " + listener.recipient());
    const auto found = lab.arrived(listener.recipient()).front();
    CHECK_FALSE(found.tls.empty());
    CHECK(found.sender == "a@sender.test");
    CHECK(found.recipients == std::vector{listener.recipient()});
    const auto received = first_field(*found.body);  // the relay's
    INFO(received);
    CHECK(received.starts_with("Received: "));
    CHECK((received.find("\r\n\ttls TLS_") != std::string::npos) == (listener.tls != "none"));
    CHECK(found.body->ends_with(message.text().substr(message.text().find("\r\n\r\n"))));  // and no bare newline
    bodies.push_back(*found.body);
  }
  message.intact(bodies);
  until(
      *this,
      [&] {
        return relay.cli({"queue", "list", "--json"}).out.starts_with("[]");
      },
      "an empty queue");
  CHECK(lab.inbox().size() == listeners_.size());  // each once, and no reports
}

void hand_in_by(
    const std::function<std::string(const EveryListener&, const SignedMessage&, const Listener&)>& command) {
  EveryListener world;
  const SignedMessage message;
  for (const auto& listener : world.listeners()) {
    const auto text = command(world, message, listener);
    const auto sent = lab::run_program({"/bin/sh", "-c", text}, world.lab.directory(), std::chrono::seconds(60));
    INFO(listener.name() << "\n" << text << "\n" << sent.out << sent.err);
    CHECK(sent.status == 0);
  }
  world.arrived(message);
}

void submit(const std::string& address, std::uint16_t port, const EveryListener& world, const SignedMessage& message) {
  lab::SmtpClient client(address, port);
  CHECK(client.ehlo().code == 250);
  for (const auto& listener : world.listeners()) {
    const auto reply =
        client.send("a@sender.test", {listener.recipient()}, message.text(), "BODY=8BITMIME").front().second;
    INFO(listener.name() << ": " << lab::words(reply));
    CHECK(reply.code == 250);
  }
  client.quit();
}

}  // namespace scenario
