// unbound between a test and the laboratory's DNS server, set up as `sts-lab guide unbound` says: it validates by the
// laboratory's trust anchor alone. Asks nobody else.
#pragma once

#include <memory>
#include <string>

#include "tests/lab/dns_server.hpp"
#include "tests/scenario/support/peer.hpp"

namespace scenario {

class ValidatingResolver {
 public:
  /// Answers when it returns; fails the test where unbound does not start.
  explicit ValidatingResolver(const lab::DnsServer& server);

  /// "127.0.0.1:5353"
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  /// What it says to a question with DO: "NOERROR ad", "SERVFAIL", and behind it the records of the answer, in the
  /// order of letters.
  std::string ask(const std::string& name, const std::string& type) const;
  std::string log() const;

 private:
  OpenDirectory directory_;
  std::uint16_t port_;
  std::unique_ptr<lab::ChildProcess> process_;
};

}  // namespace scenario
