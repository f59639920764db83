// What is remembered of a domain besides its policy: failures, and what messages in hand wait under. Bounded; what was
// not looked at for the longest time is forgotten first. Control thread only.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "policy/facts.hpp"
#include "policy/sts/cache_entry.hpp"

namespace proxy {

struct DomainNotes {
  using Steady = std::chrono::steady_clock::time_point;
  std::optional<policy::sts::FetchFailure> failure;
  std::optional<Steady> lookup_failing_since, lookup_failed_last;
  std::optional<Steady> refetched;
  std::shared_ptr<const policy::StsFacts>
      spent;  ///< the last policy with max_age 0, for the messages that wait under it
  Steady spent_until{};
};

class Notebook {
 public:
  explicit Notebook(std::size_t most) : most_(most) {}

  /// Made where there are none; valid until the next call of `of` or `erase`.
  DomainNotes& of(const std::string& domain) {
    if (auto* found = find(domain)) return *found;
    while (pages_.size() >= most_) {
      pages_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(domain);
    auto& page = pages_[domain];
    page.place = order_.begin();
    return page.notes;
  }
  DomainNotes* find(const std::string& domain) {
    const auto found = pages_.find(domain);
    if (found == pages_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second.place);
    return &found->second.notes;
  }
  void erase(const std::string& domain) {
    const auto found = pages_.find(domain);
    if (found == pages_.end()) return;
    order_.erase(found->second.place);
    pages_.erase(found);
  }

 private:
  struct Page {
    DomainNotes notes;
    std::list<std::string>::iterator place;
  };
  const std::size_t most_;
  std::list<std::string> order_;  // looked at most recently in front
  std::unordered_map<std::string, Page> pages_;
};

}  // namespace proxy
