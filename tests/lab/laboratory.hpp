// A small Internet on loopback that misbehaves on request: certificate authorities, DNS, HTTPS policy hosts, MX hosts.
//
//   Laboratory lab;
//   Domain& d = lab.domain("good.test", {.sts = "enforce"});   // records, policy host and MX hosts, all healthy
//   d.mx[0]->starttls(Starttls::stripped);                     // a scenario breaks what it wants to break
//
// What happened is in lab.dns(), lab.web().requests(), MxHost::sessions() and lab.arrived(). All traffic stays on
// loopback, on ports that nobody else uses; nothing survives the object.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/authority.hpp"
#include "tests/lab/dns_server.hpp"
#include "tests/lab/mx_host.hpp"
#include "tests/lab/policy_host.hpp"

namespace lab {

inline constexpr const char* web_address = "127.0.0.2";
inline constexpr const char* dead_address = "127.0.0.3";  ///< nothing listens there

class Laboratory;

/// A TXT record's text as the laboratory's domains publish it.
std::string sts_record(const std::string& id);

struct PolicyOptions {
  std::string mode = "enforce";
  std::vector<std::string> mx = {};  ///< patterns; empty: the domain's MX hosts
  std::string max_age = "86400";
  std::string id = {};  ///< empty: the TXT record stays as it is
  std::string version = "STSv1";
  std::string line_end = "\r\n";
};

struct Domain {
  Laboratory& lab;
  std::string name;
  std::vector<MxHost*> mx;

  std::string policy_host() const { return "mta-sts." + name; }
  /// (Re)writes the policy, and with an id the TXT record too.
  void policy(const PolicyOptions& options = {});
  /// Changes the policy host: d.site([](Site& s) { s.status = "404 Not Found"; }).
  void site(const std::function<void(Site&)>& change);
  void txt(const std::vector<std::string>& records);  ///< the TXT set at _mta-sts.
  void hosts(const std::vector<std::string>& hosts);  ///< the MX set, preferences 10, 20, ...
  void block();                                       ///< lookups of the record and of the policy host fail (SERVFAIL)
  void unblock();
};

struct MxOptions {
  std::string certificate = {};  ///< PEM file; empty: a good one for the host's name
  std::string address = {};      ///< empty: one of its own, 127.0.1.x
  std::uint16_t port = 0;        ///< 0: the laboratory's SMTP port
};

struct DomainOptions {
  int mx = 1;                              ///< hosts mx1.NAME, mx2.NAME, ...
  std::vector<std::string> mx_names = {};  ///< these instead
  std::string sts = {};                    ///< mode of a published policy; empty: none
  std::vector<std::string> patterns = {};  ///< of the policy; empty: the MX hosts
  std::string max_age = "86400";
  std::string id = "20260101";
  MxOptions host = {};  ///< for each MX host
};

/// Where the servers are. As it stands: loopback, on free ports of the machine's choice.
struct LaboratoryOptions {
  std::string dns_address = "127.0.0.1", policy_address = web_address;
  std::string mx_address = {};  ///< IPv4, of the first MX host; the next ones count up. Empty: 127.0.1.2
  std::uint16_t dns_port = 0, smtp_port = 0, https_port = 0;
  std::string authority = {};  ///< PEM file that keeps the authority from run to run, with its key; empty: a new one
  std::string zone_key = {};   ///< the same for the key that signs the DNS records
};

class Laboratory {
 public:
  Laboratory() : Laboratory(LaboratoryOptions()) {}
  explicit Laboratory(const LaboratoryOptions& options);  ///< all servers run when it returns
  ~Laboratory();                                          ///< and have ended when this returns
  Laboratory(const Laboratory&) = delete;
  Laboratory& operator=(const Laboratory&) = delete;

  Authority& ca() { return *ca_; }
  Authority& other_ca() { return *other_ca_; }  ///< which nobody trusts
  DnsServer& dns() { return *dns_; }
  PolicyHost& web() { return *web_; }
  const Watch& watch() const { return watch_; }
  Watch& watch() { return watch_; }

  const std::string& directory() const { return directory_; }  ///< temporary, gone afterwards
  std::string dns_server() const;                              ///< "127.0.0.1:43211"
  std::string trust_anchors() const;                           ///< a PEM file
  std::uint16_t smtp_port() const { return smtp_number_; }
  std::uint16_t https_port() const { return https_number_; }

  /// A domain with its MX hosts, and with `sts` its record and policy host: all healthy.
  Domain& domain(const std::string& name, const DomainOptions& options = {});
  /// A healthy MX host with its address record; no MX record points to it yet.
  MxHost& mx(const std::string& host, const MxOptions& options = {});
  /// A policy host for a domain, with a good certificate and its address record.
  void site(const std::string& domain, const std::string& body = {});
  std::vector<MxHost*> hosts();

  /// Messages that some MX host has accepted, in order; those for this recipient.
  std::vector<Message> inbox() const;
  std::vector<Message> arrived(const std::string& recipient) const;
  /// Every message whose body an MX host has read to its end, accepted or not.
  std::vector<Message> seen() const;

  /// What the laboratory saw, for a reader who looks for the cause of a failure.
  std::vector<std::string> story() const;

 private:
  Watch watch_;
  Mailbag mailbag_;  ///< below the watch's lock
  std::string directory_;
  ReservedPort smtp_port_, https_port_;
  const std::uint16_t smtp_number_, https_number_;
  const std::string mx_address_;
  std::unique_ptr<Authority> ca_, other_ca_;
  std::unique_ptr<DnsServer> dns_;
  std::unique_ptr<PolicyHost> web_;
  std::deque<std::unique_ptr<MxHost>> hosts_;
  std::deque<Domain> domains_;
  int next_address_ = 1;
};

/// Connections to an address are neither accepted nor refused, because the listening socket's queue is full, until this
/// ends.
class BlackHole {
 public:
  BlackHole(const std::string& address, std::uint16_t port);
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

 private:
  std::vector<int> sockets_;
};

}  // namespace lab
