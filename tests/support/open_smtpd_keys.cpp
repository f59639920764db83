// Preloaded into OpenSMTPD, whose version in Debian 12 cannot be a TLS server with OpenSSL 3: it marks the copy of a
// public key that EVP_PKEY_get1_RSA makes there, and finds no mark in the key itself when a signature is wanted
// ("missing private key"; OpenSMTPD issue 1171 and pull request 1208). Here the copy becomes the key, as it did before.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

extern "C" RSA* EVP_PKEY_get1_RSA(EVP_PKEY* pkey) {
  using Function = RSA* (*)(EVP_PKEY*);
  static const auto usual = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "EVP_PKEY_get1_RSA"));
  RSA* const copy = usual(pkey);
  if (copy != nullptr) EVP_PKEY_set1_RSA(pkey, copy);
  return copy;
}
