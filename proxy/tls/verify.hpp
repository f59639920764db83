// The one verify callback. It collects every fault of a peer's certificate at security level 2 and aborts no handshake;
// what it collected is the verdict, for OpenSSL's own result means nothing beside a callback that goes on after a
// fault.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace proxy {

/// What the callback saw in the handshake of one SSL. Lives as long as the SSL.
struct Faults {
  struct Fault {
    int error;  ///< X509_V_ERR_...
    int depth;  ///< of the certificate at fault; 0 is the leaf
  };
  std::array<Fault, 16> faults{};
  std::size_t count = 0;  ///< faults found; those past the array's end are counted only

  /// No memory is taken: it is called through OpenSSL's C frames, where nothing may be thrown.
  void add(int error, int depth) noexcept {
    if (count < faults.size()) faults[count] = {error, depth};
    ++count;
  }
};

struct Verification : Faults {
  std::string host;  ///< the identity that had to be proven, as given to expect_host
  bool ran = false;  ///< the callback judged a certificate in this very handshake
  /// Beside the verdict by trust anchors, that by TLSA records, where some were expected.
  bool expects_dane = false, dane_matched = false;
  std::uint8_t dane_usage = 0;  ///< of the record that matched
  Faults dane;
  struct Free {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  };
  std::unique_ptr<STACK_OF(X509), Free> chain;  ///< by trust anchors, where OpenSSL keeps that by TLSA records

  /// The two places that say yes.
  bool passed() const { return ran && count == 0; }
  bool dane_passed() const { return ran && expects_dane && dane_matched && dane.count == 0; }
};

/// Makes the callback the one of a client context, and lets no handshake fail because of a certificate.
void collect_faults(SSL_CTX* context);
/// Starts a Verification on an SSL before its handshake. Throws std::runtime_error when OpenSSL cannot.
void begin_verification(SSL* ssl, const std::string& host);
/// The handshake is checked against TLSA records as well; begin_verification came before.
void expect_dane(SSL* ssl);
/// nullptr where none was begun.
const Verification* verification_of(const SSL* ssl);

}  // namespace proxy
