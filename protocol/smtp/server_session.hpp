// The server's side of SMTP and LMTP as a machine without I/O: octets in, actions out, answers in, octets out.
// It owns grammar, sequence, limits and the end of a message; it never decides where a message goes.
//
// How its owner drives it, for ever:
//   action = next();
//   Input      -> write output(), lend() a buffer if it holds none, read into input(), received(n)
//   Flush      -> write output(), or received(0)
//   MailFrom   -> answer one reply                Recipients -> answer one reply a recipient, in order
//   Body       -> answer 354 or a refusal (354 to BDAT stays unsaid)    BodyPart -> use the octets, then next()
//   StartTls   -> answer 220 or 454; after 220: write output(), do the handshake, tls_started() or tls_failed()
//   Authenticate -> check the password; answer 235, 535 or 454 (limits of its own: answer, then close_with())
//   BodyEnd    -> answer one reply, or one an accepted recipient after LHLO
//   Abandon    -> drop what was begun toward the MX; no answer          Close -> write output(), close
// A transaction ends in BodyEnd or in Abandon, also before Close. An owner that does not keep to this meets
// std::logic_error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/smtp/data_scanner.hpp"
#include "protocol/smtp/extensions.hpp"
#include "protocol/smtp/server_action.hpp"
#include "protocol/smtp/server_options.hpp"

namespace smtp {

/// Who the client says it is, for the Received line and the log.
struct ClientIdentity {
  std::string hello;                                       ///< the EHLO name as it came
  command::Hello::Verb verb = command::Hello::Verb::helo;  ///< the one in force
};

class ServerSession {
 public:
  /// The options must outlive the session.
  explicit ServerSession(const ServerOptions& options, Admission admission = Admission::served);
  /// As above, but the greeting is this refusal (a limit, 421 or 4xx) and the session closes behind it.
  ServerSession(const ServerOptions& options, const Reply& greeting);

  // ---- input. The buffer is the owner's; the session keeps it only while octets are in it, so that an idle session
  // holds none.
  bool holds_buffer() const { return !buffer_.empty(); }
  /// When !holds_buffer(); 64 KiB, not less than 4 KiB, and 16 where the listener has AUTH.
  void lend(std::span<char> buffer);
  std::span<char> reclaim();  ///< gives the buffer back when no octet is in it; otherwise an empty span
  /// Nothing that came can be done for a client who sends no more: all is dealt with, but for a DATA without a message.
  bool waits_for_more() const;
  std::span<char> input();            ///< the free part; never empty after next() returned Input
  void received(std::size_t octets);  ///< 0: the client is gone

  ServerAction next();

  // ---- answers to the action that next() returned last
  void answer(const Reply& reply) { answer(std::span(&reply, 1)); }
  void answer(std::span<const Reply> replies);

  /// Ends the session at the next point where no reply is owed: 421 4.3.2, Close (SMTP-49). Also wakes one that is in
  /// Input.
  void shut_down(std::string_view words);
  /// Ends it now, because of a timeout or abuse: this reply, Close. Whatever answer was owed is owed no more.
  void close_with(const Reply& reply);

  // ---- STARTTLS, after the answer 220 to StartTls is written
  /// The handshake is done: EHLO and all that was said before it are forgotten (RFC 3207 §4.2).
  void tls_started();
  /// It failed: nothing more can be said, Close follows.
  void tls_failed();

  /// The client has shown who it is in another way, with a certificate: it is served as if it had authenticated.
  void admit() { admission_ = Admission::served; }

  // ---- output
  std::string_view output() const { return std::string_view(output_).substr(written_); }
  void written(std::size_t octets);

  // ---- facts
  const ClientIdentity& client() const { return client_; }
  bool lmtp() const { return client_.verb == command::Hello::Verb::lhlo; }
  const BodyFacts& body() const;  ///< of the message being received or just ended
  bool in_transaction() const { return mail_given_; }
  bool in_body() const { return state_ == State::body || state_ == State::chunk || state_ == State::discard; }
  /// A message has begun to come in chunks and is not whole: the next chunk is to come.
  bool between_chunks() const { return chunking_ && state_ == State::command; }
  bool tls() const { return tls_; }
  /// Who the client has shown to be; empty: nobody.
  const std::string& authenticated_user() const { return user_; }
  /// What the client did that only ServerOptions::leniency let it do (bare newlines: or BareNewline::normalize).
  Leniency leniencies_used() const;
  std::size_t accepted_recipients() const { return accepted_; }

