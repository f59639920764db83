// DNS messages: queries to the wire, answers to values (RFC 1035). Every answer is decoded here; never trusts a length,
// follows at most 32 compression pointers and eight aliases, and never asks anything itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/parsed.hpp"

namespace dns {

enum class Type : std::uint16_t { a = 1, ns = 2, cname = 5, soa = 6, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };
std::string_view name_of(Type type);

struct Mx {
  std::uint16_t preference = 0;
  std::string host;  ///< lower case, no trailing dot; "." is kept as "." (null MX)
  bool operator==(const Mx&) const = default;
};

/// What a lookup ended in. The caller's duty: `ok` use; `no_data` and `nxdomain` are definite: treat as absent; all
/// others are failures of the lookup: temporary, never "absent" (SMTP-14, STS-07).
enum class Status { ok, no_data, nxdomain, servfail, refused, timeout, unreachable, garbage, alias_loop };
std::string_view words(Status status);
constexpr bool failed(Status status) {
  return status > Status::nxdomain;
}

/// An answer to (name, type), aliases followed.
struct Answer {
  Status status = Status::garbage;
  bool authentic = false;  ///< the AD flag as it came; whether to believe it is the resolver's to say
  bool alias = false;      ///< at least one CNAME was followed
  std::string canonical;   ///< the name at the end of the aliases
  std::uint32_t ttl =
      0;  ///< seconds: the least of the records used; of the SOA for no_data and nxdomain (RFC 2308), 0 without
  std::vector<Mx> mx;                  ///< in the answer's order
  std::vector<std::string> txt;        ///< strings of one record joined without separators (STS-02)
  std::vector<std::string> addresses;  ///< A and AAAA, textual
  std::vector<std::string> tlsa;       ///< RDATA as it came, octets
  std::string text;                    ///< with a failure: words for people
};

/// The question as wire octets: RD and AD set, one EDNS OPT record of 1232 octets at the very end (11 octets). Empty
/// where there can be no such name (a label of more than 63 octets, a name of more than 255): nothing may be asked
/// then.
std::string encode_query(std::uint16_t id, std::string_view name, Type type);

struct Decoded {
  std::uint16_t id = 0;
  bool truncated = false;  ///< TC: ask again over TCP (STS-69)
  Answer answer;
};
/// Decodes an answer to this question. A message whose question is another one, or that is no response, is a
/// ParseError.
base::Parsed<Decoded> decode_answer(std::string_view wire, std::string_view name, Type type);

}  // namespace dns
