// A TCP connection, plain or TLS, with a deadline on every wait. It moves octets and knows no protocol. One coroutine
// uses it at a time; all on the worker that made it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <span>
#include <string>
#include <string_view>

#include "proxy/net/watchdog.hpp"
#include "proxy/tls/contexts.hpp"

namespace proxy {

using Socket = boost::asio::ip::tcp::socket;
using boost::system::error_code;

class Stream final : private Watched {
 public:
  Stream(Socket socket, Watchdog& watchdog);
  ~Stream() override;

  struct Read {
    error_code error;        ///< success, timed_out, eof, or what the socket says
    std::size_t octets = 0;  ///< at least one with success
  };
  /// At least one octet, or an error.
  awaitable<Read> read(std::span<char> into, Deadline deadline);
  /// What is there now, without waiting: octets 0 with success when nothing is.
  Read read_now(std::span<char> into);
  /// Waits until a read would find something, without a buffer: how an idle session waits.
  awaitable<error_code> wait_readable(Deadline deadline);
  /// All of it.
  awaitable<error_code> write(std::string_view octets, Deadline deadline);
  /// All of both, where possible in one packet and one TLS record.
  awaitable<error_code> write(std::string_view first, std::string_view second, Deadline deadline);
  /// The TLS handshake of the side that the SSL was made for, client or server; nothing may have been read beyond the
  /// last line in plaintext.
  awaitable<error_code> handshake(SslPtr ssl, Deadline deadline);

  SSL* ssl() const { return ssl_.get(); }
  bool is_open() const { return socket_.is_open(); }
  /// Whether the peer has ended its side or is gone, and has left nothing unread. Does not wait, consumes nothing.
  bool peer_has_left();
  /// Wakes whoever waits, with operation_aborted; the connection is not closed.
  void interrupt();
  /// Ends it: a TLS close_notify where one is possible at once, then the socket.
  void close();
  /// Ends it with a reset, so that a peer never takes what it has for a whole.
  void abort();

  Socket& socket() { return socket_; }

 private:
  void expired() override;
  enum class Want { read, write };
  awaitable<error_code> wait(Want want, Deadline deadline);
  /// One try; octets > 0, or an error, or would_block with `want` set.
  Read try_read(std::span<char> into, Want& want);
  Read try_write(std::string_view octets, Want& want);
  Read ssl_result(int result, Want& want);

  Socket socket_;
  Watchdog& watchdog_;
  SslPtr ssl_;
  bool timed_out_ = false;
  bool broken_ = false;         // an error was seen: no close_notify
  bool more_expected_ = false;  // the last read filled its buffer
};

}  // namespace proxy
