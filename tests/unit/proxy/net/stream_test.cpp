// A Stream against a socket of this process: what arrives, what ends it, and that no wait outlasts its deadline.
#include "proxy/net/stream.hpp"

#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "tests/lab/authority.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/support/run_awaitable.hpp"

namespace {

namespace asio = boost::asio;
using proxy::Stream;

struct Pair {
  asio::io_context io{1};
  proxy::Watchdog watchdog{io.get_executor()};
  proxy::Socket peer{io};
  std::optional<Stream> stream;

  Pair() {
    const auto loopback = asio::ip::address_v4::loopback();
    asio::ip::tcp::acceptor acceptor(io, {loopback, 0});
    proxy::Socket ours(io);
    ours.connect(acceptor.local_endpoint());
    acceptor.accept(peer);
    stream.emplace(std::move(ours), watchdog);
  }
  ~Pair() { stream.reset(); }

  static proxy::Deadline ample() { return proxy::after(std::chrono::seconds(60)); }
  template <class T>
  T run(proxy::awaitable<T> work) {
    return test::run_awaitable(io, std::move(work));
  }
  Stream::Read read(std::string& into, std::size_t most, proxy::Deadline deadline = ample()) {
    into.resize(most);
    const auto done = run(stream->read(into, deadline));
    into.resize(done.octets);
    return done;
  }
  std::string peer_reads(std::size_t octets) {
    std::string text(octets, '\0');
    boost::system::error_code error;
    text.resize(asio::read(peer, asio::buffer(text), error));
    return text;
  }
};

std::string long_text(std::size_t octets) {
  std::string text(octets, '\0');
  for (std::size_t i = 0; i < octets; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

/// The whole of what is sent, read by the peer on a thread of its own.
class PeerReader {
 public:
  explicit PeerReader(Pair& pair, std::size_t octets)
      : thread_([&pair, this, octets] { read_ = pair.peer_reads(octets); }) {}
  ~PeerReader() {
    if (thread_.joinable()) thread_.join();
  }
  const std::string& all() {
    thread_.join();
    return read_;
  }

 private:
  std::string read_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a stream gives what arrives and then the end", "[net]") {
  Pair pair;
  asio::write(pair.peer, asio::buffer(std::string("220 hello\r\n")));
  std::string text;
  CHECK_FALSE(pair.read(text, 4).error);
  CHECK(text == "220 ");
  CHECK_FALSE(pair.read(text, 100).error);
  CHECK(text == "hello\r\n");
  CHECK(pair.stream->read_now(text).octets == 0);
  CHECK_FALSE(pair.stream->read_now(text).error);
  pair.peer.close();
  const auto end = pair.read(text, 100);
  CHECK(end.error == asio::error::eof);
  CHECK(end.octets == 0);
}

TEST_CASE("a wait for octets that never come ends at its deadline", "[SMTP-09][net]") {
  Pair pair;
  std::string text;
  SECTION("read") {
    const auto done = pair.read(text, 100, proxy::after(std::chrono::milliseconds(1)));
    CHECK(done.error == asio::error::timed_out);
    CHECK(done.octets == 0);
  }
  SECTION("idle") {
    CHECK(pair.run(pair.stream->wait_readable(proxy::after(std::chrono::milliseconds(1)))) == asio::error::timed_out);
  }
  SECTION("a deadline that has passed already") {
    CHECK(pair.read(text, 100, proxy::after(std::chrono::milliseconds(-1))).error == asio::error::timed_out);
  }
}

TEST_CASE("a write that the peer does not read ends at its deadline", "[SMTP-09][net]") {
  Pair pair;
  const auto text = long_text(64u << 20);  // more than any socket buffer
  CHECK(pair.run(pair.stream->write(text, proxy::after(std::chrono::milliseconds(1)))) == asio::error::timed_out);
}

TEST_CASE("a handshake that the peer does not answer ends at its deadline", "[SMTP-09][net]") {
  Pair pair;
  const auto context = lab::any_context();
  const auto soon = proxy::after(std::chrono::milliseconds(1));
  const auto error = pair.run(pair.stream->handshake(proxy::SslPtr(SSL_new(context.get())), soon));
  CHECK(error == asio::error::timed_out);
}

TEST_CASE("a long write arrives whole however slowly it is taken", "[net]") {
  Pair pair;
  const auto text = long_text(5u << 20);
  PeerReader reader(pair, text.size());
  CHECK_FALSE(pair.run(pair.stream->write(text, Pair::ample())));
  CHECK(reader.all() == text);
}

TEST_CASE("two pieces arrive in their order whatever their sizes", "[net]") {
  const std::size_t sizes[][2] = {{0, 0},     {0, 5},     {5, 0},           {5, 7},           {16384, 1},
                                  {16383, 1}, {1, 16384}, {20'000, 20'000}, {100, 3'000'000}, {3'000'000, 100}};
  for (const auto& [first, second] : sizes) {
    INFO(first << " and " << second);
    Pair pair;
    const auto head = long_text(first), tail = std::string(second, '-');
    PeerReader reader(pair, first + second);
    CHECK_FALSE(pair.run(pair.stream->write(head, tail, Pair::ample())));
    CHECK(reader.all() == head + tail);
  }
}

TEST_CASE("who waits on a stream can be interrupted and the stream goes on", "[net]") {
  Pair pair;
  boost::system::error_code ended;
  asio::co_spawn(pair.io, pair.stream->wait_readable(Pair::ample()),
                 [&](const std::exception_ptr&, boost::system::error_code error) { ended = error; });
  pair.io.restart();
  pair.io.poll();
  CHECK_FALSE(ended);
  pair.stream->interrupt();
  pair.io.restart();
  pair.io.poll();
  CHECK(ended == asio::error::operation_aborted);
  CHECK(pair.stream->is_open());
  asio::write(pair.peer, asio::buffer(std::string("250 ok\r\n")));
  std::string text;
  CHECK_FALSE(pair.read(text, 100).error);
  CHECK(text == "250 ok\r\n");
}

TEST_CASE("an aborted stream is a reset for its peer and a closed one an end", "[net]") {
  Pair pair;
  boost::system::error_code error;
  char octet = 0;
  SECTION("abort") {
    pair.stream->abort();
    asio::read(pair.peer, asio::buffer(&octet, 1), error);
    CHECK(error == asio::error::connection_reset);
  }
  SECTION("close") {
    pair.stream->close();
    asio::read(pair.peer, asio::buffer(&octet, 1), error);
    CHECK(error == asio::error::eof);
  }
  CHECK_FALSE(pair.stream->is_open());
  pair.stream->close();
  pair.stream->abort();
}

TEST_CASE("over TLS octets arrive both ways and the end is the end of TLS", "[net]") {
  Pair pair;
  char name[] = "/tmp/stream-test-XXXXXX";
  const std::string directory = mkdtemp(name);
  lab::Authority authority(directory, "Root");
  const auto server_context = lab::server_context(authority.issue({"mx.test"}).path);
  const auto text = long_text(3u << 20);
  std::string arrived(text.size(), '\0');
  bool farewell = false;
  // The server side, blocking, on a thread of its own.
  std::thread server([&, descriptor = pair.peer.native_handle()] {
    pair.peer.native_non_blocking(false);
    const proxy::SslPtr ssl(SSL_new(server_context.get()));
    SSL_set_fd(ssl.get(), static_cast<int>(descriptor));
    if (SSL_accept(ssl.get()) != 1) return;
    std::size_t done = 0, octets = 0;
    while (done < arrived.size() &&
           SSL_read_ex(ssl.get(), arrived.data() + done, arrived.size() - done, &octets) == 1) {
      done += octets;
    }
    SSL_write_ex(ssl.get(), "250 taken\r\n", 11, &octets);
    char octet = 0;
    farewell = SSL_read(ssl.get(), &octet, 1) <= 0 && (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  });
  const auto client_context = lab::any_context();
  const auto shaken = pair.run(pair.stream->handshake(proxy::SslPtr(SSL_new(client_context.get())), Pair::ample()));
  const auto head = std::string_view(text).substr(0, 1000), tail = std::string_view(text).substr(1000);
  const auto written = pair.run(pair.stream->write(head, tail, Pair::ample()));
  std::string reply;
  // Some octets of a record read: the others are there without any more from the socket.
  const auto first = pair.read(reply, 4);
  const std::string code = reply;
  const auto rest_there = pair.run(pair.stream->wait_readable(Pair::ample()));
  const auto second = pair.read(reply, 100);
  pair.stream->close();
  server.join();
  std::filesystem::remove_all(directory);
  CHECK_FALSE(shaken);
  CHECK_FALSE(written);
  CHECK(arrived == text);
  CHECK_FALSE(first.error);
  CHECK(code == "250 ");
  CHECK_FALSE(rest_there);
  CHECK_FALSE(second.error);
  CHECK(reply == "taken\r\n");
  CHECK(farewell);
}

TEST_CASE("a stream whose SSL is a server accepts the handshake and waits for it no longer than it may",
          "[SMTP-33][net]") {
  char name[] = "/tmp/stream-test-XXXXXX";
  const std::string directory = mkdtemp(name);
  lab::Authority authority(directory, "Root");
  const auto context = lab::server_context(authority.issue({"relay.test"}).path);
  std::filesystem::remove_all(directory);
  Pair pair;
  SECTION("both ways") {
    std::string heard;
    // The client side, blocking, on a thread of its own; its first command comes in the packet of its Finished or
    // later.
    std::thread client([&, descriptor = pair.peer.native_handle()] {
      pair.peer.native_non_blocking(false);
      const auto any = lab::any_context();
      const proxy::SslPtr ssl(SSL_new(any.get()));
      SSL_set_fd(ssl.get(), static_cast<int>(descriptor));
      std::size_t octets = 0;
      if (SSL_connect(ssl.get()) != 1 || SSL_write_ex(ssl.get(), "EHLO x\r\n", 8, &octets) != 1) return;
      heard.resize(100);
      SSL_read_ex(ssl.get(), heard.data(), heard.size(), &octets);
      heard.resize(octets);
    });
    const auto shaken = pair.run(pair.stream->handshake(proxy::SslPtr(SSL_new(context.get())), Pair::ample()));
    const auto idle = pair.run(pair.stream->wait_readable(Pair::ample()));
    std::string line;
    const auto read = pair.read(line, 100);
    const auto written = pair.run(pair.stream->write("250 ok\r\n", Pair::ample()));
    client.join();
    CHECK_FALSE(shaken);
    CHECK_FALSE(idle);
    CHECK_FALSE(read.error);
    CHECK(line == "EHLO x\r\n");
    CHECK_FALSE(written);
    CHECK(heard == "250 ok\r\n");
  }
  SECTION("silence") {
    const auto soon = proxy::after(std::chrono::milliseconds(1));
    CHECK(pair.run(pair.stream->handshake(proxy::SslPtr(SSL_new(context.get())), soon)) == asio::error::timed_out);
  }
  SECTION("plaintext instead of a handshake") {
    asio::write(pair.peer, asio::buffer(std::string("MAIL FROM:<evil@sender.test>\r\n")));
    const auto error = pair.run(pair.stream->handshake(proxy::SslPtr(SSL_new(context.get())), Pair::ample()));
    CHECK(error);
    CHECK(error != asio::error::timed_out);
  }
}
