// The interface to DNS. Everything above sees only this: names in, answers out, each failure with its reason.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "protocol/dns/message.hpp"

namespace proxy {

class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Never throws for what the network does. `fresh`: past the cache (STS-47). Absolute names only (SMTP-55).
  /// The pointer is never null; answers are shared with the cache and immutable.
  virtual boost::asio::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type type,
                                                                         bool fresh = false) = 0;
};

}  // namespace proxy
