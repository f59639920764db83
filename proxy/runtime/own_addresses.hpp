// Which endpoints are the relay's own (SMTP-12): the listeners' addresses, and for a listener on all addresses every
// address of the machine.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace proxy {

class OwnAddresses {
 public:
  void add(const std::string& address, std::uint16_t port);
  bool contains(const std::string& address, std::uint16_t port) const { return endpoints_.contains({address, port}); }

 private:
  std::set<std::pair<std::string, std::uint16_t>> endpoints_;
};

}  // namespace proxy
