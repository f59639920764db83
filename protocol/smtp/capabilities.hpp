// What a host's EHLO reply offers (RFC 5321 §4.1.1.1). Keywords in any case; unknown ones are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/smtp/reply.hpp"

namespace smtp {

/// LIMITS (RFC 9422 §4), each at least 1; nothing: the host names none.
struct HostLimits {
  std::optional<std::uint32_t> mails{};              ///< MAILMAX, transactions a connection
  std::optional<std::uint32_t> recipients{};         ///< RCPTMAX, a transaction
  std::optional<std::uint32_t> recipient_domains{};  ///< RCPTDOMAINMAX, a transaction

  bool operator==(const HostLimits&) const = default;
};

struct Capabilities {
  bool esmtp = false;  ///< false after HELO: nothing is offered
  bool starttls = false;
  bool pipelining = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool chunking = false;
  bool dsn = false;
  bool requiretls = false;
  bool size = false;
  std::uint64_t size_limit = 0;  ///< 0: no limit (RFC 1870 §4)
  HostLimits limits{};
  std::vector<std::string> auth{};  ///< names of SASL mechanisms, upper case, each once; empty: no AUTH

  bool operator==(const Capabilities&) const = default;
};

Capabilities parse_capabilities(const Reply& ehlo_reply);

}  // namespace smtp
