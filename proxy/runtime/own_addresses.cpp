// The addresses of this machine.
#include "proxy/runtime/own_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

namespace proxy {

namespace {
std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  }
  return text;
}
}  // namespace

void OwnAddresses::add(const std::string& address, std::uint16_t port) {
  endpoints_.emplace(address, port);
  if (address != "0.0.0.0" && address != "::") return;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return;
  for (const auto* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (const auto text = text_of(one->ifa_addr); !text.empty()) endpoints_.emplace(text, port);
  }
  freeifaddrs(all);
}

}  // namespace proxy
