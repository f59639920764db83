// MAIL and RCPT: what is written, and which reply belongs to which command.
#include "protocol/smtp/send_envelope.hpp"

#include <algorithm>
#include <limits>

#include "protocol/base/text.hpp"
#include "protocol/base/utf8_address.hpp"

namespace smtp {
namespace {

/// RCPTs in one write. The replies of a group are read before the next is written, so that neither side's buffers fill
/// up while the other writes too (RFC 2920 §3.1).
constexpr std::size_t group = 100;

std::string mail_command(const Capabilities& offered, const Envelope& envelope) {
  // SMTP-51: the reverse-path goes out as it came, the null one as <>.
  std::string command = "MAIL FROM:<" + envelope.mail.reverse_path.address + '>';
  if (offered.size && envelope.mail.size) {
    // SMTP-21: with what the relay itself puts in front.
    const auto room = std::numeric_limits<std::uint64_t>::max() - *envelope.mail.size;
    command += " SIZE=" + std::to_string(*envelope.mail.size + std::min(envelope.added, room));
  }
  // SMTP-22: content that nobody declared may be 8-bit.
  if (offered.eight_bit_mime && envelope.mail.body != Body::seven_bit) command += " BODY=8BITMIME";
  // RFC 6531 §3.2: a host without it gets what needs none; the caller sees to that.
  if (offered.smtputf8 && envelope.mail.smtputf8) command += " SMTPUTF8";
  // RFC 8689 §4.2.1: the demand goes on with the message. `offered` comes from inside TLS, or says no.
  if (offered.requiretls && envelope.mail.requiretls) command += " REQUIRETLS";
  // SMTP-26: as the client gave them; a host without DSN is not told.
  if (offered.dsn && envelope.mail.ret == Return::full) command += " RET=FULL";
  if (offered.dsn && envelope.mail.ret == Return::headers) command += " RET=HDRS";
  if (offered.dsn && !envelope.mail.envid.empty()) command += " ENVID=" + envelope.mail.envid;
  // SMTP-57: whoever the client named is not vouched for (RFC 4954 §5).
  if (!offered.auth.empty() && envelope.mail.auth) command += " AUTH=<>";
  return command + "\r\n";
}

/// RFC 6533 §3: UTF-8 in it goes to a host with SMTPUTF8 only; others get the ASCII form, where that is short enough.
std::string orcpt_parameter(const std::string& orcpt, bool smtputf8) {
  if (smtputf8 || !base::has_eight_bit(orcpt)) return " ORCPT=" + orcpt;
  const auto type = orcpt.find(';') + 1;
  const auto address = base::decoded_utf8_address(std::string_view(orcpt).substr(type));
  const std::string ascii = orcpt.substr(0, type) + base::utf8_address_xtext(address.value_or(""));
  return address && ascii.size() <= 500 ? " ORCPT=" + ascii : "";
}

}  // namespace

SendEnvelope::SendEnvelope(const Capabilities& capabilities, const Envelope& envelope, InputBuffer& input, bool more)
    : envelope_(envelope),
      input_(input),
      pipelining_(capabilities.pipelining),
      dsn_(capabilities.dsn),
      smtputf8_(capabilities.smtputf8 && envelope.mail.smtputf8),
      awaiting_mail_(!more) {
  if (!more) out_ = mail_command(capabilities, envelope);
}

Step<Verdicts> SendEnvelope::resume(boost::system::error_code error) {
  if (error) {
    if (mail_refused()) return without_connection();
    return failure_of(error, stage());
  }
  if (doing_ == Doing::start) return next_command();
  doing_ = Doing::reading;
  for (;;) {
    switch (take_reply(reader_, input_)) {
      case ReplyReader::State::more: return Read{};
      case ReplyReader::State::malformed:
        if (mail_refused()) return without_connection();
        return fail(Cause::nonsense, reader_.fault());
      case ReplyReader::State::complete: break;
    }
    Step<Verdicts> step = reply_arrived();
    reader_.reset();
    if (!std::holds_alternative<Read>(step)) return step;
  }
}

/// Read: another reply is due to what was written.
Step<Verdicts> SendEnvelope::reply_arrived() {
  const Reply& reply = reader_.reply();
  if (mail_refused()) {
    ++answered_;  // RFC 2920 §3.1: read, whatever it says
    if (answered_ == written_) return verdicts_;
    return Read{};
  }
  if (reply.kind() == 3) return fail(Cause::nonsense, on_one_line(reply));

  if (awaiting_mail_) {
    awaiting_mail_ = false;
    verdicts_.mail = reply;
    if (!reply.positive()) {
      if (reply.code == 421) return without_connection();
      if (written_ == 0) return verdicts_;
      return Read{};
    }
  } else {
    ++answered_;
    verdicts_.rcpt.push_back(reply);
    if (reply.code == 421) {
      // RFC 5321 §3.8: the host closes; nobody after this one gets another answer.
      verdicts_.rcpt.resize(envelope_.recipients.size(), reply);
      return without_connection();
    }
  }
  if (answered_ < written_) return Read{};
  return next_command();
}

Step<Verdicts> SendEnvelope::next_command() {
  if (!awaiting_mail_ && written_ == envelope_.recipients.size()) return verdicts_;
  // SMTP-45: a reply before its command would be counted as the reply to it.
  if (!input_.empty()) return early_octets(input_, stage());
  if (!awaiting_mail_) out_.clear();
  const std::size_t count = pipelining_ ? group : awaiting_mail_ ? 0 : 1;
  const std::size_t end = std::min(written_ + count, envelope_.recipients.size());
  for (; written_ < end; ++written_) out_ += rcpt_command(written_);
  doing_ = Doing::writing;
  return Write{out_};
}

Step<Verdicts> SendEnvelope::fail(Cause cause, std::string text) {
  return Failure{cause, stage(), {}, std::move(text)};
}

Step<Verdicts> SendEnvelope::without_connection() {
  verdicts_.lost = true;
  return verdicts_;
}

Stage SendEnvelope::stage() const {
  return awaiting_mail_ ? Stage::mail : Stage::rcpt;
}

bool SendEnvelope::mail_refused() const {
  return verdicts_.mail.code != 0 && !verdicts_.mail.positive();
}

std::string SendEnvelope::rcpt_command(std::size_t index) const {
  const Rcpt& rcpt = envelope_.recipients[index];
  std::string command = "RCPT TO:<" + rcpt.forward_path.address + '>';
  if (const auto notify = notify_value(rcpt.notify); dsn_ && !notify.empty()) command += " NOTIFY=" + notify;
  if (dsn_ && !rcpt.orcpt.empty()) command += orcpt_parameter(rcpt.orcpt, smtputf8_);
  return command + "\r\n";
}

}  // namespace smtp
