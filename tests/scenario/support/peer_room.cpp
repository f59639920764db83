// How a room is made and entered.
#include "tests/scenario/support/peer_room.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace scenario {
namespace {

constexpr int first_user = 64100;  // no user of the machine

/// In namespaces of its own: $1 is the room, the rest the command. Read-only, so that nothing here can harm the
/// machine.
constexpr const char* enter = R"(
set -e
root=$1
shift
mount -o bind,ro /usr/bin "$root/bin"
mount -o bind,ro /lib64 "$root/lib64"
for libraries in /usr/lib/*-linux-gnu; do
  mkdir -p "$root$libraries"
  mount -o bind,ro "$libraries" "$root$libraries"
done
for device in null zero urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
PATH=/usr/sbin:/usr/bin:/bin /usr/sbin/chroot "$root" "$@"
exit 0
)";

}  // namespace

PeerRoom::PeerRoom(const std::string& package, const std::string& trusted, const std::vector<std::string>& hosts,
                   const std::vector<std::string>& users)
    : users_(users) {
  const std::string unpacked = STS_RELAY_SOURCE "/build/peers/" + package;
  if (!std::filesystem::exists(unpacked)) FAIL(unpacked << " is not there; tests/install tests unpacks it");
  for (const auto* path : {"/bin", "/lib64", "/usr/lib", "/dev", "/proc", "/etc/ssl/certs", "/run", "/tmp", "/root"})
    folder(path);
  folder("/tmp", "root", 01777);
  using std::filesystem::copy_options;
  std::filesystem::copy(unpacked + "/usr", outside("/usr"), copy_options::recursive | copy_options::copy_symlinks);
  std::filesystem::create_symlink("usr/lib", outside("/lib"));
  std::filesystem::create_directories(outside("/var"));
  std::filesystem::create_symlink("../run", outside("/var/run"));

  std::string passwd = "root:x:0:0::/root:/bin/sh\n", group = "root:x:0:\n", names = "127.0.0.1 localhost\n";
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto id = std::to_string(first_user + static_cast<int>(i));
    passwd += users[i] + ":x:" + id + ":" + id + "::/:/bin/sh\n";
    group += users[i] + ":x:" + id + ":\n";
  }
  for (const auto& host : hosts) names += "127.0.0.1 " + host + "\n";
  write("/etc/passwd", passwd);
  write("/etc/group", group);
  write("/etc/hosts", names);
  write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
  write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
  write("/etc/mailname", "peer.test\n");
  std::filesystem::copy("/etc/ld.so.cache", outside("/etc/ld.so.cache"));
  std::filesystem::copy(trusted, outside("/etc/ssl/certs/ca-certificates.crt"));
}

void PeerRoom::write(const std::string& path, const std::string& text) const {
  std::filesystem::create_directories(std::filesystem::path(outside(path)).parent_path());
  std::ofstream(outside(path)) << text;
}

std::string PeerRoom::read(const std::string& path) const {
  std::ostringstream text;
  text << std::ifstream(outside(path)).rdbuf();
  return text.str();
}

void PeerRoom::folder(const std::string& path, const std::string& user, unsigned permissions) const {
  std::filesystem::create_directories(outside(path));
  REQUIRE(::chmod(outside(path).c_str(), permissions) == 0);
  if (user == "root") return;
  const auto at = std::find(users_.begin(), users_.end(), user);
  REQUIRE(at != users_.end());
  const auto id = static_cast<unsigned>(first_user + (at - users_.begin()));
  REQUIRE(::chown(outside(path).c_str(), id, id) == 0);
}

std::vector<std::string> PeerRoom::entering(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all{"/usr/bin/unshare", "--mount", "--pid", "--fork",   "--kill-child",
                               "/bin/sh",          "-c",      enter,   "entering", directory_.path()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::unique_ptr<lab::ChildProcess> PeerRoom::start(const std::vector<std::string>& arguments) const {
  return std::make_unique<lab::ChildProcess>(entering(arguments), directory_.path());
}

lab::Finished PeerRoom::run(const std::vector<std::string>& arguments) const {
  return lab::run_program(entering(arguments), directory_.path(), std::chrono::seconds(60));
}

}  // namespace scenario
