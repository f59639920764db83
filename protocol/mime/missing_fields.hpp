// Date and Message-ID for a message of a device that writes none (RFC 6409 §8.2, §8.3): only where a listener's profile
// says so, since a relay adds nothing else (SMTP-52). Never replaces a field, never adds to a header that it cannot
// read.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/time_format.hpp"
#include "protocol/mime/header_scanner.hpp"

namespace mime {

/// The lines to put in front of the header, each with its CRLF; empty when nothing is missing, or when the header did
/// not end well: a field may stand where it was not looked for. `id` and `hostname` make the Message-ID.
std::string missing_fields(const HeaderScanner& header, base::Time now, std::string_view id, std::string_view hostname);

}  // namespace mime
