// Cryptography without secrets, for tests of the dialogue alone: every result is 32 times the same letter. Never proves
// anything: a client's proof is 32 zeros, a server's signature 32 times `k`.
#pragma once

#include <string>

#include "protocol/smtp/scram.hpp"

namespace scram_fake {

inline std::string digest(std::string_view) {
  return std::string(32, 'k');
}
inline std::string keyed_digest(std::string_view, std::string_view) {
  return std::string(32, 'k');
}
inline std::string derived(std::string_view, std::string_view, unsigned) {
  return std::string(32, 'k');
}

inline const smtp::ScramCrypto crypto{digest, keyed_digest, derived};

}  // namespace scram_fake
