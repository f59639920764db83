// Where a policy host can be dialled: both address families, asked at once, forbidden addresses left out.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "proxy/dns/resolver.hpp"

namespace proxy {

struct PolicyHostAddresses {
  std::vector<boost::asio::ip::address> all;  ///< in the order to try: families alternate, IPv4 first
  std::string why;                            ///< with none: words, printable
};

/// Returns at the deadline at the latest, whatever the resolver does; a family that is late does not hold up the other
/// one for more than a quarter of the time. Runs on `executor`, which has one thread.
boost::asio::awaitable<PolicyHostAddresses> policy_host_addresses(boost::asio::any_io_executor executor,
                                                                  Resolver& resolver, std::string host,
                                                                  bool allow_loopback,
                                                                  std::chrono::steady_clock::time_point deadline);

}  // namespace proxy
