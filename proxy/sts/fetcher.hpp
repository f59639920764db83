// Fetches a policy over HTTPS (RFC 8461 §3.3): one GET, verified certificate, no redirect, no cache, 64 KiB, one
// deadline for all.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "policy/sts/policy_file.hpp"
#include "proxy/config/config.hpp"
#include "proxy/dns/resolver.hpp"
#include "proxy/tls/contexts.hpp"

namespace proxy {

struct Fetched {
  enum class Result {
    valid,
    unreachable,
    certificate,
    status,
    media_type,
    too_large,
    cut_short,
    invalid_policy
  } result;
  policy::sts::Policy policy;  ///< when valid
  std::string body;            ///< when valid
  std::string why;             ///< otherwise: words, printable
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  virtual boost::asio::awaitable<Fetched> fetch(std::string policy_domain) = 0;
};

}  // namespace proxy
