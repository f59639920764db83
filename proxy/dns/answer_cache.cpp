// A list in order of use, and an index into it.
#include "proxy/dns/answer_cache.hpp"

#include <algorithm>
#include <iterator>

namespace proxy {
namespace {

constexpr std::chrono::seconds longest{3600};

/// About what an answer takes of the memory.
std::size_t octets_of(const dns::Answer& answer) {
  std::size_t octets = 400 + answer.canonical.size() + answer.text.size();  // the entry, its index, the Answer itself
  for (const auto* list : {&answer.txt, &answer.addresses, &answer.tlsa})
    for (const auto& text : *list) octets += sizeof text + text.size();
  for (const auto& mx : answer.mx) octets += sizeof mx + mx.host.size();
  return octets;
}

}  // namespace

AnswerCache::Pointer AnswerCache::find(std::string_view name, dns::Type type, Time now) {
  const auto found = index_.find({name, type});
  if (found == index_.end()) return nullptr;
  const auto entry = found->second;
  if (entry->until <= now) {
    erase(entry);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->answer;
}

void AnswerCache::store(const std::string& name, dns::Type type, const Pointer& answer, Time now) {
  if (dns::failed(answer->status)) return;
  if (const auto older = index_.find({name, type}); older != index_.end()) erase(older->second);
  const auto lifetime = std::min(std::chrono::seconds(answer->ttl), longest);
  const std::size_t octets = octets_of(*answer) + name.size();
  if (lifetime <= std::chrono::seconds::zero() || octets > max_octets_ || max_answers_ == 0) return;
  while (entries_.size() >= max_answers_ || octets_ + octets > max_octets_) erase(std::prev(entries_.end()));
  entries_.push_front({name, type, answer, now + lifetime, octets});
  octets_ += octets;
  index_.emplace(Key{entries_.front().name, type}, entries_.begin());
}

void AnswerCache::erase(Entries::iterator entry) {
  octets_ -= entry->octets;
  index_.erase({entry->name, entry->type});
  entries_.erase(entry);
}

}  // namespace proxy
