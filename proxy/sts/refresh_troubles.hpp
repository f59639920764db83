// Which stored policies cannot be refreshed now, since when, and of which it is time to speak (STS-55). Bounded. It
// decides nothing: a policy counts until it expires, whatever stands here. Control thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "policy/sts/cache_entry.hpp"

namespace proxy {

class RefreshTroubles {
 public:
  using Time = policy::sts::Time;

  explicit RefreshTroubles(std::size_t most = 100'000) : most_(most) {}

  /// A refresh has failed; `before`: the last time that it failed, as the store has it. Whether it is to be told now:
  /// at once, and then daily.
  bool failed(const std::string& domain, Time now, Time before, Time expires) {
    auto* page = note(domain, before, expires);
    if (page == nullptr) return true;
    // A clock set back must not keep it quiet for longer.
    const bool told = page->told != Time{} && now >= page->told && now - page->told < again;
    if (!told) page->told = now;
    return !told;
  }
  /// One that failed before the process began: it is told when it fails again.
  void known(const std::string& domain, Time since, Time expires) { note(domain, since, expires); }
  void healed(const std::string& domain) { pages_.erase(domain); }
  /// What has expired is no policy any more.
  void forget_expired(Time now) {
    std::erase_if(pages_, [now](const auto& page) { return page.second.expires <= now; });
  }

  std::size_t count() const { return pages_.size(); }
  /// How long the oldest trouble has lasted; 0 without any.
  std::chrono::seconds longest(Time now) const {
    auto oldest = now;
    for (const auto& [domain, page] : pages_) oldest = std::min(oldest, page.since);
    return std::chrono::duration_cast<std::chrono::seconds>(now - oldest);
  }

 private:
  static constexpr std::chrono::hours again{24};
  struct Page {
    Time since, expires;
    Time told{};
  };
  Page* note(const std::string& domain, Time since, Time expires) {
    const auto found = pages_.find(domain);
    if (found == pages_.end() && pages_.size() >= most_) return nullptr;
    auto& page = pages_.try_emplace(domain, Page{since, expires, {}}).first->second;
    page.expires = expires;
    return &page;
  }

  const std::size_t most_;
  std::unordered_map<std::string, Page> pages_;
};

}  // namespace proxy
