// Answers by name and type for as long as DNS says, at most an hour (STS-66). Bounded in number and in octets; the
// answer least recently used goes first. The time is an argument. Keeps no failure. For one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/dns/message.hpp"

namespace proxy {

class AnswerCache {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Pointer = std::shared_ptr<const dns::Answer>;

  AnswerCache(std::size_t max_answers, std::size_t max_octets) : max_answers_(max_answers), max_octets_(max_octets) {}

  /// nullptr: none that holds at this time. The name is canonical.
  Pointer find(std::string_view name, dns::Type type, Time now);
  /// Keeps an answer in place of an older one. One that holds for no time ends the older one, a failure changes
  /// nothing.
  void store(const std::string& name, dns::Type type, const Pointer& answer, Time now);

  void clear() {
    index_.clear();
    entries_.clear();
    octets_ = 0;
  }

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    dns::Type type;
    Pointer answer;
    Time until;
    std::size_t octets;
  };
  using Entries = std::list<Entry>;  // most recently used first
  struct Key {
    std::string_view name;  // of the entry, or of the one who looks for it
    dns::Type type;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>()(key.name) ^ static_cast<std::size_t>(key.type) * 0x9e3779b97f4a7c15u;
    }
  };

  void erase(Entries::iterator entry);

  Entries entries_;
  std::unordered_map<Key, Entries::iterator, Hash> index_;
  std::size_t max_answers_, max_octets_, octets_ = 0;
};

}  // namespace proxy
