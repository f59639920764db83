// Policy bodies: what is accepted is sound in every field and is read again as the same policy from its canonical form;
// what is refused is refused with words and an offset inside the body. Nothing added to a good body by way of an
// unknown key changes what it means. covers: STS-15 STS-18 STS-19 STS-20 STS-21
#include <algorithm>
#include <cstdint>
#include <string>

#include "policy/sts/policy_file.hpp"
#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "tests/fuzz/must.hpp"

namespace sts = policy::sts;

namespace {

std::string canonical(const sts::Policy& policy, const char* end) {
  std::string body = std::string("version: STSv1") + end + "mode: " + std::string(words(policy.mode)) + end;
  for (const auto& mx : policy.mx) body += "mx: " + mx + end;
  return body + "max_age: " + std::to_string(policy.max_age) + end;
}

void check_pattern(const std::string& pattern) {
  const bool wildcard = pattern.starts_with("*.");
  const auto name = wildcard ? pattern.substr(2) : pattern;
  MUST(base::canonical_domain(name, base::Alphabet::host) == name);
  if (base::looks_like_address(name)) {
    MUST(!sts::matches(pattern, name));
    return;
  }
  MUST(sts::matches(pattern, name) == !wildcard);
  MUST(sts::matches(pattern, "one." + name) == wildcard);
  MUST(!sts::matches(pattern, "two.one." + name));
  MUST(!sts::matches(pattern, ""));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto parsed = sts::parse_policy(body);
  if (parsed.has_error()) {
    const auto& [offset, what] = parsed.error();
    MUST(offset <= body.size());
    MUST(!what.empty() && what.size() < 300 && std::all_of(what.begin(), what.end(), base::is_printable));
    return 0;
  }
  MUST(parsed->max_age <= sts::max_max_age);
  MUST(parsed->mode == sts::Mode::none || !parsed->mx.empty());
  for (const auto& pattern : parsed->mx) check_pattern(pattern);
  for (const char c : body) MUST(static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\r' || c == '\n');

  for (const char* end : {"\n", "\r\n"}) {
    const auto again = sts::parse_policy(canonical(*parsed, end));
    MUST(again.has_value() && *again == *parsed);
  }
  const auto with_more = sts::parse_policy("x-note: caf\xc3\xa9\r\n" + body);
  MUST(with_more.has_value() && *with_more == *parsed);
  return 0;
}
