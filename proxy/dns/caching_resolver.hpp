// The resolver of one worker: cache, one question at a time for each name and type, and the configured servers.
//
//   1. An answer in the cache is given at once, unless the asker wants a fresh one.
//   2. Who asks what is being asked already waits for that answer.
//   3. The servers are asked in their order until one answers; one that did not answer lately comes last. All of it,
//   aliases
//      included, ends within `patience` (N-1).
//   4. An answer that ends in an alias without saying what is there is followed up, eight times at most (STS-69).
//   5. Answers are kept for their TTL; failures are not kept here.
//
// For the one thread that runs the executor's context; takes no locks.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/config/config.hpp"
#include "proxy/dns/resolver.hpp"

namespace proxy {

struct ResolverOptions {
  /// Whether this server's AD flag is believed now (DANE-01); else no answer of it is `authentic`. Asked when the
  /// answer is there, of the server that gave it. All servers of a resolver are believed, or none; a change empties the
  /// cache.
  std::function<bool(const HostPort& server)> trust_ad = [](const HostPort&) { return false; };
  std::size_t cache_answers = 10000;
  std::size_t cache_octets = std::size_t{16} << 20;
  Milliseconds patience{8000};  ///< for one ask, over all servers and aliases
  /// The clock of the cache, and of nothing else.
  std::function<std::chrono::steady_clock::time_point()> now = [] { return std::chrono::steady_clock::now(); };
};

class CachingResolver : public Resolver {
 public:
  /// Throws std::invalid_argument without a server, or for a server that is no address.
  CachingResolver(boost::asio::any_io_executor executor, const std::vector<HostPort>& servers,
                  ResolverOptions options = {});
  /// Asks these from now on (O-1). Questions in flight end at the old ones, and are believed as those are.
  void use(const std::vector<HostPort>& servers);
  /// Questions in flight end by themselves; who waits for one gets its answer.
  ~CachingResolver() override;

  boost::asio::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type type,
                                                                 bool fresh = false) override;

 private:
  struct Flight;
  struct State;
  std::shared_ptr<State> state_;  ///< shared with the flights
};

}  // namespace proxy
