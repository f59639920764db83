// Who a session's client is and what it may do: by its address, or that which a balancer names, by a key, by a
// password.
#include <algorithm>
#include <boost/asio/error.hpp>
#include <optional>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "protocol/net/proxy_protocol.hpp"
#include "proxy/inbound/session.hpp"
#include "proxy/tls/client_key.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds header_wait(60);

boost::asio::ip::address without_mapping(boost::asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address;
}

}  // namespace

std::optional<boost::asio::ip::address> Session::peer_of(const Socket& socket) {
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return std::nullopt;
  return without_mapping(peer.address());
}

void Session::refuse(const std::string& limit_reached) {
  refused_ = true;
  using metrics::Refusal;
  metrics::all.inbound
      .clients_refused[limit_reached == "connections" ? Refusal::connections : Refusal::connections_per_client]
      .add();
  log::Event(log::Level::warn, "client_refused").add("client", client_address_).add("reason", "limit " + limit_reached);
  machine_ =
      std::make_unique<smtp::ServerSession>(listener_->options, policy::reply::too_many_connections(limit_reached));
}

// The client is known: what it may do.
void Session::begin(const boost::asio::ip::address& client, const std::string& limit_reached) {
  if (!limit_reached.empty()) return refuse(limit_reached);
  be_patient();
  may_waive_ = listener_->may_waive(client);
  auto admission = smtp::Admission::served;
  if (!listener_->allowed(client)) {
    const bool may_show_who_it_is = listener_->users || !listener_->allow_keys.empty();
    admission = may_show_who_it_is ? smtp::Admission::must_authenticate : smtp::Admission::refused;
  }
  if (admission == smtp::Admission::refused) {
    metrics::all.inbound.clients_refused[metrics::Refusal::allow].add();
    log::Event(log::Level::warn, "client_refused").add("client", client_address_).add("reason", "not in allow");
  }
  machine_ = std::make_unique<smtp::ServerSession>(listener_->options, admission);
  if (shutting_down_) machine_->shut_down(policy::reply::shutting_down().text);
}

// SMTP-39: the header of the PROXY protocol, from listed peers only, not an octet more. False: there is none, and the
// connection is to be closed without a word: who speaks here is not known.
awaitable<bool> Session::hear_balancer() {
  std::string reason;
  const auto peer = peer_of(stream_.socket());
  std::string header;
  const auto deadline = after(header_wait);
  if (!peer || !listener_->is_balancer(*peer)) reason = "not in proxy_protocol";
  while (reason.empty()) {
    auto state = net::parse_proxy_header(header);
    if (const auto* whole = std::get_if<net::ProxyHeader>(&state)) {
      auto client = *peer;
      boost::system::error_code error;
      if (whole->command == net::ProxyHeader::Command::proxy)
        client = without_mapping(boost::asio::ip::make_address(whole->source, error));
      client_address_ = client.to_string();
      begin(client, place_.belongs_to(client_address_));
      co_return true;
    }
    if (const auto* invalid = std::get_if<net::ProxyHeaderInvalid>(&state)) {
      reason = "no PROXY header: " + invalid->reason;
      break;
    }
    const auto had = header.size();
    header.resize(had + std::get<net::ProxyHeaderNeeds>(state).octets);
    waiting_ = true;
    const auto done = co_await stream_.read(std::span(header).subspan(had), deadline);
    waiting_ = false;
    header.resize(had + done.octets);
    if (done.error) reason = "no PROXY header: the connection ended or was silent";
    if (shutting_down_ && done.error) co_return false;
  }
  metrics::all.inbound.clients_refused[metrics::Refusal::allow].add();
  log::Event(log::Level::warn, "client_refused").add("client", client_address_).add("reason", reason);
  co_return false;
}

void Session::admit_by_key() {
  const auto& allowed = listener_->allow_keys;
  if (allowed.empty()) return;
  const auto key = peer_key_digest(stream_.ssl());
  if (key.empty() || std::find(allowed.begin(), allowed.end(), key) == allowed.end()) return;
  metrics::all.inbound.authentications[metrics::Login::accepted].add();
  log::Event(log::Level::info, "authenticated").add("client", client_address_).add("by", "allow_keys");
  machine_->admit();
}

awaitable<void> Session::authenticate(smtp::Credentials credentials) {
  using Said = Authenticator::Verdict;
  const auto user = credentials.user;
  const auto* mechanism = credentials.mechanism == smtp::Mechanism::plain ? "PLAIN" : "LOGIN";
  auto users = listener_->users->get();
  const auto verdict =
      co_await listener_->authenticator->check(std::move(users), client_address_, std::move(credentials));
  const bool accepted = verdict == Said::accepted;
  metrics::all.inbound.authentications[accepted ? metrics::Login::accepted : metrics::Login::failed].add();
  log::Event event(accepted ? log::Level::info : log::Level::warn,
                   accepted ? "authenticated" : "authentication_failed");
  event.add("client", client_address_).add("user", base::printable(user, 320)).add("mechanism", mechanism);
  switch (verdict) {
    case Said::accepted: machine_->answer({235, "2.7.0", "authenticated"}); break;
    case Said::wrong:
      // RFC 4954 §6: alike for an unknown user and a wrong password.
      event.add("reason", "user or password");
      machine_->answer({535, "5.7.8", "user or password is wrong"});
      break;
    case Said::too_many:
      event.add("reason", "too many failures of this client");
      machine_->close_with(
          {421, "4.7.0", "too many failed authentications from your address, try again in some minutes"});
      break;
    case Said::busy:
      event.add("reason", "too many passwords wait to be checked");
      machine_->answer({454, "4.7.0", "too many authentications at a time, try again soon"});
      break;
  }
}

}  // namespace proxy
