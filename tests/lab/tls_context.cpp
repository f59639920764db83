// How the laboratory's servers do TLS.
#include "tests/lab/tls_context.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdexcept>

namespace lab {
namespace {

[[noreturn]] void fail(const std::string& what) {
  char words[256];
  ERR_error_string_n(ERR_get_error(), words, sizeof words);
  throw std::runtime_error(what + ": " + words);
}

/// The 1024-bit group of RFC 2409 §6.2 as parameters.
EVP_PKEY* oakley_group_2() {
  BIGNUM* prime = BN_get_rfc2409_prime_1024(nullptr);
  BIGNUM* generator = BN_new();
  BN_set_word(generator, 2);
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, prime);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_G, generator);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* from = EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr);
  EVP_PKEY* group = nullptr;
  const bool made =
      EVP_PKEY_fromdata_init(from) == 1 && EVP_PKEY_fromdata(from, &group, EVP_PKEY_KEY_PARAMETERS, parameters) == 1;
  EVP_PKEY_CTX_free(from);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(build);
  BN_free(generator);
  BN_free(prime);
  if (!made) fail("Diffie-Hellman group");
  return group;
}

}  // namespace

ContextPtr server_context(const std::string& pem, const TlsOptions& options) {
  ContextPtr context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* c = context.get();
  // Before the certificate is loaded: the level counts for its key, too.
  if (options.weak_dh) {
    SSL_CTX_set_cipher_list(c, "DHE-RSA-AES128-SHA:DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0");
    SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
    if (SSL_CTX_set0_tmp_dh_pkey(c, oakley_group_2()) != 1) fail("Diffie-Hellman group");
  } else {
    // Level 0 always: a certificate that a client should refuse must be servable.
    SSL_CTX_set_cipher_list(c, "DEFAULT:@SECLEVEL=0");
    if (options.lowest != 0 || options.highest != 0) {
      SSL_CTX_set_min_proto_version(c, options.lowest);
      SSL_CTX_set_max_proto_version(c, options.highest);
    }
  }
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (SSL_CTX_use_certificate_chain_file(c, pem.c_str()) != 1) fail("certificate " + pem);
  if (SSL_CTX_use_PrivateKey_file(c, pem.c_str(), SSL_FILETYPE_PEM) != 1) fail("key " + pem);
  return context;
}

ContextPtr client_context(const std::string& pem, const TlsOptions& options) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* c = context.get();
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, nullptr);
  if (options.lowest != 0 || options.highest != 0) {
    SSL_CTX_set_cipher_list(c, "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(c, options.lowest);
    SSL_CTX_set_max_proto_version(c, options.highest);
  }
  if (pem.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(c, pem.c_str()) != 1) fail("certificate " + pem);
  if (SSL_CTX_use_PrivateKey_file(c, pem.c_str(), SSL_FILETYPE_PEM) != 1) fail("key " + pem);
  return context;
}

ContextPtr any_context() {
  return client_context({});
}

}  // namespace lab
