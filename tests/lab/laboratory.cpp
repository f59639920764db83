// The laboratory's domains, and its memory.
#include "tests/lab/laboratory.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "protocol/base/text.hpp"

namespace lab {
namespace {

std::string temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "sts-lab-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory at " + name);
  return name;
}

std::vector<Message> copies(const Mailbag& mailbag, const std::function<bool(const Message&)>& wanted) {
  std::vector<Message> found;
  for (const auto& message : mailbag)
    if (wanted(*message)) found.push_back(*message);
  return found;
}

template <typename Item>
std::vector<Item> latest(std::vector<Item> items, std::size_t most) {
  if (items.size() > most) items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(most));
  return items;
}

/// The IPv4 address that many after this one.
std::string counted_up(const std::string& first, int steps) {
  in_addr address{};
  if (::inet_pton(AF_INET, first.c_str(), &address) != 1) throw std::runtime_error("not an IPv4 address: " + first);
  address.s_addr = htonl(ntohl(address.s_addr) + static_cast<std::uint32_t>(steps));
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

}  // namespace

std::string sts_record(const std::string& id) {
  return "v=STSv1; id=" + id + ";";
}

void Domain::policy(const PolicyOptions& options) {
  std::vector<std::string> patterns = options.mx;
  if (patterns.empty())
    for (const MxHost* host : mx) patterns.push_back(host->host());
  std::string body = "version: " + options.version + options.line_end + "mode: " + options.mode + options.line_end;
  for (const auto& pattern : patterns) body += "mx: " + pattern + options.line_end;
  body += "max_age: " + options.max_age + options.line_end;
  site([&](Site& changed) { changed.body = body; });
  if (!options.id.empty()) txt({sts_record(options.id)});
}

void Domain::site(const std::function<void(Site&)>& change) {
  lab.web().change(policy_host(), change);
}

void Domain::txt(const std::vector<std::string>& records) {
  lab.dns().set("_mta-sts." + name, "TXT", records);
}

void Domain::hosts(const std::vector<std::string>& hosts) {
  std::vector<std::string> records;
  for (std::size_t i = 0; i < hosts.size(); ++i) records.push_back(std::to_string(10 * (i + 1)) + " " + hosts[i] + ".");
  lab.dns().set(name, "MX", records);
}

void Domain::block() {
  lab.dns().fault("_mta-sts." + name, "*", Fault::servfail);
  lab.dns().fault(policy_host(), "*", Fault::servfail);
}

void Domain::unblock() {
  lab.dns().heal("_mta-sts." + name, "*");
  lab.dns().heal(policy_host(), "*");
}

Laboratory::Laboratory(const LaboratoryOptions& options)
    : directory_(temporary_directory()),
      smtp_number_(options.smtp_port != 0 ? options.smtp_port : smtp_port_.number()),
      https_number_(options.https_port != 0 ? options.https_port : https_port_.number()),
      mx_address_(options.mx_address) {
  ca_ = std::make_unique<Authority>(directory_, "Lab CA", AuthorityOptions{.kept = options.authority});
  other_ca_ = std::make_unique<Authority>(directory_, "Other CA");
  dns_ = std::make_unique<DnsServer>(options.dns_address, options.dns_port, options.zone_key);
  web_ = std::make_unique<PolicyHost>(watch_, options.policy_address, https_number_,
                                      ca_->issue({"nothing.test"}, {.self_signed = true}).path);
  // The client's and the relay's own names.
  domain("sender.test", {.mx_names = {"mx.sender.test"}});
  dns_->set("relay.test", "A", {"127.0.0.1"});
}

Laboratory::~Laboratory() {
  hosts_.clear();
  web_.reset();
  dns_.reset();
  std::error_code ignored;  // a temporary directory that stays behind is no failure
  std::filesystem::remove_all(directory_, ignored);
}

std::string Laboratory::dns_server() const {
  const std::string& address = dns_->address();
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + std::to_string(dns_->port());
}

std::string Laboratory::trust_anchors() const {
  return ca_->path();
}

