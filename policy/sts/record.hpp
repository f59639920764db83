// The MTA-STS TXT record (RFC 8461 §3.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/base/parsed.hpp"

namespace policy::sts {

struct Record {
  std::string id;  ///< 1 to 32 letters and digits; compared for equality only
};

/// Whether a TXT record counts as an MTA-STS record at all (STS-03); such a record may still be malformed.
bool counts(std::string_view txt);
/// One record that counts; a ParseError when it is malformed.
base::Parsed<Record> parse_record(std::string_view txt);

struct Published {
  std::optional<Record> record;  ///< exactly one counts and is well-formed; none otherwise
  std::string why_not;           ///< "2 records begin with v=STSv1"; empty where simply none is there
};
/// What a whole TXT set means.
Published published(std::span<const std::string> txt_set);

}  // namespace policy::sts
