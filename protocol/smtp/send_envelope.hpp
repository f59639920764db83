// MAIL and RCPT toward an MX: pipelined where it offers that, one by one where not (SMTP-20). Constructed only where a
// policy::Permit was handed over (proxy/outbound/connection.cpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/smtp/capabilities.hpp"
#include "protocol/smtp/client_step.hpp"
#include "protocol/smtp/command.hpp"

namespace smtp {

struct Envelope {
  Mail mail;  ///< what the client said; parameters go out only where the host offers their extension
  std::vector<Rcpt> recipients;
  std::uint64_t added = 0;  ///< octets that the relay adds in front (Received), for SIZE= (SMTP-21)
};

struct Verdicts {
  Reply mail;               ///< code 0: this exchange sent no MAIL
  std::vector<Reply> rcpt;  ///< one for each recipient, in order; empty when MAIL was refused
  /// The connection is of no more use: it ended after a refusal of MAIL (Q-1; the refusal counts), or the host said
  /// 421. With 421 to a RCPT that reply also stands for every recipient after it, and what was accepted before is void.
  bool lost = false;
};

/// Sends MAIL (unless `more`: further recipients of a transaction that is open) and the RCPTs. With pipelining
/// everything is written at once (100 RCPTs a write) and every reply read, matched by count. A refusal of MAIL ends it:
/// the replies of pipelined RCPTs are read and dropped; that they could not be read is `lost`, not a failure.
class SendEnvelope {
 public:
  SendEnvelope(const Capabilities& capabilities, const Envelope& envelope, InputBuffer& input, bool more = false);
  Step<Verdicts> resume(boost::system::error_code error);

 private:
  Step<Verdicts> reply_arrived();
  Step<Verdicts> next_command();
  Step<Verdicts> fail(Cause cause, std::string text);
  Step<Verdicts> without_connection();
  Stage stage() const;
  bool mail_refused() const;
  std::string rcpt_command(std::size_t index) const;

  const Envelope& envelope_;
  InputBuffer& input_;
  ReplyReader reader_;
  std::string out_;
  bool pipelining_;
  bool dsn_;       // the host offers it
  bool smtputf8_;  // MAIL says it
  bool awaiting_mail_;
  enum class Doing { start, reading, writing } doing_ = Doing::start;
  std::size_t written_ = 0;   // RCPT commands that are written
  std::size_t answered_ = 0;  // RCPT replies that were read
  Verdicts verdicts_;
};

}  // namespace smtp
