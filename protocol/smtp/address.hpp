// Forward and reverse paths (RFC 5321 §4.1.2). Parses and keeps; never changes case, never completes a domain.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/parsed.hpp"

namespace smtp {

/// A mailbox of MAIL or RCPT, the source route stripped (RFC 5321 §3.3).
struct Path {
  std::string address;  ///< as it came, without brackets; empty for the null reverse-path
  std::string local;    ///< as it came, quotes included
  /// Canonical (lower case, no trailing dot), or the literal with its brackets. As it came where it is no ASCII:
  /// whoever looks it up makes A-labels of it (SMTP-25).
  std::string domain;
  bool is_literal = false;     ///< domain is an address literal: [192.0.2.1] (STS-56)
  bool international = false;  ///< an octet above 127 is in it: only with SMTPUTF8 (RFC 6531)
  bool postmaster = false;     ///< <postmaster> without a domain (RFC 5321 §4.5.1)

  bool null() const { return address.empty(); }
  bool operator==(const Path&) const = default;
};

/// Parses `<...>`. `null_allowed`: `<>` is a reverse-path. Limits: path 256, local part 64, domain 255 octets
/// (SMTP-54). `rest` receives what follows the closing bracket.
base::Parsed<Path> parse_path(std::string_view text, bool null_allowed, std::string_view& rest);

}  // namespace smtp
