// Opening a TCP connection to one address.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "proxy/net/stream.hpp"

namespace proxy {

/// A connected socket, or words for why there is none ("connection refused", "connect timed out").
struct Dialled {
  std::optional<Socket> socket;
  bool timed_out = false;
  std::string words;
};
awaitable<Dialled> dial(std::string address, std::uint16_t port, Watchdog& watchdog, Deadline deadline);

}  // namespace proxy
