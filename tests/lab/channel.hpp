// One TCP connection of a laboratory server or client, plain or TLS, blocking with deadlines. Another thread may cut
// it. It sends what it is told, honest or not, and never judges a certificate.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/lab/watch.hpp"

namespace lab {

/// The connection ended, or its deadline passed; `what` says which. A dialogue ends with it; it is no failure of the
/// laboratory.
struct Gone : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct SslDelete {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class Channel {
 public:
  /// Takes over a connected socket.
  explicit Channel(int socket);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Connects; throws Gone. `source`: the local address, empty for any.
  static std::unique_ptr<Channel> connect(const std::string& address, std::uint16_t port,
                                          std::chrono::milliseconds timeout, const std::string& source = {});

  /// How long ago the peer sent the last of what has come, read or not.
  std::chrono::milliseconds quiet_for() const;

  /// How long each of the calls below may wait.
  void timeout(std::chrono::milliseconds limit) { timeout_ = limit; }

  /// A line with its end, whatever comes before the LF. Valid until the next call. Throws Gone.
  std::string_view read_line(std::size_t limit = 1u << 26);
  /// Up to the first CRLF, that included: a bare LF or CR ends nothing. Valid until the next call. Throws Gone.
  std::string_view read_to_crlf(std::size_t limit = 1u << 28);
  /// Exactly `count` octets. Valid until the next call. Throws Gone.
  std::string_view read_exactly(std::size_t count);
  /// Waits until something comes, the peer ends the connection, or `limit` has passed; what came is dropped.
  void wait_for_input(std::chrono::milliseconds limit);
  void write(std::string_view data);

  /// What has come and was not asked for yet, at most 64 KiB of it; waits for nothing.
  std::string_view unread();
  void forget_unread() { buffer_.clear(), at_ = 0; }

  /// Handshakes. They throw Gone with OpenSSL's words.
  void accept_tls(SSL_CTX* context);
  void connect_tls(SSL_CTX* context, const std::string& server_name);
  bool is_tls() const { return ssl_ && SSL_is_init_finished(ssl_.get()) == 1; }  ///< the handshake is done
  std::string tls_version() const;                                               ///< "" or "TLSv1.3"
  std::string server_name() const;  ///< SNI that the client sent, "" without
  SSL* ssl() const { return ssl_.get(); }

  /// Waits for `time`. Throws Gone when the connection was cut; with `while_there` also when the peer has gone.
  void pause(std::chrono::milliseconds time, bool while_there = false);
  /// Waits until the peer has gone or the connection was cut, then throws Gone.
  [[noreturn]] void hang();

  /// Says that no more will be sent (FIN).
  void end_output();
  /// Closes the socket; every later call throws Gone. The destructor does it too.
  void close();
  /// Ends the connection from any thread, with a reset; whoever waits in it gets Gone.
  void cut();

 private:
  bool fill(Deadline end);  ///< one read into the buffer; false at the end of the stream
  void wait(short events, Deadline end);
  void handshake(int (*step)(SSL*), const char* what);
  std::string_view take(std::size_t count);

  int socket_;
  std::mutex cutting_;  ///< `cut` against nothing but `close`: the number must not be used again meanwhile
  std::unique_ptr<SSL, SslDelete> ssl_;
  std::chrono::milliseconds timeout_{60000};
  std::string buffer_;
  std::size_t at_ = 0;  ///< what lies before was taken
};

}  // namespace lab
