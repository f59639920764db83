// A hostile MX against the client machines in the order in which a delivery uses them. First octet: the kind of
// connection; then the MX's octets, cut into reads at every 0xff; a read of nothing is the end of the connection.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "protocol/smtp/exchange.hpp"
#include "protocol/smtp/greet.hpp"
#include "protocol/smtp/send_envelope.hpp"
#include "tests/fuzz/must.hpp"

namespace {

/// The MX and the network.
struct Peer {
  std::string_view octets;
  smtp::InputBuffer input;
  bool failed = false;
  bool secure = false;
  bool mail_in_plaintext = false;
  std::string written;

  /// Runs a machine to its result. False: it failed.
  template <class Machine, class T>
  bool drive(Machine& machine, T& result, smtp::Failure& failure) {
    boost::system::error_code error;
    for (std::size_t steps = 0;; ++steps) {
      MUST(steps < 2000 + octets.size());
      auto step = machine.resume(error);
      error = {};
      if (const auto* write = std::get_if<smtp::Write>(&step)) {
        MUST(!failed && !write->octets.empty() && write->octets.ends_with("\r\n"));
        // Nothing is sent on top of something unread (SMTP-45).
        MUST(input.empty());
        if (!secure && write->octets.find("MAIL") != std::string_view::npos) mail_in_plaintext = true;
        written += write->octets;
      } else if (std::holds_alternative<smtp::Read>(step)) {
        error = read();
      } else if (std::holds_alternative<smtp::Handshake>(step)) {
        MUST(!failed && !secure && input.empty());
        MUST(written.ends_with("STARTTLS\r\n"));
        secure = true;
      } else if (auto* why = std::get_if<smtp::Failure>(&step)) {
        failure = std::move(*why);
        MUST(!failure.text.empty());
        MUST((failure.cause == smtp::Cause::refused) <= (failure.reply.code >= 400));
        return false;
      } else {
        result = std::get<T>(std::move(step));
        return true;
      }
    }
  }

  boost::system::error_code read() {
    const auto end = std::min(octets.find('\xff'), octets.size());
    const auto room = input.prepare();
    const auto count = std::min(end, room.size());
    if (count == 0) {
      failed = true;
      return boost::system::errc::make_error_code(boost::system::errc::connection_reset);
    }
    std::copy_n(octets.begin(), count, room.begin());
    input.commit(count);
    octets.remove_prefix(count);
    if (octets.starts_with('\xff')) octets.remove_prefix(1);
    return {};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Peer peer;
  peer.octets = {reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto use = static_cast<smtp::TlsUse>(data[0] & 3);
  peer.secure = use == smtp::TlsUse::established;

  smtp::Failure failure;
  smtp::Ready ready;
  smtp::Greet greet("relay.example", use, peer.input);
  const bool greeted = peer.drive(greet, ready, failure);
  MUST(peer.written.starts_with("EHLO") || peer.written.empty());
  if (!greeted) return 0;
  MUST(ready.tls == peer.secure);
  MUST(use != smtp::TlsUse::required || ready.tls);

  smtp::Envelope envelope;
  envelope.mail.reverse_path.address = "a@sender.example";
  envelope.mail.size = 1000;
  envelope.recipients.resize(data[0] & 4 ? 105 : 1 + (data[0] >> 3 & 3u));
  for (auto& recipient : envelope.recipients) recipient.forward_path.address = "b@rcpt.example";
  smtp::Verdicts verdicts;
  smtp::SendEnvelope send(ready.capabilities, envelope, peer.input);
  if (!peer.drive(send, verdicts, failure)) return 0;
  MUST(use != smtp::TlsUse::required || !peer.mail_in_plaintext);
  MUST(verdicts.mail.code != 0);
  MUST(verdicts.rcpt.size() == (verdicts.mail.positive() ? envelope.recipients.size() : 0));
  for (const smtp::Reply& reply : verdicts.rcpt) MUST(reply.positive() || reply.kind() == 4 || reply.kind() == 5);
  if (verdicts.lost || !verdicts.mail.positive()) return 0;

  for (const auto& [stage, octets] :
       {std::pair(smtp::Stage::data, "DATA\r\n"), std::pair(smtp::Stage::final_dot, ".\r\n"),
        std::pair(smtp::Stage::quit, "QUIT\r\n")}) {
    smtp::Reply reply;
    smtp::Exchange exchange(stage, octets, peer.input);
    if (!peer.drive(exchange, reply, failure)) return 0;
    MUST(reply.kind() >= 2 && reply.kind() <= 5);
  }
  return 0;
}
