// Through libidn2.
#include "proxy/net/idn.hpp"

#include <idn2.h>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"

namespace proxy {

std::optional<std::string> to_ascii(const std::string& domain) {
  if (!base::has_eight_bit(domain)) return base::canonical_domain(domain, base::Alphabet::lookup);
  char* ascii = nullptr;
  if (idn2_to_ascii_8z(domain.c_str(), &ascii, IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES) != IDN2_OK)
    return std::nullopt;
  auto name = base::canonical_domain(ascii, base::Alphabet::lookup);
  idn2_free(ascii);
  return name;
}

}  // namespace proxy
