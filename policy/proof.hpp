// What a handshake showed about a connection. Written once, by proxy/tls, kept on the connection; judged only by admit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/dane/tlsa_set.hpp"

namespace policy {

enum class Check : std::uint8_t { not_tried, passed, failed };

/// Why a certificate is not good, in a vocabulary without OpenSSL. The order is the order of precedence in reasons.
enum class CertificateFault : std::uint8_t {
  none,
  expired,
  not_yet_valid,
  self_signed,
  unknown_issuer,
  name_mismatch,
  weak,
  wrong_purpose,
  other,
};

struct Proof {
  std::string host;     ///< the MX host name whose identity was checked
  std::string address;  ///< the peer's, textual
  std::uint16_t port = 0;
  bool encrypted = false;
  bool strong = false;   ///< made with the strong context: TLS 1.2 or later, security level 2
  bool resumed = false;  ///< a resumed session proves nothing by itself
  Check pkix = Check::not_tried;
  Check dane = Check::not_tried;
  std::shared_ptr<const dane::Association> association;  ///< what dane was checked against; null: it was not
  std::string dane_words;                                ///< with dane failed: why, printable
  /// With dane passed by an issuer (usage 2): the earliest expiry in the chain to it. Usage 3 looks at no date.
  std::optional<std::chrono::system_clock::time_point> dane_not_after;
  CertificateFault fault = CertificateFault::none;  ///< the first by precedence, when pkix failed
  std::string fault_words;                          ///< "certificate expired 2026-10-01"; every fault found, printable
  std::uint64_t anchors = 0;                        ///< generation of the trust anchors it was checked against
  std::chrono::system_clock::time_point not_after;  ///< the earliest expiry in the verified chain
  std::string tls, cipher, issuer, subject;         ///< for people: "TLSv1.3", "TLS_AES_256_GCM_SHA384"
  bool offers_requiretls = false;
};

/// For the delivery record: "none", "encrypted", "pkix", "dane".
std::string words(const Proof& proof);

}  // namespace policy
