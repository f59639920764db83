// A DNS server for tests, authoritative for everything, over UDP and TCP: answers from a zone, follows aliases, keeps a
// log of what was asked, and misbehaves where a test tells it to. Once told to `sign`, it plays two parts: the
// validating resolver for those who believe AD, and for those who validate a zone with signatures. Never asks anyone
// else.
//
//   DnsServer dns;                                              // 127.0.0.1, a free port
//   dns.set("example.test", "MX", {"10 mx1.example.test."});
//   dns.fault("mx1.example.test", "*", Fault::servfail);
//   ... dns.count("example.test", "MX") ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/lab/dns_wire.hpp"
#include "tests/lab/dns_zone.hpp"
#include "tests/lab/server.hpp"

namespace lab {

enum class Fault {
  servfail,
  nxdomain,  ///< without an SOA
  refused,
  timeout,         ///< no answer
  truncate,        ///< over UDP only TC; over TCP the answer
  garbage,         ///< the right id and question, then nonsense
  wrong_question,  ///< the answer to another question
  wrong_id,
  no_edns,     ///< FORMERR without OPT to a query with EDNS, an answer to one without (RFC 6891 §7)
  bare_alias,  ///< of an alias only the CNAME, nothing of its target
  bogus,       ///< what a validating resolver says of a forgery: SERVFAIL; to those who validate (CD), the forgery
};

class DnsServer {
 public:
  struct Query {
    std::string name;       ///< lower case, no trailing dot
    std::string type;       ///< "MX"
    std::string transport;  ///< "udp" or "tcp"
    std::uint16_t port;     ///< that the question came from; over UDP only
  };

  /// Answers at once; throws std::runtime_error. `port` 0: any that is free for UDP and TCP. `kept_key`: as
  /// for DnssecSigner.
  explicit DnsServer(const std::string& address = "127.0.0.1", std::uint16_t port = 0,
                     const std::string& kept_key = {});
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::uint16_t port() const { return port_; }
  const std::string& address() const { return address_; }

  // All below may be called from any thread at any time, and holds from the next query on. Names with or without the
  // trailing dot, in any case. Records are text as dns_rdata takes it; nonsense throws std::invalid_argument.
  void set(const std::string& name, const std::string& type, const std::vector<std::string>& records);
  void add(const std::string& name, const std::string& type, const std::vector<std::string>& records);
  /// Adds one TXT record of several strings.
  void add_strings(const std::string& name, const std::vector<std::string>& strings);
  void remove(const std::string& name);
  void remove(const std::string& name, const std::string& type);

  /// `type` "*": every type for which there is no fault of its own.
  void fault(const std::string& name, const std::string& type, Fault fault);
  void heal(const std::string& name, const std::string& type);
  void clear_faults();
  void silent(bool on);  ///< no answer to anything

  void ttl(std::uint32_t seconds);           ///< of all records; 0 in the beginning
  void negative_ttl(std::uint32_t seconds);  ///< of the SOA in negative answers; 0 in the beginning
  void sign(bool on);  ///< answers carry AD for those who ask for it, and signatures for those who ask with DO,
  /// except where this took part. Signatures: for all types, and there and below (not for the root).
  void insecure(const std::string& name, const std::string& type = "*");
  std::string trust_anchor() const;  ///< a line for unbound's trust-anchor-file

  std::vector<Query> log() const;
  /// How often this was asked since the beginning, over either transport.
  std::size_t count(const std::string& name, const std::string& type = "*") const;

 private:
  using Key = std::pair<std::string, std::string>;  // name, type or "*"

  bool open(const std::string& address, std::uint16_t port);
  void serve_udp();
  void serve_tcp(Channel& channel);
  std::optional<std::string> answer(std::string_view wire, bool tcp, std::uint16_t port);
  DnsReply look_up(const DnsQuestion& question, std::optional<Fault> fault);
  std::optional<Fault> fault_for(const std::string& name, const std::string& type) const;

  mutable std::mutex mutex_;  // below it: all down to log_
  DnsZone zone_;
  std::map<Key, Fault> faults_;
  bool silent_ = false;
  std::vector<Query> log_;

  const std::string address_;
  std::uint16_t port_ = 0;
  int udp_ = -1, wake_ = -1;
  std::unique_ptr<Server> tcp_;
  std::thread thread_;
};

}  // namespace lab
