// resolv.conf as it is found in the world.
#include "proxy/dns/system_servers.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>

using proxy::nameservers_of;
using proxy::system_servers;

namespace {

std::string addresses(const std::vector<proxy::HostPort>& servers) {
  std::string text;
  for (const auto& server : servers) text += (text.empty() ? "" : " ") + server.address;
  return text;
}

/// A file that is gone with the test.
class TemporaryFile {
 public:
  TemporaryFile() { ::close(::mkstemp(name_)); }
  ~TemporaryFile() { std::remove(name_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string name() const { return name_; }

 private:
  char name_[32] = "/tmp/resolv-conf-XXXXXX";
};

}  // namespace

TEST_CASE("nameserver lines of resolv.conf are taken in order whatever stands around them", "[O-1][SMTP-55]") {
  struct Row {
    const char* text;
    const char* servers;
  };
  const Row rows[] = {
      {"nameserver 192.0.2.1\n", "192.0.2.1"},
      {"nameserver 192.0.2.1", "192.0.2.1"},
      {"nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n", "192.0.2.1 192.0.2.2"},
      {"nameserver ::1\n", "::1"},
      {"nameserver fe80::1%eth0\nnameserver 2001:db8::53\n", "fe80::1 2001:db8::53"},
      {"  nameserver\t 192.0.2.1  # the good one\n", "192.0.2.1"},
      {"search example.test corp.test\ndomain example.test\noptions ndots:5\nnameserver 192.0.2.1\n", "192.0.2.1"},
      {"# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n#nameserver 192.0.2.3\n", ""},
      {"nameserver dns.example.test\nnameserver\nnameserver 192.0.2.300\nnameserver 192.0.2.1\n", "192.0.2.1"},
      {"nameservers 192.0.2.1\nnameserver192.0.2.2\n", ""},
      {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
       "192.0.2.1 192.0.2.2 192.0.2.3"},
      {"", ""},
      {"\n\n", ""},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto servers = nameservers_of(row.text);
    CHECK(addresses(servers) == row.servers);
    for (const auto& server : servers) CHECK(server.port == 53);
  }
}

TEST_CASE("the system's servers are read anew each time and default to loopback", "[O-1]") {
  const TemporaryFile file;
  CHECK(addresses(system_servers(file.name())) == "127.0.0.1");
  std::ofstream(file.name()) << "nameserver ::1\n";
  CHECK(addresses(system_servers(file.name())) == "::1");

  // Replaced by rename, as network managers do it.
  const TemporaryFile other;
  std::ofstream(other.name()) << "nameserver 192.0.2.7\n";
  REQUIRE(std::rename(other.name().c_str(), file.name().c_str()) == 0);
  CHECK(addresses(system_servers(file.name())) == "192.0.2.7");

  CHECK(addresses(system_servers(file.name() + ".absent")) == "127.0.0.1");
}
