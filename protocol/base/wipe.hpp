// Overwrites octets that were secret, in a way that a compiler keeps. Never frees, never resizes what others hold.
#pragma once

#include <cstring>
#include <span>
#include <string>

namespace base {

inline void wipe(std::span<char> octets) {
  if (!octets.empty()) explicit_bzero(octets.data(), octets.size());
}
/// Empty afterwards.
inline void wipe(std::string& secret) {
  secret.resize(secret.capacity());
  wipe(std::span<char>(secret));
  secret.clear();
}

}  // namespace base
