// What every client machine shares: the steps it asks of its driver, the buffer it reads from, and how it fails. A
// machine does no I/O: `resume(error)` is called first with success, then after each step with that step's error; it
// returns the next step, or the result. After a result it must not be resumed. After an error nothing more is written.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/smtp/reply.hpp"

namespace smtp {

/// Octets that came from the peer and are not consumed. Owned by the connection and lent to one machine at a time, so
/// that what is left over after an exchange is seen: a connection with unread octets is never used again (SMTP-50).
class InputBuffer {
 public:
  std::span<char> prepare();        ///< where the next read goes; at least 2 KiB
  void commit(std::size_t octets);  ///< that many were read into it
  std::string_view unread() const { return {data_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t octets);
  bool empty() const { return begin_ == end_; }

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0, end_ = 0;
};

/// The point of the dialogue, for reasons and timeouts.
enum class Stage {
  connect,
  greeting,
  ehlo,
  starttls,
  handshake,
  ehlo_tls,
  auth,  ///< before `mail`: what a host says here is its own word, never the domain's
  mail,
  rcpt,
  data,
  body,
  final_dot,
  rset,
  quit
};
std::string_view words(Stage stage);

/// Why an exchange has no result.
enum class Cause {
  lost,         ///< the connection ended or failed: temporary
  timed_out,    ///< temporary
  nonsense,     ///< what came is no reply, or of a class that fits nothing here: temporary (SMTP-45)
  injected,     ///< octets behind the 220 to STARTTLS: temporary, an attack or a broken host (SMTP-19)
  refused,      ///< the host's reply says no; `reply` holds it
  no_starttls,  ///< TLS was demanded and the EHLO in force does not list STARTTLS
  handshake,    ///< the TLS handshake failed
  no_auth,      ///< no mechanism in common, or the host did not prove that it knows the password: temporary
};

struct Failure {
  Cause cause = Cause::lost;
  Stage stage = Stage::greeting;
  Reply reply;       ///< with `refused`, and with `no_starttls` where STARTTLS itself was refused
  std::string text;  ///< what came, with `nonsense` and `injected`; the error's words otherwise; printable
};

struct Write {
  std::string_view octets;  ///< valid until the next resume
  bool secret = false;      ///< credentials are in it: it never goes into a log or a transcript
};
struct Read {};       ///< read at least one octet into the InputBuffer; end of stream is an error
struct Handshake {};  ///< the TLS handshake, before any other octet

template <class T>
using Step = std::variant<Write, Read, Handshake, T, Failure>;

// ---- shared by the machines

/// Gives the reader what is unread and takes away what it consumed.
ReplyReader::State take_reply(ReplyReader& reader, InputBuffer& input);

/// What an I/O error means: `timed_out` where it compares equal to errc::timed_out, otherwise `handshake` at that
/// stage, else `lost`.
Failure failure_of(boost::system::error_code error, Stage stage);

/// `nonsense`: octets came before the command that they would answer was written.
Failure early_octets(const InputBuffer& input, Stage stage);

}  // namespace smtp
