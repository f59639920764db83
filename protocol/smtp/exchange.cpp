// One command and its reply.
#include "protocol/smtp/exchange.hpp"

namespace smtp {

Exchange::Exchange(Stage stage, std::string_view octets, InputBuffer& input, bool reply_may_be_early)
    : stage_(stage), octets_(octets), input_(input), early_(reply_may_be_early) {}

Step<Reply> Exchange::resume(boost::system::error_code error) {
  if (error) return failure_of(error, stage_);
  if (doing_ == Doing::start && !octets_.empty()) {
    // SMTP-50: what is unread here is no reply to a command that was not sent.
    if (!early_ && !input_.empty()) return early_octets(input_, stage_);
    doing_ = Doing::writing;
    return Write{octets_};
  }
  doing_ = Doing::reading;
  switch (take_reply(reader_, input_)) {
    case ReplyReader::State::more: return Read{};
    case ReplyReader::State::complete: return reader_.reply();
    case ReplyReader::State::malformed: break;
  }
  return Failure{Cause::nonsense, stage_, {}, reader_.fault()};
}

}  // namespace smtp
