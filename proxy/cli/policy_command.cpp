// Reads the database and prints it; writes nothing.
#include "proxy/cli/policy_command.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <optional>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"
#include "proxy/store/policy_table.hpp"
#include "proxy/store/state_directory.hpp"

namespace proxy {

namespace {

using policy::sts::CacheEntry;

std::vector<CacheEntry> stored(const Config& config) {
  const auto file = database_file(config.state_dir);
  if (!is_policy_database(file)) return {};
  return PolicyReader(file).load_all();
}

boost::json::object json_of(const CacheEntry& entry) {
  boost::json::array patterns(entry.policy.mx.begin(), entry.policy.mx.end());
  return {{"domain", entry.domain},
          {"origin", "fetched"},
          {"mode", policy::sts::words(entry.policy.mode)},
          {"id", entry.id},
          {"mx", std::move(patterns)},
          {"max_age", entry.policy.max_age},
          {"fetched", base::rfc3339(entry.fetched)},
          {"expires", base::rfc3339(policy::sts::expires(entry, std::chrono::system_clock::now()))},
          {"last_error", nullptr}};
}

std::string patterns_of(const CacheEntry& entry) {
  std::string text;
  for (const auto& pattern : entry.policy.mx) text += (text.empty() ? "" : ", ") + pattern;
  return base::printable(text, 200);
}

template <class Work>
int guarded(Work work) {
  try {
    return work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sts-relay: %s\n", base::printable(error.what(), 300).c_str());
    return 3;
  }
}

}  // namespace

int run_policy_list(const Config& config, bool json) {
  return guarded([&] {
    const auto entries = stored(config);
    if (json) {
      boost::json::array all;
      for (const auto& entry : entries) all.push_back(json_of(entry));
      std::printf("%s\n", boost::json::serialize(all).c_str());
      return 0;
    }
    const auto now = std::chrono::system_clock::now();
    for (const auto& entry : entries) {
      std::printf("%-40s %-8s %-20s expires %s%s  mx %s\n", entry.domain.c_str(),
                  std::string(words(entry.policy.mode)).c_str(), entry.id.c_str(),
                  base::rfc3339(expires(entry, now)).c_str(), in_date(entry, now) ? "" : " (past)",
                  patterns_of(entry).c_str());
    }
    return 0;
  });
}

int run_policy_show(const Config& config, const std::string& domain, bool json) {
  return guarded([&] {
    const auto name = base::canonical_domain(domain, base::Alphabet::lookup);
    for (const auto& entry : stored(config)) {
      if (!name || entry.domain != *name) continue;
      if (json) {
        std::printf("%s\n", boost::json::serialize(json_of(entry)).c_str());
        return 0;
      }
      const auto now = std::chrono::system_clock::now();
      std::printf("domain   %s\nmode     %s\nid       %s\nmx       %s\nmax_age  %u\nfetched  %s\nexpires  %s\n",
                  entry.domain.c_str(), std::string(words(entry.policy.mode)).c_str(), entry.id.c_str(),
                  patterns_of(entry).c_str(), entry.policy.max_age, base::rfc3339(entry.fetched).c_str(),
                  base::rfc3339(expires(entry, now)).c_str());
      return 0;
    }
    std::fprintf(stderr, "sts-relay: no policy is stored for %s\n", base::printable(domain, 100).c_str());
    return 1;
  });
}

}  // namespace proxy
