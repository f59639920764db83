// The forms of an address of type utf-8 in ORCPT and in reports (RFC 6533 §3). ASCII in, UTF-8 out and back; never an
// octet in a result that could end a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

/// utf-8-addr-xtext or utf-8-addr-unitext, whichever it is, with its `\x{E9}` undone; nullopt where it is malformed or
/// holds what no address may.
std::optional<std::string> decoded_utf8_address(std::string_view text);

/// The address as utf-8-addr-xtext: ASCII, fit for ORCPT and for a field. An octet that is no UTF-8 stands for itself.
std::string utf8_address_xtext(std::string_view address);

/// Each character above 127 as `\x{E9}`, all others as they are: for people.
std::string with_ascii_escapes(std::string_view text);

}  // namespace base
