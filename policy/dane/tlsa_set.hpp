// TLSA records: which of them count (RFC 7672 §3.1, RFC 7671 §9), and what a host has to match. Octets in, values out;
// nothing here asks DNS or looks at a certificate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace policy::dane {

/// DANE-TA(2), DANE-EE(3); the others are PKIX-TA(0) and PKIX-EE(1), which SMTP does not use.
constexpr std::uint8_t trust_anchor = 2, end_entity = 3;

struct Record {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;  ///< a certificate or key in DER with matching type 0, else its digest; octets
  bool operator==(const Record&) const = default;
};

/// A TLSA set as it came, sorted out.
struct Sorted {
  std::vector<Record> usable;  ///< without duplicates; of digests only the strongest a usage and selector (DANE-12)
  std::size_t unusable = 0;    ///< DANE-05: other usages, unknown numbers, malformed data
};
/// `rdata`: the octets of each record. Whether full data (matching type 0) is a certificate or key at all is for the
/// TLS library to say.
Sorted sort_out(std::span<const std::string> rdata);
/// Digest agility (RFC 7671 §9): of usable records, per usage and selector, those with the strongest digest, and full
/// data. Only after the last unusable one was dropped.
std::vector<Record> with_strongest_digests(std::vector<Record> usable);

/// What a host has to match: the usable records, and by which names.
struct Association {
  std::string base_domain;         ///< where the records are: SNI, and the first reference name (DANE-11)
  std::vector<std::string> names;  ///< reference names of usage 2 (DANE-08); empty where no record has it
  std::vector<Record> records;     ///< usable, at least one
  bool pinned = false;             ///< no records of DNS: public keys that the configuration names for the host
  bool operator==(const Association&) const = default;
};

/// Puts together what counts; `further_names`: of the next-hop domain, where its records vouch for the host.
Association association(std::string base_domain, std::span<const std::string> further_names,
                        std::vector<Record> records);

/// A host whose leaf must have one of these public keys; `key_digests`: SHA-256 of the key in DER, 32 octets each. What
/// else the certificate says counts for nothing, as with usage 3 (RFC 7672 §3.1.1).
Association pinned(std::string host, std::span<const std::string> key_digests);

/// "3 1 1 5a0b3c4d..." for people; the data shortened.
std::string words(const Record& record);

}  // namespace policy::dane
