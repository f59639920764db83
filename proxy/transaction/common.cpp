// What both kinds of transaction need.
#include <chrono>

#include "protocol/mime/trace.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

std::string received(const Environment& environment, const Origin& origin, const std::string& id,
                     std::string_view recipient) {
  const auto config = environment.config();
  return mime::received_field({.hello = origin.hello,
                               .client_address = origin.client_address,
                               .hostname = config->hostname,
                               .with = origin.with,
                               .id = id,
                               .for_recipient = recipient,
                               .tls_cipher = {},
                               .now = std::chrono::system_clock::now()});
}

std::optional<Target> target_of(const Config& config, smtp::Rcpt& recipient) {
  if (recipient.forward_path.postmaster) {
    if (!config.postmaster) return std::nullopt;
    std::string_view rest;
    const std::string bracketed = '<' + *config.postmaster + '>';
    auto path = smtp::parse_path(bracketed, false, rest);
    if (!path) return std::nullopt;
    recipient.forward_path = std::move(*path);
  }
  return Target{recipient.forward_path.domain, recipient.forward_path.is_literal};
}

}  // namespace proxy
