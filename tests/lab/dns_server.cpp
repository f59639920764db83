// Faults, and one thread for UDP; TCP is a lab::Server.
#include "tests/lab/dns_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace lab {
namespace {

constexpr unsigned formerr = 1, servfail = 2, nxdomain = 3, refused = 5;

std::vector<std::string> encode(const std::string& type, const std::vector<std::string>& records) {
  std::vector<std::string> data;
  for (const auto& record : records) data.push_back(dns_rdata(type, record));
  return data;
}

std::uint16_t port_in(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string truncated(const DnsQuestion& question) {
  DnsReply reply;
  reply.truncated = true;
  reply.edns = question.edns;
  return reply.wire(question);
}

std::string garbage(const DnsQuestion& question) {
  DnsReply reply;
  reply.answer.push_back({question.name, question.type_code, 60, std::string(40, '\xff')});
  std::string wire = reply.wire(question);
  wire.resize(wire.size() - 25);  // the record ends after the message
  return wire;
}

std::string to_another_question(DnsQuestion question) {
  const std::string other = "another.test";
  question.name = other;
  question.wire = dns_name(other) + question.wire.substr(question.wire.size() - 4);
  DnsReply reply;
  reply.answer.push_back({other, dns_type_code("A"), 60, dns_rdata("A", "127.0.0.9")});
  return reply.wire(question);
}

}  // namespace

DnsServer::DnsServer(const std::string& address, std::uint16_t port, const std::string& kept_key)
    : zone_(kept_key), address_(address) {
  // A port that is free for UDP may be taken for TCP: then another one.
  for (int tries = 0; !open(address, port); ++tries) {
    if (port != 0 || tries == 50)
      throw std::runtime_error("cannot serve DNS at " + address + " port " + std::to_string(port));
  }
  set(".", "NS", {"ns.test."});  // what a probe for AD asks
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve_udp(); });
}

DnsServer::~DnsServer() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
  thread_.join();
  tcp_.reset();
  ::close(udp_);
  ::close(wake_);
}

