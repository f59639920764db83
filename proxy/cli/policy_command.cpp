// Reads database and configuration, and prints; writes nothing. What counts for a domain, in the order in which it
// does: exemption, pin, what was fetched, preload.
#include "proxy/cli/policy_command.hpp"

#include <algorithm>
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
using policy::sts::Policy;
namespace json = boost::json;

/// One line of the list. Times and error are of what was fetched; `until` of an exemption.
struct Listed {
  std::string domain{}, origin{}, id{};
  std::optional<Policy> policy{};
  std::optional<policy::sts::Time> fetched{}, expires{};
  bool in_date = true;
  std::string last_error{};
  std::optional<policy::sts::Time> last_error_at{}, until{};
  std::string reason{}, by{};
};

Listed listed(const CacheEntry& entry, policy::sts::Time now) {
  Listed one{.domain = entry.domain, .origin = "fetched", .id = entry.id, .policy = entry.policy};
  one.fetched = entry.fetched;
  one.expires = policy::sts::expires(entry, now);
  one.in_date = policy::sts::in_date(entry, now);
  one.last_error = entry.upkeep.last_error;
  if (!one.last_error.empty()) one.last_error_at = entry.upkeep.last_error_at;
  return one;
}

Listed listed(const Exemption& exemption, policy::sts::Time now) {
  Listed one{.domain = exemption.domain, .origin = "exempt"};
  one.until = exemption.until;
  one.in_date = now < exemption.until;
  one.reason = exemption.reason;
  one.by = "exempt command";
  return one;
}

std::optional<Listed> listed(const DestinationConfig& destination, policy::sts::Time now) {
  Listed one{.domain = destination.domain, .by = destination.route.configured_at};
  if (destination.pin) {
    one.origin = "pin";
    one.id = "pin";
    one.policy = destination.pin;
  } else if (destination.route.exempt) {
    one.origin = "exempt";
    one.until = destination.exempt_until;
    one.in_date = !one.until || now < *one.until;
    one.reason = destination.route.reason;
  } else if (destination.route.security != policy::Security::published) {
    one.origin = "floor";
    one.reason = words(policy::requirement_of(destination.route.security));
  } else {
    return std::nullopt;
  }
  return one;
}

/// Of one domain, or of all.
std::vector<Listed> everything(const Config& config, const std::optional<std::string>& domain) {
  const auto now = std::chrono::system_clock::now();
  std::vector<Listed> all;
  std::vector<CacheEntry> rows;
  const auto file = database_file(config.state_dir);
  const auto wanted = [&](const std::string& name) { return !domain || name == *domain; };
  if (is_policy_database(file)) {
    PolicyReader reader(file);
    for (const auto& exemption : reader.exemptions()) {
      if (wanted(exemption.domain)) all.push_back(listed(exemption, now));
    }
    if (!domain) {
      rows = reader.load_all();
    } else if (auto row = reader.load(*domain)) {
      rows.push_back(std::move(*row));
    }
  }
  for (const auto& destination : config.destinations) {
    if (domain && destination_for(config, *domain) != &destination) continue;
    if (auto one = listed(destination, now)) all.push_back(std::move(*one));
  }
  for (const auto& row : rows) all.push_back(listed(row, now));
  if (config.mta_sts.preloaded) {
    for (const auto& [name, policy] : *config.mta_sts.preloaded) {
      if (!wanted(name)) continue;
      const bool fetched = std::any_of(rows.begin(), rows.end(), [&, of = &name](const auto& row) {
        return row.domain == *of && in_date(row, now);
      });
      if (!fetched) all.push_back({.domain = name, .origin = "preload", .id = "preload", .policy = policy});
    }
  }
  return all;
}

json::value time_or_null(const std::optional<policy::sts::Time>& time) {
  return time ? json::value(base::rfc3339(*time)) : json::value(nullptr);
}

