// Server-side TLS contexts of the laboratory, good and bad ones, and one for clients that accept any certificate. Never
// used by the relay.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace lab {

struct TlsOptions {
  int lowest = 0,
      highest =
          0;  ///< TLS1_VERSION to TLS1_3_VERSION; 0: OpenSSL's own bounds. Either one lowers the security level to 0
  bool weak_dh =
      false;  ///< TLS 1.2 with 1024-bit ephemeral Diffie-Hellman and nothing else; the certificate must be RSA
};

using ContextPtr = std::shared_ptr<SSL_CTX>;

/// `pem`: a file with the chain, leaf first, and its key. Throws std::runtime_error with OpenSSL's words.
ContextPtr server_context(const std::string& pem, const TlsOptions& options = {});

/// For clients: any certificate will do.
ContextPtr any_context();
/// The same, which shows the certificate in `pem` (none where it is empty) and speaks these versions.
ContextPtr client_context(const std::string& pem, const TlsOptions& options = {});

}  // namespace lab
