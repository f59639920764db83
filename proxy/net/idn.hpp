// Internationalised domain names: U-labels to A-labels (UTS 46, non-transitional, STD 3 rules; SMTP-25).
#pragma once

#include <optional>
#include <string>

namespace proxy {

/// The name in its A-label form, canonical; nullopt where it has none. ASCII names come back as they are, canonical.
std::optional<std::string> to_ascii(const std::string& domain);

}  // namespace proxy
