// What a report returns of the message that it is about (RFC 6522 §3): all of it as message/rfc822, or its header as
// text/rfc822-headers, or in the international forms of both (RFC 6533 §5, §6). Takes any octets and gives canonical
// wire form: nothing in a message can end the report early. It never decides how much may be returned.
#pragma once

#include <string>
#include <string_view>

namespace mime {

/// The last part of a multipart/report.
struct ReturnedContent {
  enum class What { nothing, header, message } what = What::nothing;
  bool eight_bit = false;    ///< it holds octets above 127, and its fields say so
  std::string fields;        ///< its Content- fields, each with its CRLF
  std::string text;          ///< the content, when `what` is `header`
  std::string_view message;  ///< the content, when `what` is `message`: a view of the original
  std::string_view content() const { return what == What::message ? message : std::string_view(text); }
};

/// `original` in canonical wire form, all of it or a first part. `whole`: all of it is wanted. A message that no
/// message/rfc822 can hold (RFC 2045 §2.8: a line above 998 octets, a NUL; or a form that is not canonical) is returned
/// as its header. A header has at most 64 KiB, and ends with the last line that is complete. `international`: as
/// message/global or message/global-headers; as its header in ASCII where the header is not UTF-8.
ReturnedContent returned_content(std::string_view original, bool whole, bool international = false);

}  // namespace mime
