// Cuts the list into its policies; the parser of policies judges each.
#include "policy/sts/preload_list.hpp"

#include <algorithm>
#include <set>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"

namespace policy::sts {

namespace {

constexpr std::string_view header = "domain:";

/// One policy's part of the text.
struct Part {
  int line = 0;  // of the header
  std::string name;
  std::string body;
};

void take_part(const Part& part, std::set<std::string>& seen, PreloadList& list) {
  const auto fail = [&](int line, std::string what) { list.faults.push_back({line, std::move(what)}); };
  const auto domain = base::canonical_domain(part.name, base::Alphabet::lookup);
  if (!domain || base::looks_like_address(*domain)) {
    return fail(part.line, '`' + base::printable(part.name, 100) + "` is no domain name, expected one after `domain:`");
  }
  auto policy = parse_policy(part.body);
  if (!policy) return fail(part.line + line_of(part.body, policy.error().offset), policy.error().what);
  if (!seen.insert(*domain).second) return fail(part.line, '`' + *domain + "` stands in the list already");
  list.entries.push_back({part.line, *domain, std::move(*policy)});
}

}  // namespace

int line_of(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size())), '\n'));
}

PreloadList parse_preload_list(std::string_view text) {
  PreloadList list;
  std::set<std::string> seen;
  Part part;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto whole = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const auto line = base::trim(whole.ends_with('\r') ? whole.substr(0, whole.size() - 1) : whole);
    if (base::starts_with_ignoring_case(line, header)) {
      if (part.line != 0) take_part(part, seen, list);
      part = {number, std::string(base::trim(line.substr(header.size()))), {}};
    } else if (line.empty() || line.starts_with('#')) {
      part.body += '\n';  // lines keep their numbers
    } else if (part.line == 0) {
      list.faults.push_back({number, "expected `domain: NAME` before the first policy"});
      return list;
    } else {
      part.body.append(whole).push_back('\n');
    }
  }
  if (part.line != 0) take_part(part, seen, list);
  return list;
}

}  // namespace policy::sts
