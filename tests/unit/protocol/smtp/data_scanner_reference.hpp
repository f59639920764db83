// The end and the content of a message by the plainest means: octet by octet over the whole, in one piece, copying
// everything. What DataScanner is measured against, in its tests and by fuzzing. Never fast, never clever.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/smtp/data_scanner.hpp"

namespace reference {

struct Message {
  std::size_t consumed = 0;  ///< with the end marker
  std::string content;       ///< unstuffed; bare newlines are CRLF in normalize mode
  bool bare_newline = false;
};

/// Nothing when the message does not end in `wire`.
inline std::optional<Message> decode(std::string_view wire, smtp::BareNewline mode) {
  Message message;
  bool line_start = true;
  for (std::size_t at = 0; at < wire.size();) {
    if (line_start && wire.substr(at, 3) == ".\r\n") {
      message.consumed = at + 3;
      return message;
    }
    if (line_start && wire[at] == '.') ++at;
    line_start = false;
    if (at == wire.size()) break;
    if (wire.substr(at, 2) == "\r\n") {
      message.content += "\r\n";
      line_start = true;
      at += 2;
    } else if (wire[at] == '\r' || wire[at] == '\n') {
      message.bare_newline = true;
      if (mode == smtp::BareNewline::normalize) {
        message.content += "\r\n";
      } else {
        message.content += wire[at];
      }
      ++at;
    } else {
      message.content += wire[at++];
    }
  }
  return std::nullopt;
}

/// RFC 5321 §4.5.2, the sending side.
inline std::string stuffed(std::string_view content) {
  std::string wire;
  for (std::size_t at = 0; at < content.size(); ++at) {
    const bool line_start = at == 0 || (at >= 2 && content.substr(at - 2, 2) == "\r\n");
    if (line_start && content[at] == '.') wire += '.';
    wire += content[at];
  }
  return wire;
}

}  // namespace reference
