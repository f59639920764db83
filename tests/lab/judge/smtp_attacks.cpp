// What the sender does to a message on its way out, over a healthy connection. The letters are put to it as they are;
// what is wrong is read off what arrived.
#include <algorithm>

#include "protocol/base/base64.hpp"
#include "protocol/base/text.hpp"
#include "tests/lab/judge/catalogue.hpp"
#include "tests/lab/smtp_client.hpp"

namespace lab::judge {
namespace {

/// A message within a message, behind what some servers take for the end of one.
template <int kind>
std::string smuggler(const std::string& recipient) {
  constexpr const char* ends[] = {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"};
  return letter("first half" + std::string(ends[kind]) + "MAIL FROM:<admin@sender.test>\r\nRCPT TO:<" + recipient +
                ">\r\nDATA\r\nsecond message");
}

/// RFC 5321 §4.1.1.4: a bare CR or LF is never sent; a server that takes one for a line end sees a second message.
std::string came_apart(const std::vector<std::string>& bodies) {
  if (bodies.size() > 1) return "it arrived as several messages";
  const std::string& body = bodies.front();
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\n' && (i == 0 || body[i - 1] != '\r')) return "it arrived with a bare LF";
    if (body[i] == '\r' && (i + 1 == body.size() || body[i + 1] != '\n')) return "it arrived with a bare CR";
  }
  return "";
}

constexpr const char* eight_bits =
    "Gr\xc3\xbc\xc3\x9f"
    "e aus Z\xc3\xbcrich";

std::string eight_bit_letter(const std::string&) {
  return letter(eight_bits, "eight-bits",
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n");
}

std::string lost_bits(const std::vector<std::string>& bodies) {
  const std::string& body = bodies.front();
  if (body.find(eight_bits) != std::string::npos || body.find("Gr=C3=BC=C3=9Fe aus Z=C3=BCrich") != std::string::npos)
    return "";
  // Base64 of the text with its line end, whatever else stands around it.
  if (body.find(base::base64(std::string(eight_bits)).substr(0, 20)) != std::string::npos) return "";
  return "its 8-bit text is gone";
}

constexpr const char* dotted = ".\r\n..\r\n...\r\n.x\r\nlast.\r\n.";

std::string dotted_letter(const std::string&) {
  return letter(dotted, "dots");
}

std::string lost_dots(const std::vector<std::string>& bodies) {
  return bodies.front().find("\r\n\r\n" + std::string(dotted) + "\r\n") != std::string::npos ? ""
                                                                                             : "its dots have changed";
}

std::string long_letter(const std::string&) {
  return letter(std::string(998, 'x') + "\r\nend", "long-line");
}

std::string lost_line(const std::vector<std::string>& bodies) {
  return bodies.front().find("\r\n" + std::string(998, 'x') + "\r\nend\r\n") != std::string::npos
             ? ""
             : "its line of 998 octets has changed";
}

Attack smuggling(std::string name, const std::string& end, std::string (*message)(const std::string&)) {
  return {.side = Side::smtp,
          .name = std::move(name),
          .title = "smuggling with " + end,
          .deed = "The message holds another one behind " + end + ".",
          .rule = "No bare CR or LF is sent on: the message is refused, or its line ends are made CRLF.",
          .source = "RFC 5321 §2.3.8",
          .good = may_refuse,
          .domain = {},
          .message = message,
          .unstuffed = true,
          .spoilt = came_apart,
          .spoilt_is_leak = true};
}

}  // namespace

std::vector<Attack> smtp_attacks() {
  return {
      smuggling("smuggle-lf-dot-lf", "LF . LF", smuggler<0>),
      smuggling("smuggle-lf-dot-crlf", "LF . CRLF", smuggler<1>),
      smuggling("smuggle-crlf-dot-lf", "CRLF . LF", smuggler<2>),
      smuggling("smuggle-cr-dot-cr", "CR . CR", smuggler<3>),
      smuggling("smuggle-crlf-dot-cr", "CRLF . CR", smuggler<4>),
      {.side = Side::smtp,
       .name = "eight-bits",
       .title = "8-bit text to an old host",
       .deed = "The MX host does not offer 8BITMIME, the message has 8-bit text.",
       .rule = "The text is encoded, or returned; it never loses its bits.",
       .source = "RFC 6152 §3",
       .good = may_refuse,
       .domain = {},
       .attack =
           [](Field& f) {
             f.mx().offers({"PIPELINING", "SIZE 104857600"});
           },
       .message = eight_bit_letter,
       .spoilt = lost_bits},
      {.side = Side::smtp,
       .name = "lone-dots",
       .title = "lines of dots",
       .deed = "The message has lines that are or begin with dots.",
       .rule = "A dot at the start of a line is doubled on the way and no dot is lost.",
       .source = "RFC 5321 §4.5.2",
       .good = must_deliver,
       .domain = {},
       .message = dotted_letter,
       .spoilt = lost_dots},
      {.side = Side::smtp,
       .name = "long-line",
       .title = "the longest line",
       .deed = "The message has a line of 998 octets.",
       .rule = "A line of that length must pass unchanged.",
       .source = "RFC 5321 §4.5.3.1.6",
       .good = must_deliver,
       .domain = {},
       .message = long_letter,
       .spoilt = lost_line},
  };
}

}  // namespace lab::judge