json::object json_of(const Listed& one) {
  json::array patterns;
  if (one.policy) patterns = json::array(one.policy->mx.begin(), one.policy->mx.end());
  json::object object{{"domain", one.domain},
                      {"origin", one.origin},
                      {"mode", one.policy ? json::value(policy::sts::words(one.policy->mode)) : json::value(nullptr)},
                      {"id", one.policy ? json::value(one.id) : json::value(nullptr)},
                      {"mx", std::move(patterns)},
                      {"max_age", one.policy ? json::value(one.policy->max_age) : json::value(nullptr)},
                      {"fetched", time_or_null(one.fetched)},
                      {"expires", time_or_null(one.expires)},
                      {"last_error", one.last_error.empty() ? json::value(nullptr)
                                                            : json::value(base::printable(one.last_error, 1000))}};
  if (one.origin == "exempt" || one.origin == "floor") {
    object["until"] = time_or_null(one.until);
    object["reason"] = base::printable(one.reason, 500);
  }
  if (!one.by.empty()) object["by"] = base::printable(one.by, 500);
  return object;
}

std::string patterns_of(const Policy& policy) {
  std::string text;
  for (const auto& pattern : policy.mx) text += (text.empty() ? "" : ", ") + pattern;
  return base::printable(text, 200);
}

void print_line(const Listed& one) {
  if (!one.policy) {
    std::printf("%-40s %-8s %s%s%s  %s\n", one.domain.c_str(), one.origin.c_str(),
                one.until ? ("until " + base::rfc3339(*one.until)).c_str() : "", one.in_date ? "" : " (past)",
                (" " + base::printable(one.by, 100)).c_str(), base::printable(one.reason, 200).c_str());
    return;
  }
  std::printf("%-40s %-8s %-8s %-20s %s%s  mx %s%s\n", one.domain.c_str(), one.origin.c_str(),
              std::string(words(one.policy->mode)).c_str(), one.id.c_str(),
              one.expires ? ("expires " + base::rfc3339(*one.expires)).c_str() : base::printable(one.by, 100).c_str(),
              one.in_date ? "" : " (past)", patterns_of(*one.policy).c_str(),
              one.last_error.empty() ? "" : ("  failing: " + base::printable(one.last_error, 200)).c_str());
}

void print_whole(const Listed& one) {
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) std::printf("%-10s %s\n", name, value.c_str());
  };
  const auto time = [](const std::optional<policy::sts::Time>& at) { return at ? base::rfc3339(*at) : std::string(); };
  line("domain", one.domain);
  line("origin", one.origin);
  if (one.policy) {
    line("mode", std::string(words(one.policy->mode)));
    line("id", one.id);
    line("mx", patterns_of(*one.policy));
    line("max_age", std::to_string(one.policy->max_age));
  }
  line("fetched", time(one.fetched));
  line("expires", time(one.expires));
  line("until", time(one.until));
  line("reason", base::printable(one.reason, 500));
  line("by", base::printable(one.by, 500));
  if (!one.last_error.empty())
    line("last_error", time(one.last_error_at) + ' ' + base::printable(one.last_error, 1000));
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
    const auto all = everything(config, std::nullopt);
    if (json) {
      boost::json::array array;
      for (const auto& one : all) array.push_back(json_of(one));
      std::printf("%s\n", boost::json::serialize(array).c_str());
      return 0;
    }
    for (const auto& one : all) print_line(one);
    return 0;
  });
}

int run_policy_show(const Config& config, const std::string& domain, bool json) {
  return guarded([&] {
    const auto name = base::canonical_domain(domain, base::Alphabet::lookup);
    const auto all = name ? everything(config, name) : std::vector<Listed>();
    // An exemption that is over, or a floor, is no policy: what follows says more.
    auto shown = std::find_if(all.begin(), all.end(),
                              [](const auto& one) { return one.policy || (one.origin == "exempt" && one.in_date); });
    if (shown == all.end() && !all.empty()) shown = all.begin();
    if (shown == all.end()) {
      std::fprintf(stderr, "sts-relay: no policy is stored for %s\n", base::printable(domain, 100).c_str());
      return 1;
    }
    if (json) {
      std::printf("%s\n", boost::json::serialize(json_of(*shown)).c_str());
      return 0;
    }
    for (const auto& one : all) {
      if (&one != &all.front()) std::printf("\n");
      print_whole(one);
    }
    return 0;
  });
}

}  // namespace proxy
