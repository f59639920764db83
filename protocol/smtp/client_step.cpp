// The buffer and the failures that the client machines share.
#include "protocol/smtp/client_step.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::size_t least_room = 2 * 1024;

}  // namespace

std::span<char> InputBuffer::prepare() {
  if (begin_ > 0) {
    std::copy(data_.begin() + static_cast<std::ptrdiff_t>(begin_), data_.begin() + static_cast<std::ptrdiff_t>(end_),
              data_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (data_.size() - end_ < least_room) data_.resize(end_ + least_room);
  return std::span(data_).subspan(end_);
}

void InputBuffer::commit(std::size_t octets) {
  end_ = std::min(end_ + octets, data_.size());
}

void InputBuffer::consume(std::size_t octets) {
  begin_ = std::min(begin_ + octets, end_);
  if (begin_ == end_) begin_ = end_ = 0;
}

std::string_view words(Stage stage) {
  switch (stage) {
    case Stage::connect: return "connect";
    case Stage::greeting: return "greeting";
    case Stage::ehlo: return "EHLO";
    case Stage::starttls: return "STARTTLS";
    case Stage::handshake: return "TLS handshake";
    case Stage::ehlo_tls: return "EHLO after TLS";
    case Stage::auth: return "AUTH";
    case Stage::mail: return "MAIL";
    case Stage::rcpt: return "RCPT";
    case Stage::data: return "DATA";
    case Stage::body: return "message body";
    case Stage::final_dot: return "end of message";
    case Stage::rset: return "RSET";
    case Stage::quit: return "QUIT";
  }
  return "unknown stage";
}

ReplyReader::State take_reply(ReplyReader& reader, InputBuffer& input) {
  std::size_t consumed = 0;
  const auto state = reader.feed(input.unread(), consumed);
  input.consume(consumed);
  return state;
}

Failure failure_of(boost::system::error_code error, Stage stage) {
  Failure failure;
  failure.stage = stage;
  if (error == boost::system::errc::timed_out)
    failure.cause = Cause::timed_out;
  else
    failure.cause = stage == Stage::handshake ? Cause::handshake : Cause::lost;
  failure.text = base::printable(error.message());
  return failure;
}

Failure early_octets(const InputBuffer& input, Stage stage) {
  Failure failure;
  failure.cause = Cause::nonsense;
  failure.stage = stage;
  failure.text = "before its command: " + base::printable(input.unread(), 200);
  return failure;
}

}  // namespace smtp
