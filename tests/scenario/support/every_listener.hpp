// One relay with every kind of listener, each in both modes, and a message that shows what a peer does to it: the
// judgement of peers that hand in mail.
#pragma once

#include <string>
#include <vector>

#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/peer.hpp"

namespace scenario {

/// A message with a body that is easily damaged: dots at the start of lines, lines as long as they may be, UTF-8, blank
/// lines at the end. It carries two DKIM signatures, relaxed/simple and simple/simple, made before anybody handed it
/// in.
class SignedMessage {
 public:
  SignedMessage();
  const std::string& text() const { return text_; }  ///< lines end in CRLF
  std::string file() const;                          ///< the same
  std::string unix_file() const;                     ///< lines end in LF
  const std::string& digest() const { return digest_; }

  /// Fails the test unless the body of each has the digest and both signatures hold.
  void intact(const std::vector<std::string>& messages) const;

 private:
  OpenDirectory directory_;
  std::string text_, digest_;
};

/// SHA-256 of what follows the header's empty line, with lines that end in CRLF, as hexadecimal digits.
std::string body_digest(const std::string& message);

struct Listener {
  std::string tls, on_defer;  ///< as in the relay's configuration
  std::uint16_t port = 0;

  std::string name() const { return tls + "-" + on_defer; }
  std::string recipient() const { return name() + "@good.test"; }
  bool with_starttls() const { return tls == "starttls" || tls == "require-starttls"; }
  bool implicit() const { return tls == "implicit"; }
};

/// The relay is called relay.test, and so do the certificates of its listeners say.
class EveryListener : public World {
 public:
  EveryListener();
  const std::vector<Listener>& listeners() const { return listeners_; }
  std::string authority() const { return lab.trust_anchors(); }  ///< whom a client that verifies trusts: a PEM file
  /// Waits until each listener's recipient has got the message: once, intact, over TLS to the listener where it has
  /// TLS, and nothing is left in the queue. `log`: what the peer has to say for the reader of a failure.
  void arrived(const SignedMessage& message, const std::function<std::string()>& log = {});

 private:
  std::vector<Listener> listeners_;
};

/// Hands the message in by a program that is run once for each listener. `command`: for a shell.
void hand_in_by(const std::function<std::string(const EveryListener&, const SignedMessage&, const Listener&)>& command);
/// Hands the message in to a mail server, for each listener's recipient.
void submit(const std::string& address, std::uint16_t port, const EveryListener& world, const SignedMessage& message);

}  // namespace scenario
