// The extensions that the relay knows, in one table: when a client is offered each before the host is known, and what
// happens to a message whose client used one that the host then lacks. docs/extensions.md is compared with it; what it
// says of a host is done in policy/extensions.
#pragma once

#include <array>
#include <string_view>

namespace smtp {

enum class Extension {
  pipelining,
  size,
  eight_bit_mime,
  smtputf8,
  chunking,
  enhanced_status_codes,
  dsn,
  limits,
  starttls,
  requiretls,
  auth,
};

/// When a client is offered it, after EHLO or LHLO.
enum class OfferedWhen {
  always,
  before_tls,       ///< where the listener has a certificate, and TLS has not begun
  inside_tls,       ///< only there
  where_it_counts,  ///< where the listener's settings make it mean something
};

/// What becomes of a message that uses it, at a host without it.
enum class WithoutIt {
  nothing,       ///< it concerns the client's connection alone
  not_sent,      ///< the parameter is left out; nobody loses by it
  converted,     ///< the message goes another way, every octet the same
  we_report,     ///< the relay tells the sender in the host's place
  other_host,    ///< a host that has it is sought, then the message is refused for good
  not_admitted,  ///< the host does not qualify; the decision says what follows
};

struct ExtensionRow {
  Extension extension;
  std::string_view keyword;
  OfferedWhen offered;
  WithoutIt without;
  std::string_view rule;
};

inline constexpr std::array<ExtensionRow, 11> extensions{{
    {Extension::pipelining, "PIPELINING", OfferedWhen::always, WithoutIt::nothing, "RFC 2920 §3.1"},
    {Extension::size, "SIZE", OfferedWhen::always, WithoutIt::not_sent, "RFC 1870 §6.1"},
    {Extension::eight_bit_mime, "8BITMIME", OfferedWhen::always, WithoutIt::other_host, "RFC 6152 §3"},
    {Extension::smtputf8, "SMTPUTF8", OfferedWhen::always, WithoutIt::other_host, "RFC 6531 §3.2"},
    {Extension::chunking, "CHUNKING", OfferedWhen::always, WithoutIt::converted, "RFC 3030 §2"},
    {Extension::enhanced_status_codes, "ENHANCEDSTATUSCODES", OfferedWhen::always, WithoutIt::nothing, "RFC 2034 §4"},
    {Extension::dsn, "DSN", OfferedWhen::always, WithoutIt::we_report, "RFC 3461 §5.2.2"},
    {Extension::limits, "LIMITS", OfferedWhen::where_it_counts, WithoutIt::nothing, "RFC 9422 §4"},
    {Extension::starttls, "STARTTLS", OfferedWhen::before_tls, WithoutIt::not_admitted, "RFC 3207 §4"},
    {Extension::requiretls, "REQUIRETLS", OfferedWhen::inside_tls, WithoutIt::not_admitted, "RFC 8689 §4.2.1"},
    {Extension::auth, "AUTH", OfferedWhen::where_it_counts, WithoutIt::not_sent, "RFC 4954 §5"},
}};

}  // namespace smtp
