// A rogue MX host: an SMTP server that is healthy until a scenario gives it another face, and records all that it sees.
// It accepts what any client says, keeps everything, and knows nothing of policies: whether a message should have come
// is for the scenario to judge.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/lab/server.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/lab/watch.hpp"

namespace lab {

/// Replies that are none, for MxHost::on.
namespace answer {
inline constexpr const char* drop = "DROP";        ///< the connection ends instead of the reply
inline constexpr const char* hang = "HANG";        ///< no reply, ever
inline constexpr const char* endless = "ENDLESS";  ///< a reply without end
/// Behind a reply: the connection is closed at once, whether there is unread input or not.
inline constexpr const char* and_close = "|CLOSE";
}  // namespace answer

/// What STARTTLS does. `stripped`: not offered and refused. `refused`: offered, answered 454. `inject`: plaintext
/// replies behind the 220, in one segment. `inject_part`: the same without a line end. `close`: right after the
/// handshake. `garbage`, `drop`: instead of the handshake.
enum class Starttls { good, stripped, refused, inject, inject_part, close, garbage, drop };

/// Stages at which a reply can be changed: GREETING EHLO HELO STARTTLS MAIL RCPT DATA DOT RSET NOOP QUIT BDAT AUTH.
/// A text ("\n" between its lines); a list: one each, then as usual; a function of the command's argument, "" for the
/// usual reply.
using Override = std::variant<std::string, std::vector<std::string>, std::function<std::string(std::string_view)>>;

struct Command {
  bool tls = false;  ///< came over TLS
  std::string line;
};

struct Session {
  std::string tls;  ///< "" or the version
  std::string server_name;
  std::string error;  ///< why it ended, where not by QUIT
  std::vector<Command> commands;
  std::vector<std::pair<std::size_t, std::string>> replies;  ///< (commands that had come by then, what was said)
  std::size_t messages = 0;                                  ///< bodies read to the end
  std::vector<std::pair<std::string, std::string>>
      early;  ///< (stage, input) that came before the reply that was due was sent
  bool closed = false;
};

/// How an MX host looks to those who connect.
struct MxFace {
  Starttls starttls = Starttls::good;
  std::string certificate;
  bool implicit = false;
  TlsOptions tls;
  std::vector<std::string> offers{"PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"},
      offers_tls;
  ContextPtr context;  ///< made when first wanted
};

class MxHost;

/// A message whose body an MX host has read to its end.
struct Message {
  const MxHost* mx = nullptr;
  std::string tls, server_name, sender, parameters;
  std::vector<std::string> recipients;
  std::shared_ptr<const std::string> body;  ///< dots unstuffed, lines end as they came
  std::string sha256;                       ///< of the body, lower-case hexadecimal
  bool accepted = false;                    ///< answered 2xx
};

/// All messages of a laboratory, in order of arrival; its lock is the watch's.
using Mailbag = std::vector<std::shared_ptr<Message>>;

class MxHost {
 public:
  /// Listens at once. `certificate`: a PEM file with chain and key. `mailbag` belongs to the laboratory, below the
  /// watch's lock.
  MxHost(Watch& watch, Mailbag& mailbag, std::string host, std::string address, std::uint16_t port,
         std::string certificate);
  ~MxHost();

  const std::string& host() const { return host_; }
  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }

  // A new face ends the open connections: a relay that keeps them must come again and look.
  MxHost& starttls(Starttls how);
  MxHost& certificate(const std::string& pem);
  MxHost& implicit_tls(bool on = true);
  MxHost& tls_versions(int lowest, int highest);  ///< TLS1_VERSION to TLS1_3_VERSION, 0: no bound
  MxHost& weak_dh(bool on = true);                ///< the certificate must be RSA
  MxHost& offers(std::vector<std::string>
                     keywords);  ///< PIPELINING, SIZE 104857600, 8BITMIME, ENHANCEDSTATUSCODES, SMTPUTF8 at first
  MxHost& offers_tls(std::vector<std::string> keywords);  ///< what is offered once TLS is on, besides
  // These count from the next reply on.
  MxHost& on(const std::string& stage, Override reply);
  MxHost& on_reused(const std::string& stage,
                    Override reply);  ///< the same, only in a session that has carried a message
  MxHost& as_usual();                 ///< no `on`, no `on_reused`
  MxHost& slow(std::chrono::milliseconds before_each_reply);
  MxHost& slow(const std::string& stage, std::chrono::milliseconds before_its_reply);

  void cut();    ///< every open connection ends now
  void stop();   ///< and new ones are refused
  void start();  ///< listens again

  std::vector<Session> sessions() const;
  std::vector<Command> mails() const;                         ///< MAIL commands that reached this host
  std::vector<std::shared_ptr<const Message>> inbox() const;  ///< messages that it has accepted

 private:
  friend class MxDialogue;
  MxHost& change(const std::function<void(MxFace&)>& change);
  MxFace face();  ///< a copy, with its context
  std::optional<std::string> overridden(const std::string& stage, std::string_view argument, bool reused);
  std::chrono::milliseconds pause_before(const std::string& stage) const;

  Watch& watch_;
  Mailbag& mailbag_;
  const std::string host_, address_;
  std::uint16_t port_;
  // below the watch's lock:
  MxFace face_;
  std::map<std::string, Override> on_, on_reused_;
  std::chrono::milliseconds slow_{0};
  std::map<std::string, std::chrono::milliseconds> slow_at_;
  std::vector<std::shared_ptr<Session>> sessions_;
  // the scenario's own thread only:
  std::unique_ptr<Server> server_;
};

}  // namespace lab
