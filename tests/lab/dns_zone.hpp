// What the laboratory's DNS server knows: records, which of them are secure, and the answers that follow, signed for
// those who ask for signatures. The whole is one zone, "."; `insecure` names begin zones that nobody has signed. Never
// misbehaves by itself, but for signatures that it is told to spoil. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/dns_wire.hpp"
#include "tests/lab/dnssec_signer.hpp"

namespace lab {

class DnsZone {
 public:
  using Records = std::vector<std::string>;  // RDATA, octets
  enum class Way {
    straight,
    bare_alias,  ///< of an alias only the CNAME, nothing of its target
    spoilt,      ///< no signature holds
  };

  explicit DnsZone(const std::string& kept_key) : signer_(kept_key) {}

  /// The RRset of a name and type, to be changed. Names as dns_name_text makes them.
  Records& at(const std::string& name, const std::string& type) { return records_[name][type]; }
  void remove(const std::string& name) { records_.erase(name); }
  void remove(const std::string& name, const std::string& type);
  void insecure(const std::string& name, const std::string& type) { insecure_.insert({name, type}); }

  bool is_signed = false;
  std::uint32_t ttl = 0, negative_ttl = 0;
  std::string trust_anchor() const { return signer_.trust_anchor(); }

  DnsReply answer(const DnsQuestion& question, Way way);

 private:
  const Records& records(const std::string& name, const std::string& type) const;  ///< empty: none
  bool exists(const std::string& name) const;
  bool is_secure(const std::string& name, const std::string& type) const;
  bool begins_insecurity(const std::string& name) const;
  std::string unsigned_zone(std::string name) const;
  std::vector<std::string> types(const std::string& name) const;
  DnsRecord authority(const std::string& zone) const;
  void deny(DnsReply& reply, const DnsQuestion& question, const std::string& name) const;
  void sign(std::vector<DnsRecord>& section, bool spoilt);

  std::map<std::string, std::map<std::string, Records>> records_;
  std::set<std::pair<std::string, std::string>> insecure_;  // name, type or "*"
  DnssecSigner signer_;
};

}  // namespace lab
