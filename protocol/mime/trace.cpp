// The Received field. Never lets an octet of the client's into it that could end the field or pass for another part of
// it.
#include "protocol/mime/trace.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace mime {
namespace {

/// RFC 5321 §4.1.3: the tag before IPv6 addresses.
std::string address_literal(std::string_view address) {
  std::string literal = "[";
  if (address.find(':') != std::string_view::npos) literal += "IPv6:";
  literal += address;
  return literal += ']';
}

}  // namespace

std::string safe_hello(std::string_view hello) {
  constexpr std::string_view others = ".-_:[]";
  std::string safe(hello.substr(0, 255));
  for (char& c : safe) {
    if (!base::is_letter(c) && !base::is_digit(c) && others.find(c) == std::string_view::npos) c = '?';
  }
  return safe.empty() ? "unknown" : safe;
}

std::string received_field(const Trace& trace) {
  std::string field = "Received: from ";
  field += safe_hello(trace.hello);
  field += " (";
  field += address_literal(trace.client_address);
  field += ")\r\n\tby ";
  field += trace.hostname;
  field += " with ";
  field += trace.with;
  field += " id ";
  field += trace.id;
  // An address that is not ASCII cannot stand here (RFC 6531 §3.7.3 has another form for it).
  if (!trace.for_recipient.empty() &&
      std::all_of(trace.for_recipient.begin(), trace.for_recipient.end(), base::is_printable)) {
    field += "\r\n\tfor <";
    field += trace.for_recipient;
    field += '>';
  }
  if (!trace.tls_cipher.empty()) {
    field += "\r\n\ttls ";  // RFC 8314 §4.3
    field += trace.tls_cipher;
  }
  field += ";\r\n\t";
  field += base::rfc5322(trace.now);
  return field += "\r\n";
}

}  // namespace mime
