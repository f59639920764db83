// The MTA-STS service: what does this domain demand? One for the process; flights live on the control thread, any
// worker may ask. A failed fetch never removes a policy; only a fetched policy moves an expiry.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "policy/facts.hpp"

namespace proxy {

class PolicyService {
 public:
  virtual ~PolicyService() = default;
  /// From the cache at once where a policy is in date (the record is then re-checked in the background, STS-59); at
  /// first contact it waits for the lookup and the fetch (STS-46). Resumes on the caller's executor.
  virtual boost::asio::awaitable<std::shared_ptr<const policy::StsFacts>> ask(std::string domain) = 0;
  /// Before a message is deferred because of a cached policy: the record is looked up past the DNS cache and the policy
  /// fetched, for another id at once, for the same id at most once per retry_after (STS-24, STS-47).
  virtual boost::asio::awaitable<std::shared_ptr<const policy::StsFacts>> ask_before_deferral(std::string domain) = 0;
};

}  // namespace proxy
