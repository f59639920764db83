// Reads certificate and key, and makes the context that serves them. Never asks a terminal for a pass phrase.
#include "proxy/tls/server_contexts.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstring>
#include <stdexcept>
#include <utility>
#include <variant>

#include "protocol/base/text.hpp"
#include "proxy/tls/certificate_words.hpp"

namespace proxy {
namespace {

using In = CertificateFileFault::In;

constexpr int level = 2;  // RFC 9325 §4: keys of 2048 bits, SHA-2
constexpr const char* ciphers = "DEFAULT:!aNULL:!eNULL:!kDHE:!PSK:!SRP";

int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

/// What OpenSSL met first; clears its queue.
std::string first_error() {
  const auto error = ERR_peek_error();
  ERR_clear_error();
  const char* words = ERR_SYSTEM_ERROR(error) ? std::strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
  return base::printable(words != nullptr ? words : "it cannot be read", 100);
}

std::string shown(const std::string& file) {
  return '`' + base::printable(file, 200) + '`';
}

std::variant<SslContextPtr, CertificateFileFault> make(const CertificateFiles& files) {
  ERR_clear_error();
  SslContextPtr made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.get();
  if (context == nullptr) return CertificateFileFault{In::certificate, "no memory for a TLS context"};
  SSL_CTX_set_security_level(context, files.old_tls ? 0 : level);
  // RFC 8996: TLS 1.2 or later, whatever the system's openssl.cnf says.
  if (SSL_CTX_set_min_proto_version(context, files.old_tls ? TLS1_VERSION : TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, 0) != 1 || SSL_CTX_set_cipher_list(context, ciphers) != 1) {
    return CertificateFileFault{In::certificate, "OpenSSL refuses the protocol versions or ciphers: " + first_error()};
  }
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
  // A client may come back with a ticket, which costs no memory here: nothing depends on who it said it was.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return CertificateFileFault{In::certificate,
                                "no certificate can be read from " + shown(files.certificate) + ": " + first_error()};
  }
  ERR_clear_error();
  const bool read = SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  // A key of the certificate's kind is compared when it is read, one of another kind only now.
  const bool another =
      ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 || (read && SSL_CTX_check_private_key(context) != 1);
  if (another) {
    ERR_clear_error();
    return CertificateFileFault{In::key,
                                shown(files.key) + " is not the key of the certificate in " + shown(files.certificate)};
  }
  if (!read) return CertificateFileFault{In::key, "no key can be read from " + shown(files.key) + ": " + first_error()};
  return made;
}

/// What changes when a file is written or replaced.
std::string stamp(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return "-";
  return std::to_string(found.st_dev) + ' ' + std::to_string(found.st_ino) + ' ' + std::to_string(found.st_size) + ' ' +
         std::to_string(found.st_mtim.tv_sec) + '.' + std::to_string(found.st_mtim.tv_nsec);
}

std::string stamps(const CertificateFiles& files) {
  return stamp(files.certificate) + '\n' + stamp(files.key);
}

}  // namespace

ServerContext::ServerContext(CertificateFiles files) {
  if (const auto fault = reload(std::move(files)))
    throw std::runtime_error("certificate of a listener: " + fault->words);
}

SslPtr ServerContext::accept() const {
  const auto context = context_.load();
  SslPtr ssl(SSL_new(context.get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

std::optional<CertificateFileFault> ServerContext::reload(CertificateFiles files) {
  files_ = std::move(files);
  stamps_ = stamps(files_);
  auto made = make(files_);
  if (auto* fault = std::get_if<CertificateFileFault>(&made)) return std::move(*fault);
  context_.store(std::shared_ptr<SSL_CTX>(std::move(std::get<SslContextPtr>(made))));
  return std::nullopt;
}

bool ServerContext::files_changed() const {
  return stamps(files_) != stamps_;
}

CheckedCertificate check_certificate(const CertificateFiles& files) {
  auto made = make(files);
  if (auto* fault = std::get_if<CertificateFileFault>(&made)) return {std::move(*fault)};
  const X509* leaf = SSL_CTX_get0_certificate(std::get<SslContextPtr>(made).get());
  return {std::nullopt, time_of(X509_get0_notAfter(leaf))};
}

}  // namespace proxy
