// The TLS context of a listener: its certificate and key, which may be replaced while sessions run. Never serves half a
// pair: files that do not fit together leave the pair in force as it was.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "proxy/tls/contexts.hpp"

namespace proxy {

/// The two files of a certificate, PEM: the chain, leaf first, and the leaf's key.
struct CertificateFiles {
  std::string certificate, key;
  bool old_tls = false;  ///< TLS 1.0 and old ciphers are served as well: toward devices, never toward the world
};

/// Why a pair of files cannot be served.
struct CertificateFileFault {
  enum class In { certificate, key } in = In::certificate;
  std::string words;  ///< "`relay.pem` holds no certificate", printable
};

class ServerContext {
 public:
  /// Throws std::runtime_error with words when the files cannot be served.
  explicit ServerContext(CertificateFiles files);

  /// A server's SSL with the pair in force, ready for its handshake; null without memory. From any thread.
  SslPtr accept() const;

  /// Reads these files and serves them from the next handshake on; the fault, where the pair stays as it was. One
  /// thread at a time, as the rest below.
  std::optional<CertificateFileFault> reload(CertificateFiles files);
  /// Whether a file was replaced or written since it was last read, whatever came of that reading.
  bool files_changed() const;
  const CertificateFiles& files() const { return files_; }

 private:
  CertificateFiles files_;
  std::string stamps_;  // of the files, before they were read
  std::atomic<std::shared_ptr<SSL_CTX>> context_;
};

/// Reads a pair as ServerContext would, and says until when its leaf is valid.
struct CheckedCertificate {
  std::optional<CertificateFileFault> fault;
  std::chrono::system_clock::time_point not_after{};
};
CheckedCertificate check_certificate(const CertificateFiles& files);

}  // namespace proxy
