// What an administrator decides at run time: for this domain, published policies are not applied until then. A value;
// where it is kept and who may make one is not known here.
#pragma once

#include <string>

#include "policy/sts/cache_entry.hpp"

namespace proxy {

struct Exemption {
  std::string domain;  ///< canonical; those below it are not meant
  std::string reason;
  policy::sts::Time made{}, until{};
  bool operator==(const Exemption&) const = default;
};

}  // namespace proxy
