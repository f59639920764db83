// A private Exim in a room of its own.
#pragma once

#include "tests/scenario/support/every_listener.hpp"
#include "tests/scenario/support/peer_room.hpp"

namespace scenario {

class Exim {
 public:
  /// Listens at this address. `main`: lines of the main section; `routers`, `transports`: these sections.
  /// `certificate`: PEM with chain and key, found by the configuration as /etc/exim.pem.
  Exim(const EveryListener& world, const std::string& address, std::uint16_t port, const std::string& main,
       const std::string& routers, const std::string& transports, const std::string& certificate = {})
      : address_(address),
        port_(port),
        room_("exim4-daemon-light", world.authority(), {"relay.test"}, {"Debian-exim", "box"}) {
    room_.write("/etc/exim4/exim4.conf",
                "primary_hostname = exim.test\n"
                "exim_path = /usr/sbin/exim4\n"
                "spool_directory = /var/spool/exim\n"
                "log_file_path = /var/log/exim-%s\n"
                "local_interfaces = " +
                    address +
                    "\n"
                    "daemon_smtp_ports = " +
                    std::to_string(port) +
                    "\n"
                    "keep_environment =\n"
                    "notifier_socket =\n"
                    "acl_smtp_rcpt = anybody\n" +
                    main +
                    "begin acl\nanybody:\n  accept control = dkim_disable_verify\n"
                    "begin routers\n" +
                    routers + "begin transports\n" + transports);
    room_.write("/etc/exim.pem", certificate);
    room_.folder("/var/spool/exim", "Debian-exim");
    room_.folder("/var/log", "Debian-exim");
    room_.folder("/var/mail", "box");
    daemon_ = room_.start({"/usr/sbin/exim4", "-bdf", "-q1m"});
    wait_for_listener(address, port);
  }

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  const PeerRoom& room() const { return room_; }
  std::string log() const { return room_.read("/var/log/exim-main") + room_.read("/var/log/exim-panic"); }

 private:
  std::string address_;
  std::uint16_t port_;
  PeerRoom room_;
  std::unique_ptr<lab::ChildProcess> daemon_;
};

}  // namespace scenario
