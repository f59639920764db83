// The opening of a connection. Writes nothing before the greeting is complete (SMTP-48), and nothing that was learnt in
// plaintext is used after the handshake (SMTP-19).
#include "protocol/smtp/greet.hpp"

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

/// The replies to EHLO that mean "I do not know it" (SMTP-18, RFC 5321 §3.2).
bool asks_for_helo(int code) {
  return code == 500 || code == 501 || code == 502 || code == 504;
}

}  // namespace

Greet::Greet(std::string ehlo_name, TlsUse use, InputBuffer& input)
    : ehlo_name_(std::move(ehlo_name)), use_(use), input_(input) {
  ready_.tls = use == TlsUse::established;
}

Step<Ready> Greet::resume(boost::system::error_code error) {
  if (error) return failure_of(error, stage_);
  if (doing_ == Doing::handshaking) {
    ready_ = {};
    ready_.tls = true;
    return write("EHLO " + ehlo_name_ + "\r\n", Stage::ehlo_tls);
  }
  doing_ = Doing::reading;
  switch (take_reply(reader_, input_)) {
    case ReplyReader::State::more: return Read{};
    case ReplyReader::State::complete: return reply_arrived();
    case ReplyReader::State::malformed: break;
  }
  return fail(Cause::nonsense, reader_.fault());
}

Step<Ready> Greet::reply_arrived() {
  const Reply reply = reader_.reply();
  reader_.reset();
  const bool negative = reply.kind() == 4 || reply.kind() == 5;
  if (!negative && !reply.positive()) return fail(Cause::nonsense, on_one_line(reply));

  if (stage_ == Stage::greeting) {
    if (negative) return Failure{Cause::refused, stage_, reply, on_one_line(reply)};
    return write("EHLO " + ehlo_name_ + "\r\n", ready_.tls ? Stage::ehlo_tls : Stage::ehlo);
  }
  if (stage_ == Stage::starttls) {
    if (negative) {
      // Never the host's 5xx as the answer to a message: an attacker could turn a missing STARTTLS into a bounce (T-1).
      if (use_ == TlsUse::required) return Failure{Cause::no_starttls, stage_, reply, on_one_line(reply)};
      ready_.starttls_refusal = reply;
      return ready_;
    }
    // RFC 3207 §6: what stands behind the 220 in plaintext, a line or not, would be read as if it had come through TLS
    // (T-3).
    if (!input_.empty()) return fail(Cause::injected, base::printable(input_.unread(), 200));
    doing_ = Doing::handshaking;
    stage_ = Stage::handshake;
    return Handshake{};
  }
  if (negative) {
    if (helo_ || !asks_for_helo(reply.code)) return Failure{Cause::refused, stage_, reply, on_one_line(reply)};
    // SMTP-18, T-4: without EHLO there is no STARTTLS, so there is nothing to ask of HELO.
    if (use_ == TlsUse::required && !ready_.tls) return fail(Cause::no_starttls, "EHLO: " + on_one_line(reply));
    helo_ = true;
    return write("HELO " + ehlo_name_ + "\r\n", stage_);
  }
  ready_.capabilities = helo_ ? Capabilities{} : parse_capabilities(reply);
  if (!ready_.tls) ready_.capabilities.requiretls = false;  // RFC 8689 §2: in plaintext it is nobody's promise
  return after_hello();
}

Step<Ready> Greet::after_hello() {
  if (ready_.tls || use_ == TlsUse::none) return ready_;
  if (ready_.capabilities.starttls) return write("STARTTLS\r\n", Stage::starttls);
  if (use_ == TlsUse::required) return fail(Cause::no_starttls, "the EHLO reply does not list STARTTLS");
  return ready_;
}

Step<Ready> Greet::write(std::string command, Stage stage) {
  stage_ = stage;
  if (!input_.empty()) return early_octets(input_, stage_);
  // The HELO fallback before TLS says nothing about the host inside TLS.
  if (command.starts_with("EHLO")) helo_ = false;
  out_ = std::move(command);
  doing_ = Doing::writing;
  return Write{out_};
}

Step<Ready> Greet::fail(Cause cause, std::string text) {
  return Failure{cause, stage_, {}, std::move(text)};
}

}  // namespace smtp
