// The accept loop of one listener.
#include "proxy/inbound/acceptor.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>

namespace proxy {

namespace asio = boost::asio;

namespace {
// Without descriptors (EMFILE) accepting at once again would spin; the clients wait in the kernel's queue.
constexpr std::chrono::milliseconds out_of_descriptors(100);
}  // namespace

Acceptor::Acceptor(const Executor& executor, const HostPort& address, Take take)
    : executor_(executor), acceptor_(executor), pause_(executor), take_(std::move(take)) {
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.address), address.port);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
}

void Acceptor::start() {
  spawn(executor_, accept(), "accept");
}

void Acceptor::stop() {
  error_code ignored;
  acceptor_.close(ignored);
}

awaitable<void> Acceptor::accept() {
  while (acceptor_.is_open()) {
    Socket socket(executor_);
    asio::ip::tcp::endpoint peer;
    error_code error;
    co_await acceptor_.async_accept(socket, peer, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    if (error) {
      if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space) {
        log::Event(log::Level::error, "accept_failed").add("reason", error.message());
        pause_.expires_after(out_of_descriptors);
        co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
      continue;
    }
    auto address = peer.address();
    const bool v6 = address.is_v6();
    if (v6 && address.to_v6().is_v4_mapped()) address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    const int descriptor = static_cast<int>(socket.release(error));
    if (!error) take_(descriptor, v6, address.to_string());
  }
}

namespace {

/// Whether an address is in one of these networks; keeps them.
std::function<bool(asio::ip::address)> any_of(std::vector<Network> networks) {
  return [networks = std::move(networks)](asio::ip::address address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
      address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    std::vector<unsigned char> octets;
    if (address.is_v4()) {
      const auto raw = address.to_v4().to_bytes();
      octets.assign(raw.begin(), raw.end());
    } else {
      const auto raw = address.to_v6().to_bytes();
      octets.assign(raw.begin(), raw.end());
    }
    for (const auto& network : networks) {
      if (network.contains(octets)) return true;
    }
    return false;
  };
}

}  // namespace

std::shared_ptr<const ListenerFacts> listener_facts(const Config& config, const ListenerConfig& listener,
                                                    std::uint16_t port, ListenerParts parts) {
  auto facts = std::make_shared<ListenerFacts>();
  facts->options.hostname = config.hostname;
  facts->options.message_size = config.limits.message_size;
  facts->options.recipients = config.limits.recipients;
  facts->options.bare_newline = listener.bare_newline;
  facts->options.lmtp = port != 25;  // RFC 2033 §5: LMTP must not be spoken on port 25
  facts->floor = policy::requirement_of(listener.security);
  facts->allowed = any_of(listener.allow);
  facts->may_waive = any_of(listener.tls_required_no);
  facts->options.tls = listener.tls;
  facts->options.leniency = listener.devices;
  facts->options.recipient_domains = listener.queue ? 0 : 1;  // SMTP-63: one reply cannot speak for two destinations
  using Auth = smtp::ServerOptions::Auth;
  if (parts.users) facts->options.auth = listener.auth_without_tls ? Auth::always : Auth::over_tls;
  facts->tls = std::move(parts.tls);
  facts->users = std::move(parts.users);
  facts->authenticator = &parts.authenticator;
  facts->allow_keys = listener.allow_keys;
  if (!listener.proxy_protocol.empty()) facts->is_balancer = any_of(listener.proxy_protocol);
  facts->queue = &parts.queue;
  facts->takes = listener.queue;
  facts->patience = listener.patience;
  return facts;
}

}  // namespace proxy
