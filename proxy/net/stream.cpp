// Reads, writes and the handshake on a non-blocking socket, OpenSSL directly on its descriptor.
#include "proxy/net/stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>

namespace proxy {

namespace asio = boost::asio;

namespace {
error_code last_error() {
  return {errno, boost::system::system_category()};
}
bool would_block(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}
// One TLS record holds 16 KiB; two pieces that fit are joined, so that a header field does not cost a record and a
// packet.
constexpr std::size_t one_record = 16384;
}  // namespace

Stream::Stream(Socket socket, Watchdog& watchdog) : socket_(std::move(socket)), watchdog_(watchdog) {
  error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

Stream::~Stream() {
  close();
}

void Stream::expired() {
  timed_out_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void Stream::interrupt() {
  error_code ignored;
  socket_.cancel(ignored);
}

awaitable<error_code> Stream::wait(Want want, Deadline deadline) {
  if (passed(deadline)) co_return asio::error::timed_out;
  timed_out_ = false;
  watchdog_.arm(*this, deadline);
  error_code error;
  const auto kind = want == Want::read ? Socket::wait_read : Socket::wait_write;
  co_await socket_.async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
  Watchdog::disarm(*this);
  if (timed_out_) {
    broken_ = true;
    co_return asio::error::timed_out;
  }
  co_return error;
}

Stream::Read Stream::ssl_result(int result, Want& want) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: want = Want::read; return {asio::error::would_block, 0};
    case SSL_ERROR_WANT_WRITE: want = Want::write; return {asio::error::would_block, 0};
    case SSL_ERROR_ZERO_RETURN: broken_ = true; return {asio::error::eof, 0};
    case SSL_ERROR_SYSCALL: {
      broken_ = true;
      const auto error = errno != 0 ? last_error() : error_code(asio::error::eof);
      return {error, 0};
    }
    default:
      broken_ = true;
      return {error_code(static_cast<int>(ERR_peek_last_error() & 0x7fffffff), asio::error::get_ssl_category()), 0};
  }
}

Stream::Read Stream::try_read(std::span<char> into, Want& want) {
  want = Want::read;
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    std::size_t octets = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &octets);
    if (result == 1) return {{}, octets};
    return ssl_result(result, want);
  }
  const ssize_t result = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
  if (result > 0) return {{}, static_cast<std::size_t>(result)};
  if (result == 0) {
    broken_ = true;
    return {asio::error::eof, 0};
  }
  const auto error = last_error();
  if (!would_block(error)) broken_ = true;
  return {error, 0};
}

Stream::Read Stream::try_write(std::string_view octets, Want& want) {
  want = Want::write;
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    std::size_t written = 0;
    const int result = SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &written);
    if (result == 1) return {{}, written};
    return ssl_result(result, want);
  }
  const ssize_t result = ::send(socket_.native_handle(), octets.data(), octets.size(), MSG_NOSIGNAL);
  if (result >= 0) return {{}, static_cast<std::size_t>(result)};
  const auto error = last_error();
  if (!would_block(error)) broken_ = true;
  return {error, 0};
}

awaitable<Stream::Read> Stream::read(std::span<char> into, Deadline deadline) {
  // Where the last read took all there was, a try would only cost a system call: wait first.
  Want want = Want::read;
  bool waits = !more_expected_ && !(ssl_ && SSL_has_pending(ssl_.get()));
  for (;;) {
    if (waits) {
      const auto error = co_await wait(want, deadline);
      if (error) co_return Read{error, 0};
    }
    const Read done = try_read(into, want);
    waits = would_block(done.error);
    if (waits) continue;
    more_expected_ = done.octets == into.size();
    co_return done;
  }
}

Stream::Read Stream::read_now(std::span<char> into) {
  Want want = Want::read;
  const Read done = try_read(into, want);
  if (would_block(done.error)) return {};
  return done;
}

bool Stream::peer_has_left() {
  char octet = 0;
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    std::size_t octets = 0;
    const int result = SSL_peek_ex(ssl_.get(), &octet, 1, &octets);
    Want want = Want::read;
    return result != 1 && !would_block(ssl_result(result, want).error);
  }
  const ssize_t result = ::recv(socket_.native_handle(), &octet, 1, MSG_PEEK);
  return result == 0 || (result < 0 && !would_block(last_error()));
}

awaitable<error_code> Stream::wait_readable(Deadline deadline) {
  if (ssl_ && SSL_has_pending(ssl_.get())) co_return error_code();
  const auto error = co_await wait(Want::read, deadline);
  co_return error;
}

awaitable<error_code> Stream::write(std::string_view octets, Deadline deadline) {
  while (!octets.empty()) {
    Want want = Want::write;
    const Read done = try_write(octets, want);
    octets.remove_prefix(done.octets);
    if (!done.error) continue;
    if (!would_block(done.error)) co_return done.error;
    const auto error = co_await wait(want, deadline);
    if (error) co_return error;
  }
  co_return error_code();
}

awaitable<error_code> Stream::write(std::string_view first, std::string_view second, Deadline deadline) {
  if (first.empty() || second.empty()) {
    const auto only = co_await write(first.empty() ? second : first, deadline);
    co_return only;
  }
  if (ssl_ || first.size() + second.size() <= one_record) {
    std::string joined(first);
    const auto fits = std::min(second.size(), one_record - std::min(one_record, first.size()));
    joined.append(second.substr(0, fits));
    second.remove_prefix(fits);
    const auto error = co_await write(joined, deadline);
    if (error || second.empty()) co_return error;
    const auto rest = co_await write(second, deadline);
    co_return rest;
  }
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  const ssize_t result = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  std::size_t written = result > 0 ? static_cast<std::size_t>(result) : 0;
  const auto of_first = std::min(written, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(written - of_first);
  const auto error = co_await write(first, deadline);
  if (error) co_return error;
  const auto rest = co_await write(second, deadline);
  co_return rest;
}

awaitable<error_code> Stream::handshake(SslPtr ssl, Deadline deadline) {
  ssl_ = std::move(ssl);
  SSL_set_fd(ssl_.get(), static_cast<int>(socket_.native_handle()));
  SSL_is_server(ssl_.get()) ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) co_return error_code();
    Want want = Want::read;
    const auto done = ssl_result(result, want);
    if (!would_block(done.error)) co_return done.error;
    const auto error = co_await wait(want, deadline);
    if (error) co_return error;
  }
}

void Stream::close() {
  if (!socket_.is_open()) return;
  if (ssl_ && !broken_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // one try: the close_notify goes out or it does not
  }
  error_code ignored;
  socket_.close(ignored);
}

void Stream::abort() {
  if (!socket_.is_open()) return;
  broken_ = true;
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace proxy