bool DnsServer::open(const std::string& address, std::uint16_t port) {
  const SocketAddress local(address, port);
  udp_ = ::socket(local.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (udp_ >= 0 && ::bind(udp_, local.get(), local.size()) == 0 &&
      ::getsockname(udp_, reinterpret_cast<sockaddr*>(&bound), &size) == 0) {
    port_ = port_in(bound);
    try {
      tcp_ = std::make_unique<Server>(address, port_, [this](Channel& channel) { serve_tcp(channel); });
      return true;
    } catch (const std::runtime_error&) {
      // taken for TCP; the caller tries on or gives up
    }
  }
  if (udp_ >= 0) ::close(udp_);
  udp_ = -1;
  return false;
}

void DnsServer::serve_udp() {
  std::vector<char> buffer(65536);
  for (;;) {
    pollfd ready[2] = {{udp_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const auto got = ::recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (got < 0) continue;
    const auto reply = answer({buffer.data(), static_cast<std::size_t>(got)}, false, port_in(peer));
    if (reply) ::sendto(udp_, reply->data(), reply->size(), 0, reinterpret_cast<const sockaddr*>(&peer), size);
  }
}

void DnsServer::serve_tcp(Channel& channel) {
  for (;;) {
    const std::string_view head = channel.read_exactly(2);
    const std::size_t size = static_cast<unsigned char>(head[0]) * 256u + static_cast<unsigned char>(head[1]);
    const auto reply = answer(channel.read_exactly(size), true, 0);
    if (!reply) continue;
    std::string framed{static_cast<char>(reply->size() >> 8), static_cast<char>(reply->size() & 0xff)};
    channel.write(framed += *reply);
  }
}

std::optional<std::string> DnsServer::answer(std::string_view wire, bool tcp, std::uint16_t port) {
  const auto question = read_question(wire);
  if (!question) return std::nullopt;
  std::lock_guard guard(mutex_);
  log_.push_back({question->name, question->type, tcp ? "tcp" : "udp", port});
  const auto fault = fault_for(question->name, question->type);
  if (silent_ || fault == Fault::timeout) return std::nullopt;
  if (fault == Fault::garbage) return garbage(*question);
  if (fault == Fault::wrong_question) return to_another_question(*question);
  if (fault == Fault::truncate && !tcp) return truncated(*question);
  std::string out = look_up(*question, fault).wire(*question);
  if (!tcp && out.size() > question->payload) return truncated(*question);
  if (fault == Fault::wrong_id) out[0] = static_cast<char>(out[0] ^ 0x55);
  return out;
}

DnsReply DnsServer::look_up(const DnsQuestion& question, std::optional<Fault> fault) {
  DnsReply reply;
  reply.edns = question.edns && fault != Fault::no_edns;
  if (fault == Fault::servfail) reply.rcode = servfail;
  if (fault == Fault::nxdomain) reply.rcode = nxdomain;
  if (fault == Fault::refused) reply.rcode = refused;
  if (fault == Fault::no_edns && question.edns) reply.rcode = formerr;
  if (fault == Fault::bogus && !question.checking_disabled) reply.rcode = servfail;  // RFC 4035 §5.5
  if (reply.rcode != 0) return reply;
  if (fault == Fault::bogus) return zone_.answer(question, DnsZone::Way::spoilt);
  return zone_.answer(question, fault == Fault::bare_alias ? DnsZone::Way::bare_alias : DnsZone::Way::straight);
}

std::optional<Fault> DnsServer::fault_for(const std::string& name, const std::string& type) const {
  for (const auto& key : {Key(name, type), Key(name, "*")})
    if (const auto found = faults_.find(key); found != faults_.end()) return found->second;
  return std::nullopt;
}

void DnsServer::set(const std::string& name, const std::string& type, const std::vector<std::string>& records) {
  auto data = encode(type, records);
  std::lock_guard guard(mutex_);
  zone_.at(dns_name_text(name), type) = std::move(data);
}

void DnsServer::add(const std::string& name, const std::string& type, const std::vector<std::string>& records) {
  const auto data = encode(type, records);
  std::lock_guard guard(mutex_);
  auto& there = zone_.at(dns_name_text(name), type);
  there.insert(there.end(), data.begin(), data.end());
}

void DnsServer::add_strings(const std::string& name, const std::vector<std::string>& strings) {
  auto data = dns_strings(strings);
  std::lock_guard guard(mutex_);
  zone_.at(dns_name_text(name), "TXT").push_back(std::move(data));
}

void DnsServer::remove(const std::string& name) {
  std::lock_guard guard(mutex_);
  zone_.remove(dns_name_text(name));
}

void DnsServer::remove(const std::string& name, const std::string& type) {
  std::lock_guard guard(mutex_);
  zone_.remove(dns_name_text(name), type);
}

void DnsServer::fault(const std::string& name, const std::string& type, Fault fault) {
  std::lock_guard guard(mutex_);
  faults_[{dns_name_text(name), type}] = fault;
}

void DnsServer::heal(const std::string& name, const std::string& type) {
  std::lock_guard guard(mutex_);
  faults_.erase({dns_name_text(name), type});
}

void DnsServer::clear_faults() {
  std::lock_guard guard(mutex_);
  faults_.clear();
}

void DnsServer::silent(bool on) {
  std::lock_guard guard(mutex_);
  silent_ = on;
}

void DnsServer::ttl(std::uint32_t seconds) {
  std::lock_guard guard(mutex_);
  zone_.ttl = seconds;
}

void DnsServer::negative_ttl(std::uint32_t seconds) {
  std::lock_guard guard(mutex_);
  zone_.negative_ttl = seconds;
}

void DnsServer::sign(bool on) {
  std::lock_guard guard(mutex_);
  zone_.is_signed = on;
}

void DnsServer::insecure(const std::string& name, const std::string& type) {
  std::lock_guard guard(mutex_);
  zone_.insecure(dns_name_text(name), type);
}

std::string DnsServer::trust_anchor() const {
  std::lock_guard guard(mutex_);
  return zone_.trust_anchor();
}

std::vector<DnsServer::Query> DnsServer::log() const {
  std::lock_guard guard(mutex_);
  return log_;
}

std::size_t DnsServer::count(const std::string& name, const std::string& type) const {
  const std::string wanted = dns_name_text(name);
  std::lock_guard guard(mutex_);
  return static_cast<std::size_t>(std::count_if(log_.begin(), log_.end(), [&](const Query& query) {
    return query.name == wanted && (type == "*" || query.type == type);
  }));
}

}  // namespace lab
