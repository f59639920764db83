// A private OpenSMTPD in a room of its own.
#pragma once

#include "tests/scenario/support/every_listener.hpp"
#include "tests/scenario/support/peer_room.hpp"

namespace scenario {

class OpenSmtpd {
 public:
  /// Listens at this address. `before`, `options`, `after`: of the configuration, around and in its `listen` line.
  /// `certificate`: PEM with chain and RSA key, found by the configuration as /etc/smtpd.pem.
  OpenSmtpd(const EveryListener& world, const std::string& address, std::uint16_t port, const std::string& before,
            const std::string& options, const std::string& after, const std::string& certificate = {});

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  const PeerRoom& room() const { return room_; }
  std::string log() const { return room_.read("/tmp/log"); }

 private:
  std::string address_;
  std::uint16_t port_;
  PeerRoom room_;
  std::unique_ptr<lab::ChildProcess> daemon_;
};

}  // namespace scenario
