// What a connection must prove before MAIL may be sent over it. Requirements are joined, never assigned: a join is
// never weaker than either side, and nothing else makes one from two.
#pragma once

#include <string>
#include <string_view>

namespace policy {

struct Requirement {
  bool encrypted = false;   ///< TLS, whoever the peer is
  bool pkix = false;        ///< TLS 1.2 or later, a certificate that chains to a trust anchor, for the MX host's name
  bool dane = false;        ///< a usable TLSA record matches
  bool requiretls = false;  ///< the host offers REQUIRETLS
  bool verified = false;    ///< the host is verified, by certificate or by DANE (RFC 8689 §4.2.1)

  bool nothing() const { return !encrypted && !pkix && !dane && !requiretls && !verified; }
  bool operator==(const Requirement&) const = default;
};

constexpr Requirement join(const Requirement& a, const Requirement& b) {
  return {a.encrypted || b.encrypted, a.pkix || b.pkix, a.dane || b.dane, a.requiretls || b.requiretls,
          a.verified || b.verified};
}

/// The administrator's floors (`security`).
enum class Security { may, encrypt, verify, published };
constexpr Requirement requirement_of(Security security) {
  switch (security) {
    case Security::encrypt: return {.encrypted = true};
    case Security::verify: return {.encrypted = true, .pkix = true};
    case Security::may:
    case Security::published: break;
  }
  return {};
}

/// For logs and plans: "none", "encrypted", "pkix", "dane", "pkix+dane", "verified", "...+requiretls".
std::string words(const Requirement& need);

}  // namespace policy
