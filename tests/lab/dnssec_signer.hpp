// The one key of the laboratory's signed zone: the whole name space is a single zone, ".", which it signs while it
// answers (ECDSA P-256, RFC 6605). Who takes `trust_anchor` validates the laboratory's answers as a resolver validates
// the Internet's. The key protects nothing, and is never a trust anchor outside the laboratory.
#pragma once

#include <openssl/evp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/dns_wire.hpp"

namespace lab {

class DnssecSigner {
 public:
  /// `kept`: PEM file of the key, read where it exists, else written; empty: a key of this run alone. Throws
  /// std::runtime_error.
  explicit DnssecSigner(const std::string& kept = {});

  /// RDATA of the zone's DNSKEY record.
  const std::string& key_data() const { return key_data_; }
  /// The same as a line of text, as unbound's trust-anchor-file takes it.
  std::string trust_anchor() const;

  /// The RRSIG record over one RRset: records of one owner, type and TTL. Signatures are kept and given again.
  DnsRecord signature(const std::vector<DnsRecord>& set);

 private:
  struct Kept {
    std::string data;
    std::uint32_t inception;
  };

  std::string sign(const std::string& octets) const;

  std::shared_ptr<EVP_PKEY> key_;
  std::string key_data_;
  std::uint16_t key_tag_ = 0;
  std::map<std::string, Kept> signatures_;  ///< by what is signed
};

}  // namespace lab
