// A delivery report as its parts, put together and taken apart again: the frame of RFC 6522 and, for SMTPUTF8 messages,
// its international form (RFC 6533 §4 to §6). Takes apart only what it has put together itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/mime/returned_content.hpp"

namespace mime {

struct ReportParts {
  std::string header;  ///< up to MIME-Version, each field with its CRLF
  std::string mark;    ///< the boundary
  std::string words;   ///< for people
  std::string status;  ///< for programs
  ReturnedContent returned{};
  bool international = false;  ///< words and status may be UTF-8, and the way back must offer SMTPUTF8
};

std::string put_together(const ReportParts& parts);

/// A report that delivery_report() wrote, in a form for a way back without SMTPUTF8: what is returned of the message is
/// its header only where a header in it is not ASCII, for no message/rfc822 may hold that. Without `eight_bit_mime`:
/// for a way back that takes no 8-bit content either; all of it is ASCII then. nullopt: it is no such report, there is
/// nothing to change in it, or it goes to an address that has no ASCII form.
std::optional<std::string> in_ascii(std::string_view report, bool eight_bit_mime = true);

}  // namespace mime
