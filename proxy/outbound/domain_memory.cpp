// The list, its index, its bound.
#include "proxy/outbound/domain_memory.hpp"

namespace proxy {

DomainMemory::DomainMemory(Rows rows, Save save, std::size_t limit) : save_(std::move(save)), limit_(limit) {
  for (const auto& [domain, record] : rows) put(domain, record);
}

std::optional<DomainMemory::Record> DomainMemory::find(const std::string& domain) {
  const std::lock_guard lock(mutex_);
  const auto found = by_domain_.find(domain);
  if (found == by_domain_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->record;
}

policy::memory::Change DomainMemory::observe(const std::string& domain, policy::memory::Level seen,
                                             policy::memory::Time now, std::chrono::seconds believe_after) {
  const std::lock_guard lock(mutex_);
  const auto found = by_domain_.find(domain);
  std::optional<Record> before;
  if (found != by_domain_.end()) before = found->second->record;
  auto change = policy::memory::observe(before, seen, now, believe_after);
  if (change.record)
    put(domain, *change.record);
  else
    erase(domain);
  if (change.is_worth_storing) save_(domain, change.record);
  return change;
}

std::size_t DomainMemory::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void DomainMemory::put(const std::string& domain, const Record& record) {
  const auto found = by_domain_.find(domain);
  if (found != by_domain_.end()) {
    found->second->record = record;
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  entries_.push_front({domain, record});
  by_domain_.emplace(entries_.front().domain, entries_.begin());
  if (entries_.size() <= limit_) return;
  const auto oldest = entries_.back().domain;
  erase(oldest);
  save_(oldest, std::nullopt);
}

void DomainMemory::erase(const std::string& domain) {
  const auto found = by_domain_.find(domain);
  if (found == by_domain_.end()) return;
  const auto entry = found->second;
  by_domain_.erase(found);
  entries_.erase(entry);
}

}  // namespace proxy
