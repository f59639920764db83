// How far opportunistic TLS got at a host, so that the next message need not fail its way down again. Read only where
// nothing at all is demanded: no memory of broken TLS may weaken a delivery that demands it (T-5).
#pragma once

#include <string>
#include <unordered_map>

#include "proxy/net/deadline.hpp"

namespace proxy {

/// The first rung that is worth trying.
enum class Rung { strong, weak, plaintext };

class TlsMemory {
 public:
  Rung recall(const std::string& host) {
    const auto found = rungs_.find(host);
    if (found == rungs_.end()) return Rung::strong;
    if (!passed(found->second.until)) return found->second.rung;
    rungs_.erase(found);
    return Rung::strong;
  }
  void remember(const std::string& host, Rung rung) {
    if (rungs_.size() >= limit) rungs_.clear();
    rungs_[host] = {rung, after(std::chrono::minutes(15))};
  }

 private:
  static constexpr std::size_t limit = 10000;
  struct Entry {
    Rung rung = Rung::strong;
    Deadline until{};
  };
  std::unordered_map<std::string, Entry> rungs_;
};

}  // namespace proxy
