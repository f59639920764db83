// The client side of the tests: a small blocking SMTP and LMTP client that can also send what no honest client sends.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/lab/channel.hpp"
#include "tests/lab/tls_context.hpp"

namespace lab {

struct Reply {
  int code = 0;
  std::string text;  ///< all lines, joined by "\n", without the codes

  int kind() const { return code / 100; }
  std::string enhanced() const { return text.substr(0, text.find_first_of(" \n")); }  ///< "4.7.5", or the first word
};
std::string words(const Reply& reply);  ///< "451 4.7.5 ...", printable, at most 300 characters

/// The final reply for each recipient, in the order given.
using Replies = std::vector<std::pair<std::string, Reply>>;

class SmtpClient {
 public:
  struct Options {
    std::chrono::milliseconds timeout{30000};
    bool tls = false;         ///< from the start
    std::string source = {};  ///< local address
    std::string first = {};   ///< octets before anything else: a balancer's header
    ContextPtr context = {};  ///< for TLS; null: one that shows no certificate and takes any
  };
  /// Connects and reads the greeting. Throws Gone, as every call below where the connection ends or no reply comes.
  SmtpClient(const std::string& host, std::uint16_t port, Options options);
  SmtpClient(const std::string& host, std::uint16_t port) : SmtpClient(host, port, Options()) {}
  SmtpClient(SmtpClient&&) = default;

  const Reply& greeting() const { return greeting_; }
  const std::set<std::string>& features() const { return features_; }  ///< of the latest EHLO, upper case
  Channel& channel() { return *channel_; }

  Reply read();
  void raw(std::string_view data);
  Reply command(std::string_view line);  ///< adds CRLF
  Reply ehlo(const std::string& name = "client.sender.test", const std::string& verb = "EHLO");
  Reply starttls();

  Reply data(std::string_view body);      ///< DATA, and where it is accepted the body
  Reply data_end(std::string_view body);  ///< after a 354
  /// MAIL and RCPT. The reply for each recipient (the one to MAIL where that was refused).
  Replies envelope(const std::string& sender, const std::vector<std::string>& recipients,
                   const std::string& parameters = {}, const std::string& recipient_parameters = {});
  /// One transaction after EHLO.
  Replies send(const std::string& sender, const std::vector<std::string>& recipients, std::string_view body,
               const std::string& parameters = {}, const std::string& recipient_parameters = {});
  /// One transaction after LHLO: after the data, one reply for each accepted recipient, in order.
  Replies send_lmtp(const std::string& sender, const std::vector<std::string>& recipients, std::string_view body);
  void quit();   ///< bounded, never throws
  void close();  ///< without QUIT

 private:
  std::string offered(const std::string& parameters) const;

  std::unique_ptr<Channel> channel_;
  ContextPtr context_;
  Reply greeting_;
  std::set<std::string> features_;
};

/// A small message with the usual headers. `extra`: further header lines with their ends.
std::string letter(std::string_view text = "hello", std::string_view subject = "test", std::string_view extra = {});
/// `body` with its dots stuffed; no end added.
std::string stuffed(std::string_view body);

}  // namespace lab
