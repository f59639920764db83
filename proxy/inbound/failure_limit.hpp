// How often a client may name a wrong password. Pure but for its own memory: the time is an argument. Never says
// whether a user exists; all users of a client count together.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

namespace proxy {

class FailureLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr unsigned failures_at_most = 10;  ///< in a window; then nothing is checked until it is over
  static constexpr std::chrono::minutes window{10};
  static constexpr std::size_t clients_at_most = 10'000;

  /// `client` as an address; of IPv6 its first 64 bits count, for one host has all of them.
  bool is_blocked(const std::string& client, Time now) const;
  /// Counts a failure; how long its answer is to wait.
  std::chrono::milliseconds failed(const std::string& client, Time now);
  /// The right password: what came before was a slip.
  void succeeded(const std::string& client);
  std::size_t clients() const { return clients_.size(); }

 private:
  struct Failures {
    unsigned count = 0;
    Time since;
  };
  void sweep(Time now);
  std::unordered_map<std::string, Failures> clients_;
};

}  // namespace proxy
