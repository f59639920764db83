// The control socket: one request, one reply, whatever a client does.
#include "proxy/admin/control_socket.hpp"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <thread>

namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

proxy::awaitable<json::object> echo(json::object request) {
  co_return json::object{{"exit", 0}, {"words", "done"}, {"asked", request["command"]}};
}

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/socket-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

/// A server on a thread of its own.
struct World {
  Directory directory;
  boost::asio::io_context io{1};
  proxy::ControlServer server{io.get_executor(), directory.path, echo};
  std::thread thread;

  World() {
    server.start();
    thread = std::thread([this] { io.run(); });
  }
  ~World() {
    io.stop();
    thread.join();
  }
  /// What comes back for these octets.
  std::string say(const std::string& text) const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, proxy::control_socket_file(directory.path).c_str());
    REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    static_cast<void>(sent);
    ::shutdown(socket, SHUT_WR);
    std::string answer(4096, '\0');
    const auto got = ::recv(socket, answer.data(), answer.size(), MSG_WAITALL);
    ::close(socket);
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return answer;
  }
};

}  // namespace

TEST_CASE("a request is answered by the relay that runs", "[STS-52]") {
  const World world;
  const auto answer = proxy::ask_relay(world.directory.path, {{"command", "forget"}}, 10s);
  REQUIRE(answer);
  CHECK(answer->at("asked").as_string() == "forget");
  struct stat status {};
  REQUIRE(::stat(proxy::control_socket_file(world.directory.path).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
}

TEST_CASE("where no relay listens that is said and also where a dead one has left its socket", "[STS-52]") {
  const Directory directory;
  CHECK_FALSE(proxy::ask_relay(directory.path, {}, 10s));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, proxy::control_socket_file(directory.path).c_str());
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(socket);
  CHECK_FALSE(proxy::ask_relay(directory.path, {}, 10s));
  boost::asio::io_context io{1};
  CHECK_NOTHROW(proxy::ControlServer(io.get_executor(), directory.path, echo));
}

TEST_CASE("nonsense and too much are no requests", "[STS-52]") {
  const World world;
  CHECK(world.say("nonsense\n").find("no JSON object") != std::string::npos);
  CHECK(world.say("[1]\n").find("no JSON object") != std::string::npos);
  CHECK(world.say("").empty());
  CHECK(world.say(std::string(10'000, 'x')).empty());
  CHECK(world.say("{\"command\": \"a\"}\n").find("\"asked\":\"a\"") != std::string::npos);
}