MxHost& Laboratory::mx(const std::string& host, const MxOptions& options) {
  const int number = next_address_++;
  std::string address = options.address;
  if (address.empty() && mx_address_.empty())
    address = "127.0." + std::to_string(1 + number / 250) + "." + std::to_string(1 + number % 250);
  if (address.empty()) address = counted_up(mx_address_, number - 1);
  const std::string certificate = options.certificate.empty() ? ca_->issue({host}).path : options.certificate;
  hosts_.push_back(std::make_unique<MxHost>(watch_, mailbag_, host, address,
                                            options.port == 0 ? smtp_port() : options.port, certificate));
  dns_->set(host, address.find(':') == std::string::npos ? "A" : "AAAA", {address});
  return *hosts_.back();
}

void Laboratory::site(const std::string& domain, const std::string& body) {
  const std::string host = "mta-sts." + domain;
  Site site;
  site.certificate = ca_->issue({host}).path;
  site.body = body;
  web_->site(host, std::move(site));
  dns_->set(host, "A", {web_->address()});
}

Domain& Laboratory::domain(const std::string& name, const DomainOptions& options) {
  std::vector<std::string> names = options.mx_names;
  if (names.empty())
    for (int i = 1; i <= options.mx; ++i) names.push_back("mx" + std::to_string(i) + "." + name);
  Domain& domain = domains_.emplace_back(Domain{*this, name, {}});
  for (const auto& host : names) domain.mx.push_back(&mx(host, options.host));
  if (!names.empty()) domain.hosts(names);
  if (!options.sts.empty()) {
    site(name);
    domain.policy({.mode = options.sts, .mx = options.patterns, .max_age = options.max_age, .id = options.id});
  }
  return domain;
}

std::vector<MxHost*> Laboratory::hosts() {
  std::vector<MxHost*> all;
  for (const auto& host : hosts_) all.push_back(host.get());
  return all;
}

std::vector<Message> Laboratory::inbox() const {
  auto guard = watch_.lock();
  return copies(mailbag_, [](const Message& message) { return message.accepted; });
}

std::vector<Message> Laboratory::arrived(const std::string& recipient) const {
  auto guard = watch_.lock();
  return copies(mailbag_, [&](const Message& message) {
    return message.accepted &&
           std::find(message.recipients.begin(), message.recipients.end(), recipient) != message.recipients.end();
  });
}

std::vector<Message> Laboratory::seen() const {
  auto guard = watch_.lock();
  return copies(mailbag_, [](const Message&) { return true; });
}

std::vector<std::string> Laboratory::story() const {
  std::vector<std::string> lines;
  std::string asked = "DNS:";
  for (const auto& query : latest(dns_->log(), 40))
    asked += " " + query.name + " " + query.type + (query.transport == "tcp" ? " (tcp)" : "") + ",";
  lines.push_back(asked);
  for (const auto& request : latest(web_->requests(), 10))
    lines.push_back("HTTPS: " + base::printable(request.line, 100) + " (SNI " +
                    base::printable(request.server_name, 100) + ")");
  for (const auto& host : hosts_) {
    for (const auto& session : latest(host->sessions(), 6)) {
      std::string line =
          "MX " + host->host() + " " + host->address() + ": " + (session.tls.empty() ? "plaintext" : session.tls) + ";";
      for (const auto& command : latest(session.commands, 14))
        line += (command.tls ? " TLS> " : " > ") + base::printable(command.line, 70);
      if (!session.error.empty()) line += "; " + base::printable(session.error, 150);
      if (!session.closed) line += "; open";
      lines.push_back(line);
    }
  }
  for (const auto& message : latest(inbox(), 10))
    lines.push_back("TAKEN by " + message.mx->host() + " for " + message.recipients.at(0));
  return lines;
}

BlackHole::BlackHole(const std::string& address, std::uint16_t port) {
  const SocketAddress local(address, port);
  const int listening = ::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockets_.push_back(listening);
  const int on = 1;
  ::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listening, local.get(), local.size()) != 0 || ::listen(listening, 0) != 0) {
    ::close(listening);
    throw std::runtime_error("cannot listen at " + address);
  }
  for (int filler = 0; filler < 4; ++filler) {
    sockets_.push_back(::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    static_cast<void>(::connect(sockets_.back(), local.get(), local.size()));
  }
}

BlackHole::~BlackHole() {
  for (const int socket : sockets_) ::close(socket);
}

}  // namespace lab
