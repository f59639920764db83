// What domains have proven before, for all workers: every record in memory, bounded, the least recently used one goes
// first. Reading and observing never wait for the disk; what is worth storing is handed on. The rules: policy/memory.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/memory.hpp"

namespace proxy {

class DomainMemory {
 public:
  using Record = policy::memory::Record;
  using Rows = std::vector<std::pair<std::string, Record>>;
  /// Called below the lock, from any thread: it hands the write on and returns. No record: the row goes.
  using Save = std::function<void(const std::string& domain, const std::optional<Record>& record)>;

  static constexpr std::size_t usual_limit = 100'000;

  /// `rows`: what was stored, the least recently seen first.
  DomainMemory(Rows rows, Save save, std::size_t limit = usual_limit);

  std::optional<Record> find(const std::string& domain);
  /// What became of the record.
  policy::memory::Change observe(const std::string& domain, policy::memory::Level seen, policy::memory::Time now,
                                 std::chrono::seconds believe_after);
  std::size_t size() const;

 private:
  struct Entry {
    std::string domain;
    Record record;
  };
  using Entries = std::list<Entry>;
  void put(const std::string& domain, const Record& record);
  void erase(const std::string& domain);

  const Save save_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  Entries entries_;                                                    // the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_domain_;  // views of entries_
};

}  // namespace proxy
