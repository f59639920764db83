// Certificate faults in words.
#include "proxy/tls/certificate_words.hpp"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy {
namespace {

using policy::CertificateFault;

constexpr std::size_t name_limit = 80;    // of one name in words
constexpr std::size_t names_shown = 3;    // of a certificate for others
constexpr std::size_t words_limit = 240;  // of all faults: a reply of 400 octets says more than this

/// The certificate's DNS names as text, at most `names_shown`: "a.test, b.test and 4 more"; empty without any.
std::string dns_names(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string shown;
  std::size_t found = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
    if (kind != GEN_DNS || ++found > names_shown) continue;
    const auto* text = static_cast<const ASN1_IA5STRING*>(value);
    if (!shown.empty()) shown += ", ";
    shown += base::printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                              static_cast<std::size_t>(ASN1_STRING_length(text))},
                             name_limit);
  }
  if (found > names_shown) shown += " and " + std::to_string(found - names_shown) + " more";
  return shown;
}

/// "certificate", or "certificate of R11" above the leaf.
std::string which(const X509* certificate, int depth) {
  if (depth == 0 || certificate == nullptr) return "certificate";
  return "certificate of " + short_name(X509_get_subject_name(certificate));
}

std::string words_of(const Faults::Fault& fault, const X509* certificate, const std::string& host) {
  switch (fault_of(fault.error)) {
    case CertificateFault::expired:
      if (certificate == nullptr) return "certificate expired";
      return which(certificate, fault.depth) + " expired " + base::day(time_of(X509_get0_notAfter(certificate)));
    case CertificateFault::not_yet_valid:
      if (certificate == nullptr) return "certificate not yet valid";
      return which(certificate, fault.depth) + " not valid before " +
             base::rfc3339(time_of(X509_get0_notBefore(certificate)));
    case CertificateFault::self_signed: return "self-signed certificate";
    case CertificateFault::unknown_issuer: return "issuer not trusted";
    case CertificateFault::name_mismatch: {
      const std::string names = certificate == nullptr ? "" : dns_names(certificate);
      const std::string expected = base::printable(host, name_limit);
      if (names.empty()) return "certificate has no DNS name, not for " + expected;
      return "certificate is for " + names + ", not " + expected;
    }
    case CertificateFault::weak:
      return fault.error == X509_V_ERR_CA_MD_TOO_WEAK ? "signature of the certificate too weak" : "key too weak";
    case CertificateFault::wrong_purpose: return "certificate is not for servers";
    case CertificateFault::none:
    case CertificateFault::other: break;
  }
  return base::printable(X509_verify_cert_error_string(fault.error), name_limit);
}

std::string entry(const X509_NAME* name, int kind) {
  const int at = X509_NAME_get_index_by_NID(name, kind, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  const std::string result(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return base::printable(result, name_limit);
}

}  // namespace

CertificateFault fault_of(int error) {
  switch (error) {
    case X509_V_OK: return CertificateFault::none;
    case X509_V_ERR_CERT_HAS_EXPIRED: return CertificateFault::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return CertificateFault::not_yet_valid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return CertificateFault::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_INVALID_CA: return CertificateFault::unknown_issuer;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return CertificateFault::name_mismatch;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return CertificateFault::weak;
    case X509_V_ERR_INVALID_PURPOSE: return CertificateFault::wrong_purpose;
    default: return CertificateFault::other;
  }
}

CertificateFault first_fault(const Faults& found) {
  auto first = CertificateFault::none;
  for (std::size_t i = 0; i < std::min(found.count, found.faults.size()); ++i) {
    const auto fault = fault_of(found.faults[i].error);
    if (first == CertificateFault::none || fault < first) first = fault;
  }
  return first;
}

std::string fault_words(const Faults& found, const STACK_OF(X509) * chain, const std::string& host) {
  const auto kept = static_cast<std::ptrdiff_t>(std::min(found.count, found.faults.size()));
  std::vector<Faults::Fault> faults(found.faults.begin(), found.faults.begin() + kept);
  std::stable_sort(faults.begin(), faults.end(),
                   [](const auto& a, const auto& b) { return fault_of(a.error) < fault_of(b.error); });
  std::vector<std::string> all;
  for (const auto& fault : faults) {
    std::string words = words_of(fault, chain == nullptr ? nullptr : sk_X509_value(chain, fault.depth), host);
    if (std::find(all.begin(), all.end(), words) == all.end()) all.push_back(std::move(words));
  }
  std::string result;
  for (const auto& words : all) result += (result.empty() ? "" : "; ") + words;
  return base::printable(result, words_limit);
}

std::string short_name(const X509_NAME* name) {
  const std::string common = entry(name, NID_commonName), organisation = entry(name, NID_organizationName);
  if (common.empty()) return organisation.empty() ? "nobody" : organisation;
  return organisation.empty() ? common : common + " (" + organisation + ")";
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};  // long past: nothing is in date because its date is malformed
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace proxy
