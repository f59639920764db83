// DNS messages for the rogue DNS server: questions read, answers written (RFC 1035), with its own encoder so that the
// relay's codec is never tested against itself. Never sends anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lab {

/// A question as it came.
struct DnsQuestion {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  bool wants_authentic = false;    ///< AD or DO in the query
  bool dnssec_ok = false;          ///< DO: the asker takes signatures
  bool checking_disabled = false;  ///< CD: the asker validates for itself
  bool edns = false;
  std::size_t payload = 512;  ///< what the asker takes over UDP
  std::string name;           ///< lower case, no trailing dot, "." for the root; odd octets as \DDD
  std::string type;           ///< "MX"; "TYPE65" without a name
  std::uint16_t type_code = 0;
  std::string wire;  ///< name, type and class as they came, to be given back
};

/// nullopt: not a query with one question.
std::optional<DnsQuestion> read_question(std::string_view wire);

/// 0 for a type that the laboratory does not know.
std::uint16_t dns_type_code(std::string_view type);
/// Lower case without the trailing dot; "." stays.
std::string dns_name_text(std::string_view name);

/// The text of a name that is uncompressed on the wire, as in DnsQuestion; throws std::invalid_argument for another.
std::string dns_text(std::string_view wire);
/// A name as wire octets, uncompressed. `\DDD` and `\X` are escapes. Throws std::invalid_argument.
std::string dns_name(std::string_view text);
/// RDATA from its text: A, AAAA, MX "10 host.", CNAME and NS "host.", TXT (one record, strings of 255 octets),
/// TLSA "3 1 1 hex", SOA "mname rname serial refresh retry expire minimum". Throws std::invalid_argument.
std::string dns_rdata(std::string_view type, std::string_view text);
/// RDATA of a TXT record of several strings. Throws std::invalid_argument for one of more than 255 octets.
std::string dns_strings(const std::vector<std::string>& strings);

struct DnsRecord {
  std::string owner;
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::string data;
};

/// An answer in the making.
struct DnsReply {
  unsigned rcode = 0;
  bool authentic = false, truncated = false, edns = false, dnssec_ok = false;
  std::vector<DnsRecord> answer, authority;

  /// The whole message to this question.
  std::string wire(const DnsQuestion& question) const;
};

}  // namespace lab
