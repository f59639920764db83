// A list of policies in one text: each begins with a line `domain: NAME`, then the policy as RFC 8461 §3.2 writes it.
// Empty lines and, between policies, lines that begin with # count for nothing. One bad entry spoils no other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/sts/policy_file.hpp"

namespace policy::sts {

struct PreloadList {
  struct Entry {
    int line = 0;  ///< of its `domain:`
    std::string domain;
    Policy policy;
  };
  struct Fault {
    int line = 0;
    std::string what;  ///< printable
  };
  std::vector<Entry> entries;
  std::vector<Fault> faults;
};

PreloadList parse_preload_list(std::string_view text);

/// The line, from 1, that an octet of the text is in.
int line_of(std::string_view text, std::size_t offset);

}  // namespace policy::sts
