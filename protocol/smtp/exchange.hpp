// One command (or the end of a body) and its one reply: DATA, the final dot, RSET, NOOP, QUIT.
#pragma once

#include <string>

#include "protocol/smtp/client_step.hpp"

namespace smtp {

/// Writes `octets`, reads one reply. Any reply of a known class is the result; the caller judges its class. A 1xx or
/// 6xx reply, lines that are no reply, and octets already unread before the command is written are `nonsense` (SMTP-45,
/// SMTP-50).
class Exchange {
 public:
  /// `octets` may be empty: then only a reply is read (one that came early). They must outlive the machine.
  Exchange(Stage stage, std::string_view octets, InputBuffer& input, bool reply_may_be_early = false);
  Step<Reply> resume(boost::system::error_code error);

 private:
  Stage stage_;
  std::string_view octets_;
  InputBuffer& input_;
  ReplyReader reader_;
  bool early_;
  enum class Doing { start, reading, writing } doing_ = Doing::start;
};

}  // namespace smtp
