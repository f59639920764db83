// Answers, from records to signatures.
#include "tests/lab/dns_zone.hpp"

#include <algorithm>

#include "tests/lab/dns_denial.hpp"

namespace lab {
namespace {

constexpr unsigned nxdomain = 3;
constexpr std::size_t max_aliases = 12;

/// The name without its first label; "." of the root too.
std::string above(const std::string& name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\')
      ++i;
    else if (name[i] == '.' && i + 1 < name.size())
      return name.substr(i + 1);
  }
  return ".";
}

}  // namespace

void DnsZone::remove(const std::string& name, const std::string& type) {
  if (const auto here = records_.find(name); here != records_.end()) here->second.erase(type);
}

DnsReply DnsZone::answer(const DnsQuestion& question, Way way) {
  DnsReply reply;
  reply.edns = question.edns;
  reply.dnssec_ok = question.dnssec_ok;
  const bool signing = is_signed && question.dnssec_ok;
  bool secure = is_signed;
  std::string name = question.name;
  std::set<std::string> passed;
  while (passed.size() < max_aliases && passed.insert(name).second) {
    secure = secure && is_secure(name, question.type);
    const auto put = [&](const std::string& type, const Records& records) {
      for (const auto& data : records) reply.answer.push_back({name, dns_type_code(type), ttl, data});
    };
    const Records& aliases = records(name, "CNAME");
    if (!aliases.empty() && question.type != "CNAME") {
      put("CNAME", aliases);
      if (way == Way::bare_alias) break;
      name = dns_text(aliases.front());
      continue;
    }
    const Records& wanted = records(name, question.type);
    put(question.type, wanted);
    if (!wanted.empty()) break;
    if (name == "." && question.type == "DNSKEY")
      // Of all answers this one may be kept: a validator would ask for the key again with each name.
      reply.answer.push_back({name, dns_type_code("DNSKEY"), 3600, signer_.key_data()});
    else if (name == "." && question.type == "SOA")
      reply.answer.push_back(authority(name));
    else
      deny(reply, question, name);
    break;
  }
  reply.authentic = secure && question.wants_authentic;
  if (signing) {
    sign(reply.answer, way == Way::spoilt);
    sign(reply.authority, way == Way::spoilt);
  }
  return reply;
}

DnsRecord DnsZone::authority(const std::string& zone) const {
  const std::string soa = "ns.test. root.test. 1 3600 600 86400 " + std::to_string(negative_ttl);
  return {zone, dns_type_code("SOA"), negative_ttl, dns_rdata("SOA", soa)};
}

void DnsZone::deny(DnsReply& reply, const DnsQuestion& question, const std::string& name) const {
  // RFC 4035 §3.1.4.1: whether a zone is signed, its parent says.
  const bool asks_parent = question.type == "DS" && begins_insecurity(name);
  const std::string zone = unsigned_zone(asks_parent ? above(name) : name);
  const bool there = asks_parent || exists(name);
  if (!there) reply.rcode = nxdomain;
  reply.authority.push_back(authority(zone.empty() ? "." : zone));
  if (!is_signed || !question.dnssec_ok || !zone.empty()) return;
  std::vector<DnsRecord> proof;
  if (asks_parent)
    proof = {no_other_type(name, {"NS"}, negative_ttl)};  // RFC 4035 §5.2: a zone cut without DS
  else if (there)
    proof = {no_other_type(name, types(name), negative_ttl)};
  else
    proof = no_such_name(name, negative_ttl);
  reply.authority.insert(reply.authority.end(), proof.begin(), proof.end());
}

void DnsZone::sign(std::vector<DnsRecord>& section, bool spoilt) {
  std::vector<DnsRecord> whole, set;
  for (std::size_t i = 0; i < section.size(); ++i) {
    set.push_back(section[i]);
    whole.push_back(section[i]);
    const bool more =
        i + 1 < section.size() && section[i + 1].owner == set[0].owner && section[i + 1].type == set[0].type;
    if (more) continue;
    // An NSEC record is here only where its zone is signed.
    if (set[0].type == dns_type_code("NSEC") || unsigned_zone(set[0].owner).empty()) {
      whole.push_back(signer_.signature(set));
      if (spoilt) whole.back().data.back() = static_cast<char>(whole.back().data.back() ^ 1);
    }
    set.clear();
  }
  section = std::move(whole);
}

const DnsZone::Records& DnsZone::records(const std::string& name, const std::string& type) const {
  static const Records none;
  const auto here = records_.find(name);
  if (here == records_.end()) return none;
  const auto found = here->second.find(type);
  return found == here->second.end() ? none : found->second;
}

bool DnsZone::exists(const std::string& name) const {
  // A name that is only above others exists (RFC 8020).
  return name == "." || records_.contains(name) ||
         std::any_of(records_.begin(), records_.end(),
                     [&](const auto& entry) { return entry.first.ends_with("." + name); });
}

std::vector<std::string> DnsZone::types(const std::string& name) const {
  std::vector<std::string> found;
  if (name == ".") found = {"SOA", "DNSKEY"};
  if (const auto here = records_.find(name); here != records_.end())
    for (const auto& [type, records] : here->second)
      if (!records.empty()) found.push_back(type);
  return found;
}

/// For those who believe AD: by type, and for this name alone.
bool DnsZone::is_secure(const std::string& name, const std::string& type) const {
  return !insecure_.contains({name, type}) && !insecure_.contains({name, "*"});
}

/// For those who validate: there are no signatures from here down, for no type.
bool DnsZone::begins_insecurity(const std::string& name) const {
  const auto found = insecure_.lower_bound({name, ""});
  return name != "." && found != insecure_.end() && found->first == name;
}

/// The nearest zone without signatures that has this name; empty: there is none.
std::string DnsZone::unsigned_zone(std::string name) const {
  while (name != ".") {
    if (begins_insecurity(name)) return name;
    name = above(name);
  }
  return {};
}

}  // namespace lab
