// Domain names: what is canonical stays so, and both alphabets agree where they must.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "tests/fuzz/must.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto host = base::canonical_domain(text, base::Alphabet::host);
  const auto lookup = base::canonical_domain(text, base::Alphabet::lookup);
  if (host) MUST(host == lookup);
  if (lookup) {
    MUST(!lookup->empty() && lookup->size() <= 253 && lookup->back() != '.' && lookup->front() != '.');
    MUST(std::all_of(lookup->begin(), lookup->end(), base::is_printable));
    MUST(base::canonical_domain(*lookup, base::Alphabet::lookup) == lookup);
    MUST(base::equals_ignoring_case(*lookup, text.substr(0, lookup->size())));
    const auto parent = base::parent_domain(*lookup);
    MUST(parent.empty() || base::is_subdomain(*lookup, parent));
    MUST(!base::is_subdomain(*lookup, *lookup));
    MUST(host || lookup->find('_') != std::string_view::npos);
  }
  base::looks_like_address(text);
  const auto shown = base::printable(text, size % 64);
  MUST(shown.size() <= size % 64 && std::all_of(shown.begin(), shown.end(), base::is_printable));
  return 0;
}
