// Pins and preloads from their files. Faults name FILE:LINE of the file that is wrong, not of the one that names it.
#include "proxy/config/overrides.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "policy/sts/preload_list.hpp"
#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy {
namespace {

namespace files = std::filesystem;

constexpr std::size_t greatest_policy = 64u << 10;  // as for those that are fetched (RFC 8461 §3.3)
constexpr std::size_t greatest_list = 64u << 20;

/// The text, or nothing where it cannot be read or is too long.
std::optional<std::string> contents(const std::string& file, std::size_t greatest) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text;
  for (char part[4096]; stream.read(part, sizeof part) || stream.gcount() > 0;) {
    text.append(part, static_cast<std::size_t>(stream.gcount()));
    if (text.size() > greatest) return std::nullopt;  // the rest may have no end
  }
  if (stream.bad()) return std::nullopt;
  return text;
}

void take_list(Draft& draft, const std::string& file, PreloadedPolicies& into) {
  const auto text = contents(file, greatest_list);
  if (!text) return draft.preload_fault(file, 0, "cannot be read, or is larger than 64 MiB");
  auto list = policy::sts::parse_preload_list(*text);
  for (auto& fault : list.faults) draft.preload_fault(file, fault.line, std::move(fault.what));
  for (auto& entry : list.entries) into.insert_or_assign(entry.domain, std::move(entry.policy));
}

void take_policy_file(Draft& draft, const files::path& path, PreloadedPolicies& into) {
  auto name = path.filename().string();
  if (name.ends_with(".txt")) name.resize(name.size() - 4);
  const auto domain = base::canonical_domain(name, base::Alphabet::lookup);
  if (!domain || base::looks_like_address(*domain)) {
    return draft.preload_fault(path.string(), 0, "its name is no domain, expected DOMAIN or DOMAIN.txt");
  }
  const auto text = contents(path.string(), greatest_policy);
  if (!text) return draft.preload_fault(path.string(), 0, "cannot be read, or is larger than 64 KiB");
  auto policy = policy::sts::parse_policy(*text);
  if (!policy) {
    return draft.preload_fault(path.string(), policy::sts::line_of(*text, policy.error().offset), policy.error().what);
  }
  if (!into.emplace(*domain, std::move(*policy)).second)
    draft.preload_fault(path.string(), 0, "there is another file for " + *domain);
}

}  // namespace

void take_pin(Draft& draft, const DocumentValue& value) {
  draft.destination_given().pin = value.line;
  std::string file;
  draft.readable_file(value, file);
  if (file.empty() || !draft.checks_files()) return;
  const auto text = contents(file, greatest_policy);
  if (!text) return draft.refuse(value, "cannot be read, or is larger than 64 KiB", "expected a policy file");
  auto policy = policy::sts::parse_policy(*text);
  if (!policy) {
    draft.errors.push_back({file, policy::sts::line_of(*text, policy.error().offset),
                            policy.error().what + ", expected a policy as RFC 8461 §3.2 has it"});
    return;
  }
  draft.destination().pin = std::move(*policy);
}

void take_until(Draft& draft, const DocumentValue& value) {
  draft.destination_given().until = value.line;
  constexpr auto expected =
      "expected a day such as \"2026-12-31\", whose end is meant, or a time such as "
      "\"2026-12-31T18:00:00Z\"";
  if (value.kind != DocumentValue::Kind::text) return draft.wrong_type(value, std::string(expected).substr(9));
  auto time = base::from_rfc3339(value.text);
  if (!time) {
    time = base::from_rfc3339(value.text + "T00:00:00Z");
    if (time) *time += std::chrono::hours(24);
  }
  if (!time) return draft.refuse(value, "is no time", expected);
  draft.destination().exempt_until = *time;
}

void take_preload(Draft& draft, const DocumentValue& value) {
  if (draft.text(value) == nullptr) return;
  auto& options = draft.config.mta_sts;
  options.preload = draft.absolute(value.text);
  if (!draft.checks_files()) return;
  auto policies = std::make_shared<PreloadedPolicies>();
  std::error_code error;
  if (files::is_directory(options.preload, error)) {
    std::vector<files::path> found;
    for (files::directory_iterator entry(options.preload, error), end; !error && entry != end; entry.increment(error)) {
      std::error_code ignored;
      const bool hidden = entry->path().filename().string().starts_with('.');
      if (!hidden && entry->is_regular_file(ignored)) found.push_back(entry->path());
    }
    std::sort(found.begin(), found.end());
    for (const auto& path : found) take_policy_file(draft, path, *policies);
    if (error) draft.refuse(value, "cannot be read: " + error.message(), "expected a folder of policy files");
  } else {
    std::string file;
    draft.readable_file(value, file);
    if (!file.empty()) take_list(draft, file, *policies);
  }
  options.preloaded = std::move(policies);
}

}  // namespace proxy
