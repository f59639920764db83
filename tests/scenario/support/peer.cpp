// Starting and ending real peers.
#include "tests/scenario/support/peer.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace scenario {

namespace {

sockaddr_in endpoint(const std::string& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

constexpr const char* services =
    "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n "
    "1000? 1 tlsmgr\n"
    "rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - "
    "n - 0 bounce\n"
    "verify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\nsmtp unix - - n - "
    "- smtp\n"
    "lmtp unix - - n - - lmtp\nerror unix - - n - - error\nretry unix - - n - - error\ndiscard unix - - n - - discard\n"
    "anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\nshowq unix n - n - - showq\npostlog unix-dgram n - n - "
    "1 postlogd\n";

}  // namespace

OpenDirectory::OpenDirectory() {
  char name[] = "/tmp/sts-relay-peer-XXXXXX";
  path_ = mkdtemp(name);
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

OpenDirectory::~OpenDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string OpenDirectory::write(const std::string& name, const std::string& text) const {
  const std::string file = path_ + "/" + name;
  std::ofstream(file) << text;
  return file;
}

std::uint16_t free_port(const std::string& address) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = endpoint(address, 0);
  socklen_t size = sizeof at;
  const bool bound = ::bind(probe, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                     ::getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(probe);
  REQUIRE(bound);
  return ntohs(at.sin_port);
}

void wait_for_listener(const std::string& address, std::uint16_t port) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto at = endpoint(address, port);
  for (;;) {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool open = ::connect(probe, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(probe);
    if (open) return;
    if (std::chrono::steady_clock::now() > end) FAIL("nothing listens on " << address << ":" << port);
    ::poll(nullptr, 0, 20);
  }
}

Postfix::Postfix(const std::string& address, std::uint16_t port, const std::map<std::string, std::string>& settings,
                 const std::string& more_services, const std::string& sasl)
    : address_(address), port_(port) {
  const auto& path = directory_.path();
  for (const char* folder :
       {"incoming", "active", "deferred", "bounce", "defer", "flush", "hold", "saved", "trace", "corrupt", "private"}) {
    std::filesystem::create_directories(path + "/spool/" + folder);
  }
  std::filesystem::create_directories(path + "/data");
  lab::run_program({"/bin/chown", "-R", "postfix", path + "/spool", path + "/data"}, path, std::chrono::seconds(30));
  for (const char* folder : {"maildrop", "public", "pid"})
    std::filesystem::create_directories(path + "/spool/" + folder);
  lab::run_program({"/bin/chown", "postfix", path + "/spool/maildrop", path + "/spool/public"}, path,
                   std::chrono::seconds(30));
  lab::run_program({"/bin/chown", "root", path + "/spool", path + "/spool/pid"}, path, std::chrono::seconds(30));
  std::map<std::string, std::string> main{{"compatibility_level", "3.7"},
                                          {"queue_directory", path + "/spool"},
                                          {"data_directory", path + "/data"},
                                          {"daemon_directory", "/usr/lib/postfix/sbin"},
                                          {"command_directory", "/usr/sbin"},
                                          {"mail_owner", "postfix"},
                                          {"setgid_group", "postdrop"},
                                          {"maillog_file", path + "/mail.log"},
                                          {"maillog_file_prefixes", "/"},
                                          {"myhostname", "postfix.test"},
                                          {"mydestination", ""},
                                          {"inet_interfaces", "127.0.0.1"},
                                          {"inet_protocols", "ipv4"},
                                          {"alias_maps", ""},
                                          {"local_recipient_maps", ""},
                                          {"mynetworks", "127.0.0.0/8"},
                                          {"smtpd_relay_restrictions", "permit_mynetworks, reject"},
                                          {"smtp_host_lookup", "native"},
                                          {"lmtp_host_lookup", "native"}};
  for (const auto& [key, value] : settings) main[key] = value;
  std::string text;
  for (const auto& [key, value] : main) text += key + " = " + value + "\n";
  directory_.write("main.cf", text);
  // Debian's Postfix looks for it beside main.cf, whatever cyrus_sasl_config_path says.
  std::filesystem::create_directories(path + "/sasl");
  if (!sasl.empty()) directory_.write("sasl/smtpd.conf", sasl);
  directory_.write("master.cf",
                   address + ":" + std::to_string(port) + " inet n - n - 50 smtpd\n" + services + more_services);
  master_ = std::make_unique<lab::ChildProcess>(
      std::vector<std::string>{"/usr/lib/postfix/sbin/master", "-c", path, "-d"}, path);
  wait_for_listener(address, port);
}

Postfix::~Postfix() {
  master_->signal(SIGTERM);
  master_->wait(std::chrono::seconds(10));
}

std::string Postfix::log() const {
  std::ifstream in(directory_.path() + "/mail.log");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace scenario
