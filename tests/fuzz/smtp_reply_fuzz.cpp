// Replies of an MX: however the octets are cut, the same reply comes out; what is passed on is printable, short and
// well-formed, and reads back as what it was.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "protocol/base/text.hpp"
#include "protocol/smtp/capabilities.hpp"
#include "protocol/smtp/reply.hpp"
#include "tests/fuzz/must.hpp"

namespace {

struct Outcome {
  smtp::ReplyReader::State state = smtp::ReplyReader::State::more;
  std::size_t consumed = 0;
  smtp::Reply reply;
};

Outcome read(std::string_view octets, std::size_t piece) {
  smtp::ReplyReader reader;
  Outcome outcome;
  while (outcome.state == smtp::ReplyReader::State::more && outcome.consumed < octets.size()) {
    std::size_t consumed = 0;
    const auto part = octets.substr(outcome.consumed, piece);
    outcome.state = reader.feed(part, consumed);
    MUST(consumed <= part.size());
    MUST(outcome.state != smtp::ReplyReader::State::more || consumed == part.size());
    outcome.consumed += consumed;
  }
  if (outcome.state == smtp::ReplyReader::State::complete) outcome.reply = reader.reply();
  if (outcome.state == smtp::ReplyReader::State::malformed)
    MUST(std::all_of(reader.fault().begin(), reader.fault().end(), base::is_printable));
  return outcome;
}

void check_wire(const smtp::Reply& reply) {
  std::string wire;
  smtp::append(wire, reply);
  std::size_t begin = 0;
  while (begin < wire.size()) {
    const auto end = wire.find("\r\n", begin);
    MUST(end != std::string::npos && end + 2 - begin <= 512);
    MUST(std::all_of(wire.begin() + static_cast<std::ptrdiff_t>(begin), wire.begin() + static_cast<std::ptrdiff_t>(end),
                     base::is_printable));
    begin = end + 2;
  }
  const Outcome again = read(wire, wire.size());
  if (wire.size() <= 64 * 1024) {
    MUST(again.state == smtp::ReplyReader::State::complete && again.consumed == wire.size());
    MUST(again.reply.code == reply.code);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(octets, octets.size() + 1);
  const Outcome parts = read(octets, data[0] % 32u + 1);
  MUST(whole.state == parts.state);
  if (whole.state != smtp::ReplyReader::State::complete) return 0;
  MUST(whole.consumed == parts.consumed && whole.reply == parts.reply);
  MUST(whole.reply.kind() >= 2 && whole.reply.kind() <= 5);

  check_wire(whole.reply);
  const smtp::Reply clean = smtp::cleaned(whole.reply);
  check_wire(clean);
  MUST(clean.code == whole.reply.code);
  MUST(clean.text.size() <= 2048 && std::count(clean.text.begin(), clean.text.end(), '\n') < 8);
  if (clean.kind() == 3)
    MUST(clean.enhanced.empty());
  else
    MUST(clean.enhanced.size() >= 5 && clean.enhanced[0] - '0' == clean.kind());
  MUST(smtp::on_one_line(whole.reply, 100).size() <= 100);
  MUST(smtp::parse_capabilities(whole.reply).esmtp);
  return 0;
}
