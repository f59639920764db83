// The relay under test: the built sts-relay as a process of its own, with a configuration made from a scenario's
// options. Knows it only from outside: its configuration file, its command line, its log, its replies.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/lab/child_process.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/lab/log_line.hpp"
#include "tests/lab/smtp_client.hpp"

namespace lab {

/// Settings of one table: names to values as TOML writes them: {{"connect_timeout", "\"2s\""}}.
using Settings = std::map<std::string, std::string>;
/// A text as a TOML value.
std::string toml(std::string_view text);

struct RelayOptions {
  std::string dnssec = "off", security = "may", fetch_timeout = "3s", retry_after = "5m", refresh_every = "24h",
              lookup_grace = {};
  std::string bare_newline = "reject", on_defer = "reply";
  std::string trust_anchors = {};  ///< empty: the laboratory's authority
  Settings listener = {};          ///< of the first listener, over those above
  std::vector<Settings> more_listeners = {};
  std::vector<Settings> destinations = {};
  Settings top = {};                            ///< of no table
  std::map<std::string, Settings> tables = {};  ///< over those above
  std::string program = {};                     ///< for the scenarios' world: instead of the one that is shipped
};

/// What became of a recipient. `accepted`: taken into a queue, nothing known yet.
enum class Fate { delivered, deferred, refused, accepted, nonsense };
std::string_view words(Fate fate);

struct Outcome {
  Replies replies;
  std::map<std::string, Fate> fates;

  Fate fate() const { return fates.at(replies.at(0).first); }  ///< of the first recipient
  const Reply& reply() const { return replies.at(0).second; }
  const Reply& reply(const std::string& recipient) const;
};
std::string words(const Outcome& outcome);

class RelayProcess {
 public:
  /// `program`: the built sts-relay. Writes the configuration; starts nothing. Throws std::runtime_error where there is
  /// no such program.
  RelayProcess(Laboratory& laboratory, const std::string& program, RelayOptions options = {});
  ~RelayProcess();  ///< kill -9, where it still runs

  RelayOptions& options() { return options_; }
  void write_configuration();  ///< again, after a change of `options`
  std::string configuration() const;
  const std::string& directory() const { return directory_; }

  /// Returns when the relay listens and is ready. Throws std::runtime_error, with its last words, where it does not.
  void start();
  /// SIGTERM. The exit status; throws std::runtime_error where it does not end within 40 s.
  int stop();
  void kill();  ///< kill -9
  void restart() { stop(), start(); }
  void reload();  ///< SIGHUP
  /// How the relay ended, if nobody asked it to: "signal 11", "status 1"; else "".
  std::string crash();

  std::uint16_t port(std::size_t listener = 0) const;
  int process_id() const;

  /// A connection after EHLO (or LHLO).
  SmtpClient client(bool lmtp = false, SmtpClient::Options options = {});
  /// One transaction on a connection of its own.
  Outcome mail(const std::vector<std::string>& recipients, std::string_view body,
               const std::string& sender = "a@sender.test", const std::string& parameters = {});
  Outcome mail(const std::string& recipient) { return mail({recipient}, letter()); }
  Outcome lmtp(const std::vector<std::string>& recipients, std::string_view body = letter(),
               const std::string& sender = "a@sender.test");
  Outcome outcome(Replies replies) const;

  /// Runs `sts-relay ARGUMENTS --config FILE`. Throws std::runtime_error when it runs longer than 30 s.
  Finished cli(std::vector<std::string> arguments) const;

  std::vector<LogLine> log() const;  ///< since the latest start
  /// Lines with these fields: log_lines({{"event", "delivery"}, {"domain", "x.test"}}).
  std::vector<LogLine> log_lines(const std::map<std::string, std::string>& fields) const;

 private:
  void read_log(int descriptor);
  std::string last_words() const;
  std::vector<std::string> command(std::vector<std::string> arguments) const;

  Laboratory& laboratory_;
  std::string program_, directory_, file_;
  RelayOptions options_;
  std::unique_ptr<ChildProcess> process_;
  std::thread reader_;
  bool ended_by_us_ = false;
  // below the watch's lock:
  std::vector<LogLine> log_;
  std::map<std::size_t, std::uint16_t> ports_;
  bool ready_ = false, log_ended_ = false;
};

}  // namespace lab
