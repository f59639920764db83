// The shards and their two LRUs.
#include "proxy/sts/policy_cache.hpp"

#include "policy/sts/refresh.hpp"

namespace proxy {

namespace {
std::size_t octets_of(const std::string& domain, const policy::StsFacts& facts) {
  std::size_t octets = sizeof(policy::StsFacts) + 200 + 2 * domain.size() + facts.id.size() + facts.error.size();
  for (const auto& pattern : facts.policy.mx) octets += sizeof(std::string) + pattern.size();
  return octets;
}
}  // namespace

std::optional<PolicyCache::Hit> PolicyCache::find(std::string_view domain, Wall wall, Steady steady) {
  auto& at = shard(domain);
  const std::lock_guard hold(at.lock);
  const auto found = at.entries.find(domain);
  if (found == at.entries.end()) return std::nullopt;
  auto& entry = found->second;
  if (entry.is_policy) {
    if (wall >= entry.facts->expires) return std::nullopt;
    at.policies.splice(at.policies.begin(), at.policies, entry.place);
  } else {
    if (steady >= entry.due && !entry.serve_stale) return std::nullopt;
    at.negatives.splice(at.negatives.begin(), at.negatives, entry.place);
  }
  Hit hit{entry.facts, steady >= entry.due};
  if (hit.recheck) entry.due = steady + recheck_claim;
  if (const auto today = policy::sts::day_of(wall); entry.is_policy && entry.used_day != today) {
    entry.used_day = today;
    hit.first_today = true;
  }
  return hit;
}

bool PolicyCache::remove(Shard& at, const std::string& domain) {
  const auto found = at.entries.find(domain);
  if (found == at.entries.end()) return false;
  auto& entry = found->second;
  if (entry.is_policy) at.octets -= entry.octets;
  (entry.is_policy ? at.policies : at.negatives).erase(entry.place);
  at.entries.erase(found);
  return true;
}

void PolicyCache::put(const std::string& domain, Entry entry) {
  auto& at = shard(domain);
  const std::lock_guard hold(at.lock);
  remove(at, domain);
  auto& order = entry.is_policy ? at.policies : at.negatives;
  order.push_front(domain);
  entry.place = order.begin();
  if (entry.is_policy) at.octets += entry.octets;
  at.entries.emplace(domain, std::move(entry));
  while (at.octets > policy_octets_ && at.policies.size() > 1) remove(at, std::string(at.policies.back()));
  while (at.negatives.size() > negatives_a_shard) remove(at, std::string(at.negatives.back()));
}

void PolicyCache::put_policy(const std::string& domain, StsFactsPtr facts, Steady recheck_at, std::int64_t used_day) {
  Entry entry;
  entry.is_policy = true;
  entry.due = recheck_at;
  entry.used_day = used_day;
  entry.octets = octets_of(domain, *facts);
  entry.facts = std::move(facts);
  put(domain, std::move(entry));
}

void PolicyCache::renew_policy(const std::string& domain, StsFactsPtr facts) {
  auto& at = shard(domain);
  const std::lock_guard hold(at.lock);
  const auto found = at.entries.find(domain);
  if (found == at.entries.end()) return;
  if (!found->second.is_policy) {
    remove(at, domain);  // what was remembered instead of a policy is wrong now
    return;
  }
  auto& entry = found->second;
  const auto octets = octets_of(domain, *facts);
  at.octets += octets - entry.octets;
  entry.octets = octets;
  entry.facts = std::move(facts);
}

void PolicyCache::put_negative(const std::string& domain, StsFactsPtr facts, Steady until, bool serve_stale) {
  Entry entry;
  entry.due = until;
  entry.serve_stale = serve_stale;
  entry.facts = std::move(facts);
  put(domain, std::move(entry));
}

void PolicyCache::checked(const std::string& domain, Steady recheck_at) {
  auto& at = shard(domain);
  const std::lock_guard hold(at.lock);
  const auto found = at.entries.find(domain);
  if (found != at.entries.end()) found->second.due = recheck_at;
}

bool PolicyCache::erase(const std::string& domain) {
  auto& at = shard(domain);
  const std::lock_guard hold(at.lock);
  return remove(at, domain);
}

PolicyCache::Size PolicyCache::size() {
  Size size;
  for (auto& at : shards_) {
    const std::lock_guard hold(at.lock);
    size.policies += at.policies.size();
    size.negatives += at.negatives.size();
    size.octets += at.octets;
  }
  return size;
}

}  // namespace proxy
