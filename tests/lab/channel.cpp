// Sockets with poll and deadlines; OpenSSL over a non-blocking socket.
#include "tests/lab/channel.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/lab/server.hpp"

namespace lab {
namespace {

std::string system_words(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

std::string ssl_words(const std::string& what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return what + ": " + (reason == nullptr ? "the peer ended the connection" : reason);
}

int milliseconds_to(Deadline end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(std::min<long long>(left, 1 << 30));
}

}  // namespace

Channel::Channel(int socket) : socket_(socket) {
  // SSL_write has no way to say MSG_NOSIGNAL.
  static const bool ignored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;
  static_cast<void>(ignored);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

Channel::~Channel() {
  close();
}

void Channel::close() {
  if (socket_ < 0) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());  // one try; the answer is not waited for
  ssl_.reset();
  ERR_clear_error();
  std::lock_guard guard(cutting_);
  ::close(socket_);
  socket_ = -1;
}

std::unique_ptr<Channel> Channel::connect(const std::string& address, std::uint16_t port,
                                          std::chrono::milliseconds timeout, const std::string& source) {
  const SocketAddress peer(address, port);
  const int socket = ::socket(peer.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) throw Gone(system_words("socket"));
  auto channel = std::make_unique<Channel>(socket);
  if (!source.empty()) {
    const SocketAddress local(source, 0);
    if (::bind(socket, local.get(), local.size()) != 0) throw Gone(system_words("cannot send from " + source));
  }
  if (::connect(socket, peer.get(), peer.size()) != 0 && errno != EINPROGRESS)
    throw Gone(system_words("no connection to " + address));
  channel->wait(POLLOUT, Clock::now() + timeout);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0)
    throw Gone("no connection to " + address + " port " + std::to_string(port) + ": " + std::strerror(error));
  return channel;
}

std::chrono::milliseconds Channel::quiet_for() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return std::chrono::milliseconds(info.tcpi_last_data_recv);
}

void Channel::wait(short events, Deadline end) {
  pollfd ready{socket_, events, 0};
  for (;;) {
    const int count = ::poll(&ready, 1, milliseconds_to(end));
    if (count > 0) return;
    if (count == 0) throw Gone("nothing came in time");
    if (errno != EINTR) throw Gone(system_words("poll"));
  }
}

bool Channel::fill(Deadline end) {
  if (at_ > 0) buffer_.erase(0, at_), at_ = 0;
  constexpr std::size_t block = 1u << 16;
  char data[block];
  for (;;) {
    short events = POLLIN;
    if (ssl_) {
      const int got = SSL_read(ssl_.get(), data, block);
      if (got > 0) return buffer_.append(data, static_cast<std::size_t>(got)), true;
      const int error = SSL_get_error(ssl_.get(), got);
      ERR_clear_error();
      if (error == SSL_ERROR_WANT_WRITE) {
        events = POLLOUT;
      } else if (error != SSL_ERROR_WANT_READ) {
        return false;
      }
    } else {
      const auto got = ::recv(socket_, data, block, 0);
      if (got > 0) return buffer_.append(data, static_cast<std::size_t>(got)), true;
      if (got == 0) return false;
      if (errno != EAGAIN && errno != EINTR) throw Gone(system_words("read"));
    }
    wait(events, end);
  }
}

std::string_view Channel::take(std::size_t count) {
  const auto taken = std::string_view(buffer_).substr(at_, count);
  at_ += count;
  return taken;
}

std::string_view Channel::read_line(std::size_t limit) {
  const Deadline end = Clock::now() + timeout_;
  std::size_t looked_at = 0;
  for (;;) {
    const auto found = buffer_.find('\n', at_ + looked_at);
    if (found != std::string::npos) return take(found + 1 - at_);
    looked_at = buffer_.size() - at_;
    if (looked_at > limit) throw Gone("a line without end");
    if (!fill(end))
      throw Gone(looked_at == 0 ? "the peer ended the connection" : "the peer ended the connection within a line");
  }
}

