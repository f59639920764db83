// SHA-256, HMAC and PBKDF2 through OpenSSL 3's one-call functions.
#include "proxy/outbound/scram_crypto.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "protocol/base/base64.hpp"

namespace proxy {
namespace {

using Digest = std::array<unsigned char, 32>;
constexpr std::size_t nonce_octets = 24;

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const Digest& digest) {
  return {digest.begin(), digest.end()};
}

std::string sha256(std::string_view octets) {
  Digest digest{};
  std::size_t length = 0;
  if (EVP_Q_digest(nullptr, "SHA256", nullptr, octets.data(), octets.size(), digest.data(), &length) != 1) return {};
  return text_of(digest);
}

std::string hmac_sha256(std::string_view key, std::string_view octets) {
  Digest digest{};
  std::size_t length = 0;
  const auto* done = EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(), octets_of(octets),
                               octets.size(), digest.data(), digest.size(), &length);
  return done != nullptr && length == digest.size() ? text_of(digest) : std::string();
}

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, unsigned iterations) {
  Digest digest{};
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets_of(salt),
                                     static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                     static_cast<int>(digest.size()), digest.data());
  return done == 1 ? text_of(digest) : std::string();
}

}  // namespace

smtp::ScramCrypto scram_crypto() {
  return {sha256, hmac_sha256, pbkdf2_sha256};
}

std::string scram_nonce() {
  std::array<unsigned char, nonce_octets> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return {};
  return base::base64({reinterpret_cast<const char*>(random.data()), random.size()});
}

}  // namespace proxy
