// The guides, with the addresses and ports of the user's own lab.toml.
#include "tests/lab/judge/guide.hpp"

#include <map>

namespace lab::judge {
namespace {

using Text = std::string (*)(const LabConfig&);

std::string dns(const LabConfig& config) {
  return config.servers.dns_address +
         (config.servers.dns_port == 53 ? "" : ":" + std::to_string(config.servers.dns_port));
}

/// What belongs into resolv.conf; where lab.toml still has a loopback address, the one that it is told to have.
std::string nameserver(const LabConfig& config) {
  return config.servers.dns_address.starts_with("127.") ? "198.18.0.53" : config.servers.dns_address;
}

/// For senders that ask the system's resolver and dial the ports that everyone dials.
std::string standard_ports(const LabConfig& config) {
  return "This sender asks the system's DNS server and dials ports 25 and 443. Give it a machine, a container or a\n"
         "network namespace of its own, and there\n"
         "  in lab.toml       dns_port = 53, smtp_port = 25, https_port = 443, and addresses that are neither of\n"
         "                    127.0.0.0/8, which mail servers take for their own, nor private, which some refuse:\n"
         "                    dns_address = \"198.18.0.53\", policy_address = \"198.18.0.80\", mx_address = "
         "\"198.18.1.1\"\n"
         "  /etc/resolv.conf  nameserver " +
         nameserver(config) +
         "\n"
         "                    options trust-ad\n"
         "                    (or a validating resolver between the two: sts-lab guide unbound)\n"
         "  addresses         ip link set lo up; ip address add 198.18.0.1/16 dev lo: all of that network is there "
         "then;\n"
         "                    ip address add 198.18.0.25/32 dev lo: the sender's own\n"
         "  trust             cp " +
         config.root() +
         " /usr/local/share/ca-certificates/sts-lab.crt && update-ca-certificates\n"
         "The laboratory must run before the sender starts: sts-lab serve --config lab.toml, then stop it and judge.\n";
}

const std::map<std::string, Text>& guides() {
  static const std::map<std::string, Text> all{
      {"sts-relay",
       [](const LabConfig& c) {
         return "# sts-relay.toml: no namespace needed, any ports will do. `sts-lab serve` once, first: it writes the "
                "authority.\n"
                "hostname = \"relay.test\"\n"
                "state_dir = \"relay-state\"\n\n"
                "[[listener]]\n"
                "address = \"127.0.0.1:2500\"\n"
                "allow = [\"127.0.0.0/8\"]\n"
                "\n[dns]\n"
                "servers = [\"" +
                dns(c) +
                "\"]\n"
                "dnssec = \"on\"\n"
                "\n[tls]\n"
                "trust_anchors = \"" +
                c.root() +
                "\"\n"
                "\n[mta_sts]\n"
                "fetch_timeout = \"15s\"\n"
                "\n[lab]\n"
                "smtp_port = " +
                std::to_string(c.servers.smtp_port) + "\nhttps_port = " + std::to_string(c.servers.https_port) +
                "\nallow_loopback = true\n"
                "\n# With on_defer = \"queue\" in the listener also [queue] retry = [\"5s\"], and below --wait 30s.\n"
                "# sts-lab judge --config lab.toml --smtp 127.0.0.1:2500\n";
       }},
      {"postfix",
       [](const LabConfig& c) {
         return standard_ports(c) +
                "\nmain.cf:\n"
                "  mynetworks = 198.18.0.0/24\n"
                "  mydestination =\n"
                "  relayhost =\n"
                "  inet_interfaces = 198.18.0.25\n"
                "  smtp_tls_security_level = may        (as Debian sets it)\n"
                "  smtp_tls_CAfile = " +
                c.root() +
                "\n"
                "  minimal_backoff_time = 5s, maximal_backoff_time = 10s, queue_run_delay = 5s\n"
                "DANE:     smtp_dns_support_level = dnssec, smtp_tls_security_level = dane\n"
                "MTA-STS:  smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix (postfix-mta-sts-resolver), "
                "and in\n"
                "          mta-sts-daemon.yml cache_grace: 1, so that a changed record counts at once, and\n"
                "          default_zone: {timeout: 15} where the machine is busy\n"
                "Debian runs smtp in a chroot with a resolv.conf and certificates of its own, which its start script "
                "copies;\n"
                "`n` in the fifth column of master.cf does without.\n"
                "\nsts-lab judge --config lab.toml --smtp 198.18.0.25:25 --wait 30s\n";
       }},
      {"exim",
       [](const LabConfig& c) {
         return standard_ports(c) +
                "\nexim4.conf (there is no MTA-STS in Exim; DANE where it was built with it):\n"
                "  daemon_smtp_ports = 25\n"
                "  local_interfaces = 198.18.0.25\n"
                "  hostlist relay_from_hosts = 198.18.0.0/24    (and an acl_smtp_rcpt that accepts these)\n"
                "  dns_dnssec_ok = 1\n"
                "  router dnslookup:       dnssec_request_domains = *\n"
                "  transport remote_smtp:  hosts_try_dane = *, tls_verify_certificates = " +
                c.root() +
                "\n"
                "  begin retry:            * * F,1h,5s\n"
                "  the daemon:             exim4 -bdf -q5s\n"
                "\nsts-lab judge --config lab.toml --smtp 198.18.0.25:25 --wait 30s\n";
       }},
      {"opensmtpd",
       [](const LabConfig& c) {
         return standard_ports(c) +
                "\nsmtpd.conf (there is neither MTA-STS nor DANE in OpenSMTPD):\n"
                "  listen on 127.0.0.1 port 2500\n"
                "  action \"out\" relay\n"
                "  match from local for any action \"out\"\n"
                "\nsts-lab judge --config lab.toml --smtp 127.0.0.1:2500 --wait 5m\n";
       }},
      {"mox",
       [](const LabConfig& c) {
         return standard_ports(c) +
                "\nmox.conf: a listener with SMTP on 127.0.0.1 that relays for an account's submissions; Transports "
                "empty;\n"
                "  tls: CA: AdditionalToSystem: true, CertFiles: " +
                c.root() +
                "\nmox takes mail for other domains only from submission with a login: put a relay without policies "
                "of\n"
                "its own in front (Postfix with relayhost = [127.0.0.1]:587 and a password), and judge at its port.\n"
                "\nsts-lab judge --config lab.toml --smtp 127.0.0.1:2500 --wait 5m\n";
       }},
      {"haraka",
       [](const LabConfig& c) {
         return standard_ports(c) +
                "\nconfig/smtp.ini:           listen=127.0.0.1:2500\n"
                "config/plugins:            a plugin that sets connection.relaying for 127.0.0.1 (relay, with "
                "relay_acl_allow)\n"
                "config/outbound.ini:       enable_tls=true (a short temp_fail_intervals returns what has to wait)\n"
                "environment of the daemon: NODE_EXTRA_CA_CERTS=" +
                c.root() + "\n\nsts-lab judge --config lab.toml --smtp 127.0.0.1:2500 --wait 5m\n";
       }},
      {"unbound",
       [](const LabConfig& c) {
         return "# unbound.conf: a validating resolver between the sender and the laboratory. Not a sender itself: one "
                "that has\n"
                "# its own guide asks 127.0.0.54 then (/etc/resolv.conf: nameserver 127.0.0.54, options trust-ad), and "
                "trusts\n"
                "# " +
                c.root() +
                " as ever. `sts-lab serve` once, first: it writes the trust anchor.\n"
                "# unbound -d -c unbound.conf; sts-lab judge --config lab.toml --smtp 127.0.0.1:2500\n"
                "server:\n"
                "  interface: 127.0.0.54\n"
                "  port: 53\n"
                "  do-daemonize: no\n"
                "  use-syslog: no\n"
                "  val-log-level: 2\n"
                "  chroot: \"\"\n"
                "  username: \"\"\n"
                "  directory: \"" +
                c.directory + "\"\n  pidfile: \"" + c.directory +
                "/unbound.pid\"\n"
                "  module-config: \"validator iterator\"\n"
                "  trust-anchor-file: \"" +
                c.trust_anchor() +
                "\"\n"
                "  do-not-query-localhost: no\n"
                "  local-zone: \"test.\" nodefault\n"
                "  # The laboratory changes its mind from message to message.\n"
                "  cache-max-ttl: 0\n"
                "  cache-max-negative-ttl: 0\n"
                "  val-bogus-ttl: 1\n"
                "remote-control:\n"
                "  control-enable: no\n"
                "forward-zone:\n"
                "  name: \".\"\n"
                "  forward-addr: " +
                c.servers.dns_address + "@" + std::to_string(c.servers.dns_port) + "\n";
       }},
  };
  return all;
}

}  // namespace

std::vector<std::string> guided() {
  std::vector<std::string> names;
  for (const auto& [name, text] : guides()) names.push_back(name);
  return names;
}

std::string guide(const std::string& sender, const LabConfig& config) {
  return guides().at(sender)(config);
}

}  // namespace lab::judge
