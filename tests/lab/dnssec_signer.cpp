// Canonical forms (RFC 4034 §6) and signatures, through OpenSSL 3.
#include "tests/lab/dnssec_signer.hpp"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "protocol/base/text.hpp"

namespace lab {
namespace {

constexpr int algorithm = 13;  // RFC 6605 §4: ECDSAP256SHA256
constexpr std::uint32_t hour = 3600, day = 24 * hour;
constexpr std::size_t most_kept = 20000;  // names that were only asked for have signatures too

void append(std::string& octets, std::uint32_t value, int width) {
  while (width-- > 0) octets += static_cast<char>(value >> 8 * width & 0xff);
}

std::shared_ptr<EVP_PKEY> read_key(const std::string& file) {
  const std::shared_ptr<BIO> in(BIO_new_file(file.c_str(), "r"), BIO_free);
  std::shared_ptr<EVP_PKEY> key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr,
                                EVP_PKEY_free);
  if (!key) throw std::runtime_error("no key in " + file);
  return key;
}

/// For the owner's eyes: whoever has the key can pretend to be any name to those who trust it.
void write_key(const std::string& file, EVP_PKEY* key) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::shared_ptr<BIO> out(descriptor < 0 ? nullptr : BIO_new_fd(descriptor, BIO_CLOSE), BIO_free);
  if (!out || PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw std::runtime_error("cannot write " + file);
}

/// RFC 4034 Appendix B.
std::uint16_t tag_of(const std::string& key_data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < key_data.size(); ++i)
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(key_data[i])) << (i % 2 == 0 ? 8 : 0);
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

std::string lower(std::string octets, std::size_t from, std::size_t behind) {
  for (std::size_t i = from; i + behind < octets.size(); ++i) octets[i] = base::to_lower(octets[i]);
  return octets;
}

/// RFC 4034 §6.2: names within the data in lower case. The octets that count a label's length are below "A".
std::string canonical(std::uint16_t type, const std::string& data) {
  if (type == dns_type_code("NS") || type == dns_type_code("CNAME")) return lower(data, 0, 0);
  if (type == dns_type_code("MX")) return lower(data, 2, 0);
  if (type == dns_type_code("SOA")) return lower(data, 0, 20);
  return data;
}

/// RFC 4034 §3.1.3: neither the root nor a leading * counts.
int labels(const std::string& name) {
  int count = 0;
  for (std::size_t i = 0; name[i] != '\0'; i += static_cast<unsigned char>(name[i]) + 1u) ++count;
  return name.starts_with("\1*") ? count - 1 : count;
}

/// RFC 4034 §3.1.8.1: what stands behind the RRSIG's own data.
std::string canonical(const std::vector<DnsRecord>& set) {
  std::vector<std::string> all;
  for (const auto& record : set) all.push_back(canonical(record.type, record.data));
  // RFC 4034 §6.3: in the order of the data, each once.
  std::sort(all.begin(), all.end(), [](const std::string& a, const std::string& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return static_cast<unsigned char>(x) < static_cast<unsigned char>(y);
    });
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::string octets;
  const std::string owner = base::lower(dns_name(set.front().owner));
  for (const auto& data : all) {
    octets += owner;
    append(octets, set.front().type, 2);
    append(octets, 1, 2);
    append(octets, set.front().ttl, 4);
    append(octets, static_cast<std::uint32_t>(data.size()), 2);
    octets += data;
  }
  return octets;
}

/// RFC 6605 §4: r and s, 32 octets each, of OpenSSL's DER.
std::string plain(const std::vector<unsigned char>& der) {
  const unsigned char* begin = der.data();
  const std::shared_ptr<ECDSA_SIG> pair(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())), ECDSA_SIG_free);
  unsigned char octets[64];
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), octets, 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), octets + 32, 32) != 32)
    throw std::runtime_error("no signature");
  return {reinterpret_cast<const char*>(octets), sizeof octets};
}

}  // namespace

DnssecSigner::DnssecSigner(const std::string& kept) {
  if (!kept.empty() && std::ifstream(kept).good()) {
    key_ = read_key(kept);
  } else {
    key_ = {EVP_EC_gen("P-256"), EVP_PKEY_free};
    if (!key_) throw std::runtime_error("no key");
    if (!kept.empty()) write_key(kept, key_.get());
  }
  unsigned char point[65];
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) != 1 ||
      size != sizeof point)
    throw std::runtime_error("not a P-256 key: " + kept);
  append(key_data_, 257, 2);  // RFC 4034 §2.1.1: zone key and secure entry point
  append(key_data_, 3, 1);
  append(key_data_, algorithm, 1);
  key_data_.append(reinterpret_cast<const char*>(point) + 1, size - 1);  // RFC 6605 §4: without OpenSSL's leading 4
  key_tag_ = tag_of(key_data_);
}

std::string DnssecSigner::trust_anchor() const {
  const std::string key = key_data_.substr(4);
  unsigned char text[100];
  EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size()));
  return ". 3600 IN DNSKEY 257 3 " + std::to_string(algorithm) + " " + reinterpret_cast<const char*>(text) + "\n";
}

std::string DnssecSigner::sign(const std::string& octets) const {
  const std::shared_ptr<EVP_MD_CTX> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = 128;
  std::vector<unsigned char> der(size);
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, reinterpret_cast<const unsigned char*>(octets.data()),
                     octets.size()) != 1)
    throw std::runtime_error("no signature");
  der.resize(size);
  return plain(der);
}

DnsRecord DnssecSigner::signature(const std::vector<DnsRecord>& set) {
  const DnsRecord& first = set.front();
  const std::string signed_octets = canonical(set);
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  if (signatures_.size() > most_kept) signatures_.clear();
  Kept& kept = signatures_[signed_octets];
  if (kept.data.empty() || now - kept.inception > 2 * day) {
    kept.inception = now - hour;  // the validator's clock may differ
    std::string data;             // RFC 4034 §3.1
    append(data, first.type, 2);
    append(data, algorithm, 1);
    append(data, static_cast<std::uint32_t>(labels(dns_name(first.owner))), 1);
    append(data, first.ttl, 4);
    append(data, kept.inception + 14 * day, 4);
    append(data, kept.inception, 4);
    append(data, key_tag_, 2);
    data += '\0';  // the signer's name: the root
    data += sign(data + signed_octets);
    kept.data = std::move(data);
  }
  return {first.owner, dns_type_code("RRSIG"), first.ttl, kept.data};
}

}  // namespace lab
