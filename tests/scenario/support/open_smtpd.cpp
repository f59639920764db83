// Starting a private OpenSMTPD.
#include "tests/scenario/support/open_smtpd.hpp"

#include <filesystem>

namespace scenario {

OpenSmtpd::OpenSmtpd(const EveryListener& world, const std::string& address, std::uint16_t port,
                     const std::string& before, const std::string& options, const std::string& after,
                     const std::string& certificate)
    : address_(address),
      port_(port),
      room_("opensmtpd", world.authority(), {"relay.test"}, {"opensmtpd", "opensmtpq", "box"}) {
  room_.write("/etc/smtpd.conf",
              before + "listen on " + address + " port " + std::to_string(port) + " " + options + "\n" + after);
  room_.write("/etc/smtpd.pem", certificate);
  std::filesystem::permissions(room_.outside("/etc/smtpd.pem"), std::filesystem::perms(0600));
  std::filesystem::copy(STS_RELAY_OPEN_SMTPD_KEYS, room_.outside("/usr/lib/keys.so"));
  room_.folder("/var/lib/opensmtpd/empty");
  room_.folder("/var/spool");
  room_.folder("/var/mail", "box");
  daemon_ = room_.start({"/bin/sh", "-c", "LD_PRELOAD=/usr/lib/keys.so exec /usr/sbin/smtpd -d -v >/tmp/log 2>&1"});
  wait_for_listener(address, port);
}

}  // namespace scenario
