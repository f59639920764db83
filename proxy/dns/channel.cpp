// One question: id, session, wait, answer.
#include "proxy/dns/channel.hpp"

#include <openssl/rand.h>

#include <bitset>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

namespace proxy {
namespace {

using Clock = std::chrono::steady_clock;

dns::Answer failure(dns::Status status, std::string text) {
  dns::Answer answer;
  answer.status = status;
  answer.text = std::move(text);
  return answer;
}

/// Whether the message has no additional record, so no OPT.
bool lacks_opt(const std::string& message) {
  return message.size() >= 12 && message[10] == 0 && message[11] == 0;
}

}  // namespace

/// The ids of the queries in flight to this server, over all sessions.
struct DnsChannel::Ids : std::enable_shared_from_this<Ids> {
  struct Lease {
    Lease(std::shared_ptr<Ids> from, std::uint16_t number) : ids(std::move(from)), id(number) { ids->taken.set(id); }
    ~Lease() {
      ids->taken.reset(id);
      --ids->count;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    std::shared_ptr<Ids> ids;
    std::uint16_t id;
  };

  /// A random id that no query in flight has; nullptr when half of them are taken, or there are no random numbers.
  std::shared_ptr<Lease> draw() {
    if (count >= taken.size() / 2) return nullptr;
    std::uint16_t id = 0;
    do {
      if (RAND_bytes(reinterpret_cast<unsigned char*>(&id), sizeof id) != 1) return nullptr;
    } while (taken.test(id));
    ++count;
    return std::make_shared<Lease>(shared_from_this(), id);
  }

  std::bitset<65536> taken;
  std::size_t count = 0;
};

DnsChannel::DnsChannel(boost::asio::any_io_executor executor, HostPort server, PortUse port_use)
    : executor_(std::move(executor)),
      server_(std::move(server)),
      text_(server_.address + " port " + std::to_string(server_.port)),
      port_use_(port_use),
      ids_(std::make_shared<Ids>()) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(server_.address, error);
  if (error) throw std::invalid_argument("no address of a DNS server: " + server_.address);
  renews_port_ = port_use_.also_on_loopback || !address.is_loopback();
}

std::shared_ptr<AresSession> DnsChannel::session() {
  const auto now = Clock::now();
  const bool worn =
      session_ && renews_port_ && (session_->sent() >= port_use_.queries || now - opened_ >= port_use_.age);
  if (!session_ || worn) {
    // When there is no new one to be had, the old one is better than none.
    if (auto opened = AresSession::open(executor_, server_)) {
      session_ = std::move(opened);
      opened_ = now;
    }
  }
  return session_;
}

boost::asio::awaitable<dns::Answer> DnsChannel::ask(std::string name, dns::Type type, Time deadline) {
  const auto lease = ids_->draw();
  if (!lease) co_return failure(dns::Status::unreachable, "too many questions in flight to the DNS server " + text_);
  const std::string wire = dns::encode_query(lease->id, name, type);
  if (wire.empty()) co_return failure(dns::Status::nxdomain, "a name that no DNS server can be asked for");
  // Named to the end: the session must outlast the wait, and must not end within one of its own callbacks.
  const auto session = this->session();
  if (!session) co_return failure(dns::Status::unreachable, "no resources to ask the DNS server " + text_);

  const auto query = std::make_shared<DnsQuery>(executor_, lease, deadline);
  session->send(wire, query);
  while (!query->done && Clock::now() < deadline) {
    constexpr auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
    co_await query->bell.async_wait(token);
  }
  dns::Answer answer = answer_of(*query, lease->id, name, type);
  if (query->done && lacks_opt(query->octets) && session == session_ && !session->speaks_edns()) session_.reset();
  co_return answer;
}

dns::Answer DnsChannel::answer_of(const DnsQuery& query, std::uint16_t id, const std::string& name,
                                  dns::Type type) const {
  if (!query.done || query.status == ARES_ETIMEOUT)
    return failure(dns::Status::timeout, "no answer from the DNS server " + text_);
  if (query.status == ARES_ECONNREFUSED)
    return failure(dns::Status::unreachable, "the DNS server " + text_ + " cannot be reached");
  if (query.status != ARES_SUCCESS)
    return failure(dns::Status::unreachable, "the DNS server " + text_ + ": " + ares_strerror(query.status));
  auto decoded = dns::decode_answer(query.octets, name, type);
  if (!decoded) return failure(dns::Status::garbage, "the DNS server " + text_ + ": " + decoded.error().what);
  // c-ares has asked again over TCP already, and has compared the ids: neither is taken for granted here.
  if (decoded->truncated)
    return failure(dns::Status::garbage, "a truncated answer over TCP from the DNS server " + text_);
  if (decoded->id != id)
    return failure(dns::Status::garbage, "an answer to another query from the DNS server " + text_);
  if (dns::failed(decoded->answer.status)) decoded->answer.text += " (" + text_ + ")";
  return std::move(decoded->answer);
}

}  // namespace proxy
