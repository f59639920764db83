// What the process remembers of domains and their policies, shared by all threads under shard locks. Policies and
// negatives live in separate LRUs, so that a flood of unknown domains evicts no policy. It asks nobody: the service
// fills it.
#pragma once

#include <array>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/facts.hpp"

namespace proxy {

using StsFactsPtr = std::shared_ptr<const policy::StsFacts>;

class PolicyCache {
 public:
  using Wall = std::chrono::system_clock::time_point;
  using Steady = std::chrono::steady_clock::time_point;

  /// `memory`: octets for policies, about.
  explicit PolicyCache(std::uint64_t memory) : policy_octets_(memory / shard_count) {}

  struct Hit {
    StsFactsPtr facts;
    bool recheck = false;      ///< the record should be looked at again in the background; said to one caller only
    bool first_today = false;  ///< the policy's first use on this day (UTC); said to one caller only
  };
  /// Nothing when nothing is known, a policy is past its expiry, or a negative past its time.
  std::optional<Hit> find(std::string_view domain, Wall wall, Steady steady);

  /// `used_day`: the day of the last use that the store knows of.
  void put_policy(const std::string& domain, StsFactsPtr facts, Steady recheck_at, std::int64_t used_day = 0);
  /// A refreshed policy where it is in memory already; a refresh is no use, and makes no room for itself.
  void renew_policy(const std::string& domain, StsFactsPtr facts);
  /// `serve_stale`: past `until` it is still given out, with `recheck` (STS-07: nobody waits once the grace is over).
  void put_negative(const std::string& domain, StsFactsPtr facts, Steady until, bool serve_stale);
  /// The record was looked at: the next time is then.
  void checked(const std::string& domain, Steady recheck_at);
  /// Whether there was something.
  bool erase(const std::string& domain);
  /// How much is in memory; `octets` is of the policies, about.
  struct Size {
    std::size_t policies = 0, negatives = 0, octets = 0;
  };
  Size size();

 private:
  static constexpr std::size_t shard_count = 16;
  static constexpr std::size_t negatives_a_shard = 100000 / shard_count;
  // How long a caller that was told to recheck has for it before another one is told.
  static constexpr std::chrono::seconds recheck_claim{60};

  struct Entry {
    StsFactsPtr facts;
    bool is_policy = false, serve_stale = false;
    Steady due{};  // policies: recheck; negatives: the end
    std::int64_t used_day = 0;
    std::size_t octets = 0;
    std::list<std::string>::iterator place;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::mutex lock;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;
    std::list<std::string> policies, negatives;  // most recently used in front
    std::size_t octets = 0;                      // of policies
  };

  void put(const std::string& domain, Entry entry);
  static bool remove(Shard& shard, const std::string& domain);
  Shard& shard(std::string_view domain) { return shards_[std::hash<std::string_view>{}(domain) % shard_count]; }

  const std::uint64_t policy_octets_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace proxy
