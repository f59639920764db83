// SHA-256, HMAC and PBKDF2 through OpenSSL 3's one-call functions, and the results of PBKDF2 that are wanted again.
#include "proxy/outbound/scram_crypto.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <mutex>

#include "protocol/base/base64.hpp"
#include "protocol/base/wipe.hpp"

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

/// RFC 5802 §5.1 lets clients keep what is expensive: a host that asks for a million rounds costs a worker half a
/// second for the first connection, not for each.
class Derived {
 public:
  std::string find(std::string_view password, std::string_view salt, unsigned iterations) {
    const std::lock_guard lock(mutex_);
    for (const auto& one : kept_) {
      if (one.iterations == iterations && one.salt == salt && one.password == password) return one.key;
    }
    return {};
  }
  void keep(std::string_view password, std::string_view salt, unsigned iterations, const std::string& key) {
    const std::lock_guard lock(mutex_);
    auto& place = kept_[next_++ % kept_.size()];
    base::wipe(place.password);
    base::wipe(place.key);
    place = {std::string(password), std::string(salt), iterations, key};
  }

 private:
  struct One {
    std::string password, salt;
    unsigned iterations = 0;
    std::string key;
  };
  std::mutex mutex_;
  std::array<One, 16> kept_;
  std::size_t next_ = 0;
};

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, unsigned iterations) {
  static Derived derived;
  if (auto known = derived.find(password, salt, iterations); !known.empty()) return known;
  Digest digest{};
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets_of(salt),
                                     static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                     static_cast<int>(digest.size()), digest.data());
  if (done != 1) return {};
  auto key = text_of(digest);
  derived.keep(password, salt, iterations, key);
  return key;
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
