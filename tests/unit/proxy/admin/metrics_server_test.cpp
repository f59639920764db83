// The endpoint: what it answers, and that no client can hold it.
#include "proxy/admin/metrics_server.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "tests/lab/channel.hpp"

namespace {

using namespace std::chrono_literals;

/// An endpoint on a thread of its own.
struct World {
  boost::asio::io_context io{1};
  unsigned asked = 0;
  proxy::MetricsServer server;
  std::thread thread;

  explicit World(std::chrono::milliseconds limit = 30s)
      : server(
            io.get_executor(), {"127.0.0.1", 0},
            [this] {
              ++asked;
              return std::string("a_metric 1\n");
            },
            limit) {
    server.start();
    thread = std::thread([this] { io.run(); });
  }
  ~World() { end(); }
  void end() {
    io.stop();
    if (thread.joinable()) thread.join();
  }
  std::unique_ptr<lab::Channel> connect() const {
    return lab::Channel::connect("127.0.0.1", server.local().port(), 10s);
  }
  /// All that comes back for these octets, to the end of the connection.
  std::string say(const std::string& octets) const {
    const auto channel = connect();
    channel->timeout(20s);
    std::string answer;
    try {
      channel->write(octets);
      for (;;) answer += channel->read_exactly(1);
    } catch (const lab::Gone&) {
    }
    return answer;
  }
};

std::string status(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

}  // namespace

TEST_CASE("the metrics are had by GET and nothing else is there", "[OPS-06]") {
  World world;
  const auto page = world.say("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status(page) == "HTTP/1.1 200 OK");
  CHECK(page.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != std::string::npos);
  CHECK(page.find("Content-Length: 11\r\n") != std::string::npos);
  CHECK(page.ends_with("\r\n\r\na_metric 1\n"));
  CHECK(status(world.say("GET /metrics?name=a HTTP/1.0\r\n\r\n")) == "HTTP/1.1 200 OK");
  for (const char* target : {"/", "/metrics/", "/metric", "/../metrics"})
    CHECK(status(world.say("GET " + std::string(target) + " HTTP/1.1\r\n\r\n")) == "HTTP/1.1 404 Not Found");
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "HEAD"}) {
    const auto refused = world.say(std::string(method) + " /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
    CHECK(status(refused) == "HTTP/1.1 405 Method Not Allowed");
    CHECK(refused.find("Allow: GET\r\n") != std::string::npos);
  }
  CHECK(world.say("HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
  world.end();
  CHECK(world.asked == 2);
}

TEST_CASE("nonsense and endless headers at the metrics are no requests", "[OPS-06]") {
  World world;
  CHECK(status(world.say("EHLO me\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
  std::string endless = "GET /metrics HTTP/1.1\r\n";
  while (endless.size() < 20'000) endless += "X: " + std::string(100, 'x') + "\r\n";
  CHECK(world.say(endless).find("200 OK") == std::string::npos);
  world.end();
  CHECK(world.asked == 0);
}

TEST_CASE("a silent client loses its connection to the metrics and many of them keep nobody out for long", "[OPS-06]") {
  World world(2s);
  std::vector<std::unique_ptr<lab::Channel>> silent;
  for (unsigned i = 0; i < 2 * proxy::MetricsServer::connections_at_most; ++i) silent.push_back(world.connect());
  for (const auto& channel : silent) {
    channel->timeout(20s);
    CHECK_THROWS_AS(channel->read_exactly(1), lab::Gone);
  }
  CHECK(status(world.say("GET /metrics HTTP/1.1\r\n\r\n")) == "HTTP/1.1 200 OK");
}
