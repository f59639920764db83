// Selector and matching type applied to a certificate (RFC 6698 §2.1).
#include "tests/lab/tlsa.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace lab {

namespace {

std::string selected(const X509Ptr& certificate, int selector) {
  unsigned char* der = nullptr;
  const int size = selector == 0 ? i2d_X509(certificate.get(), &der)
                                 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) throw std::invalid_argument("tlsa: the certificate cannot be written");
  std::string octets(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return octets;
}

std::string digest(const std::string& octets, const EVP_MD* kind) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result{};
  unsigned size = 0;
  EVP_Digest(octets.data(), octets.size(), result.data(), &size, kind, nullptr);
  return {reinterpret_cast<const char*>(result.data()), size};
}

std::string data(const X509Ptr& certificate, int selector, int matching) {
  const auto octets = selected(certificate, selector);
  switch (matching) {
    case 0: return octets;
    case 1: return digest(octets, EVP_sha256());
    case 2: return digest(octets, EVP_sha512());
    default: throw std::invalid_argument("tlsa: no such matching type");
  }
}

}  // namespace

std::string tlsa_octets(const X509Ptr& certificate, int usage, int selector, int matching) {
  std::string octets;
  for (const int number : {usage, selector, matching}) octets += static_cast<char>(number);
  return octets + data(certificate, selector, matching);
}

std::string tlsa(const X509Ptr& certificate, int usage, int selector, int matching) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = std::to_string(usage) + ' ' + std::to_string(selector) + ' ' + std::to_string(matching) + ' ';
  for (const char octet : data(certificate, selector, matching)) {
    const auto value = static_cast<unsigned char>(octet);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text;
}

std::vector<X509Ptr> certificates_of(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                       BIO_free);
  std::vector<X509Ptr> certificates;
  while (X509* read = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))
    certificates.emplace_back(read, X509_free);
  ERR_clear_error();  // the end of the text
  return certificates;
}

}  // namespace lab