std::string_view Channel::read_to_crlf(std::size_t limit) {
  const Deadline end = Clock::now() + timeout_;
  std::size_t looked_at = 0;
  for (;;) {
    const auto found = buffer_.find("\r\n", at_ + looked_at);
    if (found != std::string::npos) return take(found + 2 - at_);
    looked_at = buffer_.size() - at_;
    if (looked_at > limit) throw Gone("a line without end");
    if (looked_at > 0) --looked_at;  // the CR may be there, its LF not yet
    if (!fill(end)) throw Gone("the peer ended the connection within the message");
  }
}

std::string_view Channel::read_exactly(std::size_t count) {
  const Deadline end = Clock::now() + timeout_;
  while (buffer_.size() - at_ < count)
    if (!fill(end)) throw Gone("the peer ended the connection too early");
  return take(count);
}

void Channel::wait_for_input(std::chrono::milliseconds limit) {
  forget_unread();
  try {
    fill(Clock::now() + limit);
  } catch (const Gone&) {
    // the caller is about to close: why nothing came does not matter
  }
  forget_unread();
}

void Channel::write(std::string_view data) {
  const Deadline end = Clock::now() + timeout_;
  while (!data.empty()) {
    short events = POLLOUT;
    if (ssl_) {
      std::size_t sent = 0;
      const int done = SSL_write_ex(ssl_.get(), data.data(), data.size(), &sent);
      if (done == 1) {
        data.remove_prefix(sent);
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), done);
      if (error == SSL_ERROR_WANT_READ) {
        events = POLLIN;
      } else if (error != SSL_ERROR_WANT_WRITE) {
        throw Gone(ssl_words("write"));
      }
    } else {
      const auto sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        data.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) throw Gone(system_words("write"));
    }
    wait(events, end);
  }
}

std::string_view Channel::unread() {
  constexpr std::size_t enough = 1u << 16;
  try {
    while (buffer_.size() - at_ < enough && fill(Deadline())) {
    }
  } catch (const Gone&) {
    // nothing more at present, or the connection has failed: the next read will say so
  }
  return std::string_view(buffer_).substr(at_);
}

void Channel::handshake(int (*step)(SSL*), const char* what) {
  const Deadline end = Clock::now() + std::min<std::chrono::milliseconds>(timeout_, std::chrono::seconds(20));
  for (;;) {
    ERR_clear_error();
    const int done = step(ssl_.get());
    if (done == 1) return;
    const int error = SSL_get_error(ssl_.get(), done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const std::string words = ssl_words(what);
      throw Gone(words);
    }
    wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, end);
  }
}

void Channel::accept_tls(SSL_CTX* context) {
  forget_unread();
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), socket_);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  handshake(SSL_accept, "handshake");
}

void Channel::connect_tls(SSL_CTX* context, const std::string& server_name) {
  forget_unread();
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), socket_);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!server_name.empty())
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(server_name.c_str()));
  handshake(SSL_connect, "handshake");
}

std::string Channel::tls_version() const {
  return ssl_ ? SSL_get_version(ssl_.get()) : "";
}

std::string Channel::server_name() const {
  const char* name = ssl_ ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name == nullptr ? "" : name;
}

void Channel::pause(std::chrono::milliseconds time, bool while_there) {
  const Deadline end = Clock::now() + time;
  // POLLHUP, which comes unasked: cut here, or reset by the peer. POLLRDHUP: the peer will send no more.
  pollfd state{socket_, static_cast<short>(while_there ? POLLRDHUP : 0), 0};
  while (Clock::now() < end) {
    const int count = ::poll(&state, 1, milliseconds_to(end));
    if (count > 0) throw Gone("the connection ended during a pause");
    if (count < 0 && errno != EINTR) throw Gone(system_words("poll"));
  }
}

void Channel::hang() {
  for (;;) pause(std::chrono::hours(1), true);
}

void Channel::end_output() {
  ::shutdown(socket_, SHUT_WR);
}

void Channel::cut() {
  std::lock_guard guard(cutting_);
  if (socket_ < 0) return;
  const linger reset{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::shutdown(socket_, SHUT_RDWR);
}

}  // namespace lab