 private:
  enum class State {
    command,
    starttls,
    handshake,
    auth,          // a line of the exchange is to come
    authenticate,  // the owner has the credentials
    mail,
    recipients,
    data,
    body,
    chunk,
    discard,
    body_end,
    closing,
    closed
  };

  // next(), in parts. Nothing returned: the state changed or a line was dealt with, so look again.
  std::optional<ServerAction> next_command();
  std::optional<ServerAction> next_auth();
  std::optional<ServerAction> next_body();
  std::optional<ServerAction> next_chunk();
  std::optional<ServerAction> next_discard();
  std::optional<ServerAction> need_input();
  std::optional<ServerAction> close_session(ask::Close::Why why);
  std::optional<ServerAction> close_for_shutdown();
  ServerAction abandon(ask::Abandon::Why why);

  // lines
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }
  std::string_view complete_line() const;
  std::size_t limit_of(std::string_view line) const;
  Offer offer() const;
  bool starttls_offered() const;
  bool auth_offered() const;
  std::string limits_offered() const;
  std::string parameters_of(Extension extension) const;
  bool is_offered(const ExtensionRow& row) const;
  std::string_view too_long() const;
  bool next_line(std::string_view& line);
  bool skip_line();
  void forget_line(std::string_view line);

  // commands
  std::optional<ServerAction> run(Command command);
  std::optional<ServerAction> run_hello(command::Hello hello);
  std::optional<ServerAction> run_starttls();
  std::optional<ServerAction> run_auth(command::Auth auth);
  std::optional<ServerAction> take_auth(AuthExchange::Step step);
  void verdict_on_client(const Reply& reply);
  std::optional<ServerAction> run_mail(Mail mail);
  std::optional<ServerAction> run_data();
  std::optional<ServerAction> run_bdat(const command::Bdat& bdat);
  std::optional<ServerAction> drop_transaction();
  std::optional<ServerAction> collect_recipients(Rcpt first);
  void say(std::string_view line);
  void refuse(std::string_view line);
  void refuse(const Reply& reply);
  void clear_transaction();

  // the body
  void hold(const DataScanner::Piece& piece);
  bool hold_is_full();
  void drop_held();
  void refuse_content();
  std::string_view refusal_of_content() const;
  bool normalizes() const;
  void stuff_chunk(std::string_view octets, std::string& wire);
  ServerAction body_part(bool last);

  const ServerOptions& options_;
  Admission admission_ = Admission::served;
  Leniency leniencies_used_;
  bool tls_ = false;  // the octets come and go through TLS
  State state_ = State::command;
  bool answer_owed_ = false;  // the action just returned waits for answer()

  std::span<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // octets in the buffer that are not consumed
  bool skipping_line_ = false;       // the rest of an overlong line
  std::string_view skipped_reply_;   // to that line
  bool client_gone_ = false;
  unsigned errors_ = 0;
  std::optional<std::string> shutdown_words_;

  ClientIdentity client_;
  bool greeted_ = false;
  std::optional<AuthExchange> exchange_;  // while one runs
  std::string claimed_user_;              // whose password the owner checks
  std::string user_;
  bool mail_given_ = false;
  bool mail_refused_ = false;                  // what was pipelined behind a refused MAIL is no fault of its own
  std::size_t asked_ = 0;                      // recipients that the owner has to answer for
  std::size_t recipients_ = 0, accepted_ = 0;  // of the transaction

  std::optional<DataScanner> scanner_;
  BodyFacts facts_;            // when there is no scanner
  std::size_t scanned_ = 0;    // octets behind begin_ that the scanner has dealt with and the owner has not had
  std::size_t canonical_ = 0;  // of these, what is the message's: all but the end marker
  std::string held_;           // instead of these, the canonical form where it differs from what came
  bool message_ended_ = false;
  bool streaming_ = false;  // a BodyPart of this message went out: the hold is over
  bool part_out_ = false;   // the owner looks at a BodyPart
  std::string_view content_refusal_;

  bool utf8_ = false;  // the transaction was begun with SMTPUTF8
  // BDAT
  bool chunking_ = false;           // the message comes in chunks
  std::uint64_t octets_left_ = 0;   // of the chunk, or of what is dropped
  bool last_chunk_ = false;         // this is the one with LAST
  bool chunk_line_start_ = true;    // the next octet begins a line
  bool chunk_return_ = false;       // the octet before it is a CR
  std::string chunk_carry_;         // wire form that waits for the octet behind it
  std::string_view discard_reply_;  // to a BDAT whose chunk is dropped

  ask::Close::Why why_closed_ = ask::Close::Why::quit;
  std::string output_;
  std::size_t written_ = 0;
};

}  // namespace smtp
