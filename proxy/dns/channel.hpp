// Questions to one DNS server. Draws the ids, bounds the wait, decodes the answer, and renews the c-ares session before
// its source port has been used for long. Never asks another server: walking on is the resolver's part. For one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "protocol/dns/message.hpp"
#include "proxy/config/config.hpp"
#include "proxy/dns/ares_session.hpp"

namespace proxy {

/// How long one source port is used. The UDP socket lives while any query is in flight, so under load its port would
/// stay the same for ever, and the id alone is guessed too soon (RFC 5452 §9.2).
struct PortUse {
  std::size_t queries = 1000;
  std::chrono::seconds age{60};
  bool also_on_loopback = false;  ///< where nobody can forge an answer who could not read it anyway
};

class DnsChannel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Throws std::invalid_argument for a server that is no address.
  DnsChannel(boost::asio::any_io_executor executor, HostPort server, PortUse port_use = {});

  /// Asks once, over TCP too where the answer is truncated. Ends at the deadline, and after four seconds without an
  /// answer. Never throws for what the network does: the answer's status says it. The channel must live until the
  /// coroutine has ended.
  boost::asio::awaitable<dns::Answer> ask(std::string name, dns::Type type, Time deadline);

  const std::string& server() const { return text_; }  ///< "192.0.2.1 port 53", for people

 private:
  struct Ids;

  std::shared_ptr<AresSession> session();
  dns::Answer answer_of(const DnsQuery& query, std::uint16_t id, const std::string& name, dns::Type type) const;

  boost::asio::any_io_executor executor_;
  HostPort server_;
  std::string text_;
  PortUse port_use_;
  bool renews_port_;
  std::shared_ptr<Ids> ids_;
  std::shared_ptr<AresSession> session_;  ///< for new questions; those in flight keep the one that they went with
  Time opened_{};
};

}  // namespace proxy
