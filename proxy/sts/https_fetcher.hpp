// The Fetcher over HTTPS, with Boost.Beast. It never follows a redirect, asks no proxy, keeps no connection and no
// cache, and believes no octet of a server that has not proven itself.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proxy/sts/fetcher.hpp"

namespace proxy {

class HttpsFetcher : public Fetcher {
 public:
  struct Options {
    Milliseconds timeout{60000};  ///< for the whole fetch, lookup and all (STS-13)
    std::uint16_t port = 443;
    bool allow_loopback = false;  ///< [lab] only (STS-68)
  };
  /// The contexts in force now: asked once a fetch, so that a reload counts from the next one on.
  using Contexts = std::function<std::shared_ptr<const TlsContexts>()>;

  /// `executor` has one thread, and everybody who awaits `fetch` runs on it. `resolver` outlives the executor's work.
  HttpsFetcher(boost::asio::any_io_executor executor, Resolver& resolver, Contexts contexts, Options options);

  boost::asio::awaitable<Fetched> fetch(std::string policy_domain) override;

 private:
  boost::asio::any_io_executor executor_;
  Resolver& resolver_;
  Contexts contexts_;
  Options options_;
};

}  // namespace proxy
