// Measures what hostile peers cost others: some thousand slow or senseless clients are held by one epoll loop, or a
// thousand messages go to hosts that never come to a point, and meanwhile a good client sends one message after
// another, each on a connection of its own. Run by hand, on a machine that does nothing else; it asserts nothing.
//
//   hostile_bench [KIND...] [--clients 10000] [--seconds 20] [--waves 2] [--relay PROGRAM]
//
// KIND: silent drip rcpt body handshake garbage header deaf (mixed: all of these) flood hosts. Nothing: mixed hosts
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/measure.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"
#include "tests/lab/server.hpp"
#include "tests/lab/smtp_client.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

int waves = 2;  // the first leaves the relay the memory that the second needs, or else it goes on growing
std::string program = STS_RELAY_PROGRAM;  // another, to compare with

enum class Manner {
  once,              ///< then silent
  each_second,       ///< for ever
  each_reply,        ///< waits for `go_on` again, and begins anew a second later
  without_pause,     ///< whatever is taken; not in mixed
  without_listening  ///< the prologue until nothing more is taken, for no reply is read
};

/// What a slow client does behind its prologue.
struct Kind {
  const char* name;
  std::string prologue;  ///< sent at once; @@: replaced by @ and a domain
  const char* go_on;     ///< the reply that must stand in what came before the rest is sent; nullptr: none
  std::string rest;
  Manner manner;
};

const std::string envelope = "EHLO slow.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@@>\r\n";

const std::array<Kind, 10>& kinds() {
  // The first half of a ClientHello: a record that announces 512 octets.
  static const std::string half_hello =
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(64, 'r');
  static const std::array<Kind, 10> all{{
      {"silent", "", nullptr, "", Manner::once},
      {"drip", "EHLO ", nullptr, "a", Manner::each_second},
      {"rcpt", envelope, nullptr, "", Manner::once},
      {"body", envelope + "DATA\r\n", "354", "x", Manner::each_second},
      {"handshake", "EHLO slow.test\r\nSTARTTLS\r\n", "220 2.0.0", half_hello, Manner::once},
      {"garbage", "", nullptr, std::string(1024, '\xaa'), Manner::each_second},
      {"header", envelope + "DATA\r\nX-Endless: ", "354", std::string(1024, 'h'), Manner::each_second},
      {"deaf", "EHLO slow.test\r\n", nullptr, "", Manner::without_listening},
      {"flood", "", nullptr, std::string(65536, '\xaa'), Manner::without_pause},
      {"to_host", envelope, "451", "RSET\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@@>\r\n", Manner::each_reply},
  }};
  return all;
}

std::string with_domain(std::string text, const std::string& domain) {
  for (auto at = text.find("@@"); at != std::string::npos; at = text.find("@@")) text.replace(at + 1, 1, domain);
  return text;
}

struct SlowClient {
  const Kind* kind = nullptr;
  std::string domain;
  int socket = -1;
  bool connected = false, going_on = false, said_rest = false;
  unsigned replies = 0;  ///< that held go_on
  std::string heard;     ///< the end of it
};

/// Many slow clients on one epoll descriptor; used by one thread.
class Crowd {
 public:
  explicit Crowd(std::uint16_t port) : port_(port), poll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Crowd() {
    for (auto& client : clients_) end(client);
    ::close(poll_);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// All of them, some hundred under way at a time. `kind` and `domain` of each are set.
  void open(std::vector<SlowClient> clients) {
    clients_ = std::move(clients);
    for (std::size_t next = 0; next < clients_.size(); ++next) {
      connect(clients_[next], next);
      while (next + 1 - settled_ > 300 || (next + 1 == clients_.size() && settled_ < clients_.size())) turn(10);
    }
  }
  void go_on_until(Clock::time_point end) {
    for (auto next = Clock::now(); Clock::now() < end;) {
      if (Clock::now() >= next) {
        next += milliseconds(100);
        for (std::size_t i = tenth_++ % 10; i < clients_.size(); i += 10) tick(clients_[i]);
      }
      turn(20);
    }
  }
  std::size_t still_open() const {
    return static_cast<std::size_t>(
        std::count_if(clients_.begin(), clients_.end(), [](const auto& client) { return client.socket >= 0; }));
  }
  /// Clients that have come to their endless part.
  std::size_t going_on() const {
    return static_cast<std::size_t>(
        std::count_if(clients_.begin(), clients_.end(), [](const auto& client) { return client.going_on; }));
  }
  unsigned long replies() const {
    unsigned long sum = 0;
    for (const auto& client : clients_) sum += client.replies;
    return sum;
  }

 private:
  void connect(SlowClient& client, std::size_t number) {
    client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, small = 4096;
    ::setsockopt(client.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (client.kind->manner == Manner::without_listening)
      ::setsockopt(client.socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    // 500 clients an address, for connections_per_client.
    const lab::SocketAddress source("127.1.0." + std::to_string(1 + number / 500), 0), relay("127.0.0.1", port_);
    epoll_event event{};
    event.events = EPOLLOUT | EPOLLIN;
    event.data.u64 = number;
    ++dialled_;
    if (::bind(client.socket, source.get(), source.size()) != 0 ||
        (::connect(client.socket, relay.get(), relay.size()) != 0 && errno != EINPROGRESS) ||
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, client.socket, &event) != 0) {
      std::perror("a slow client");
      end(client);
    }
  }
  void turn(int milliseconds_at_most) {
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), milliseconds_at_most);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      auto& client = clients_[event.data.u64];
      if (client.socket < 0) continue;
      if (!client.connected && (event.events & EPOLLOUT)) begin(client, event.data.u64);
      if (client.connected && client.kind->manner == Manner::without_pause && (event.events & EPOLLOUT))
        say(client, client.kind->rest);
      if (client.socket >= 0 && (event.events & (EPOLLERR | EPOLLHUP))) {
        end(client);
      } else if (client.socket >= 0 && (event.events & EPOLLIN)) {
        hear(client);
      }
    }
  }
  void begin(SlowClient& client, std::size_t number) {
    client.connected = true;
    ++settled_;
    epoll_event event{};
    event.events = EPOLLIN;
    if (client.kind->manner == Manner::without_pause) event.events = EPOLLIN | EPOLLOUT;
    if (client.kind->manner == Manner::without_listening) event.events = 0;
    event.data.u64 = number;
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, client.socket, &event);
    if (!say(client, with_domain(client.kind->prologue, client.domain))) return;
    client.going_on = client.kind->go_on == nullptr;
  }
  void tick(SlowClient& client) {
    const auto& kind = *client.kind;
    if (client.socket < 0 || !client.going_on || kind.manner == Manner::without_pause) return;
    if (kind.manner == Manner::without_listening) {
      std::string many;
      while (many.size() < 65536) many += kind.prologue;
      say(client, many);
    } else if (!kind.rest.empty() && !(kind.manner == Manner::once && client.said_rest)) {
      client.said_rest = true;
      if (kind.manner == Manner::each_reply) client.going_on = false;
      say(client, with_domain(kind.rest, client.domain));
    }
  }
  void hear(SlowClient& client) {
    char data[4096];
    const auto got = ::recv(client.socket, data, sizeof data, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return end(client);
    if (got < 0 || client.going_on || !client.kind->go_on) return;
    client.heard.append(data, static_cast<std::size_t>(got));
    if (client.heard.find(client.kind->go_on) == std::string::npos) return;
    client.heard = std::string();
    client.going_on = true;
    ++client.replies;
  }
  bool say(SlowClient& client, const std::string& text) {
    if (text.empty() || ::send(client.socket, text.data(), text.size(), MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
      return true;
    end(client);
    return false;
  }
  void end(SlowClient& client) {
    if (client.socket < 0) return;
    if (!client.connected) ++settled_;
    ::close(client.socket);
    client.socket = -1;
  }

  std::uint16_t port_;
  int poll_;
  std::vector<SlowClient> clients_;
  std::size_t settled_ = 0, dialled_ = 0, tenth_ = 0;
};

/// Sends one message after another to good.test, each on a connection of its own.
class GoodClient {
 public:
  explicit GoodClient(std::uint16_t port) : port_(port), thread_([this] { run(); }) {}
  ~GoodClient() {
    stopped_ = true;
    thread_.join();
  }
  /// What was since the last call.
  std::pair<std::vector<double>, unsigned> take() {
    std::lock_guard hold(lock_);
    return {std::exchange(latencies_, {}), std::exchange(failed_, 0)};
  }

 private:
  void run() {
    std::string body = lab::letter();
    while (body.size() < 4096) body += std::string(70, 'x') + "\r\n";
    while (!stopped_) {
      const auto begin = Clock::now();
      bool taken = false;
      std::string steps;  // where the time went
      const auto until = [&](const char* step) {
        const auto now = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
        steps += " " + std::string(step) + " " + std::to_string(static_cast<int>(now));
      };
      try {
        lab::SmtpClient client("127.0.0.1", port_);
        until("greeting");
        client.ehlo();
        until("EHLO");
        client.envelope("a@sender.test", {"b@good.test"});
        until("RCPT");
        taken = client.data(body).code == 250;
        until("end");
        client.quit();
      } catch (const lab::Gone& gone) {
        std::printf("  the good client: %s\n", gone.what());
      }
      until("QUIT");
      const double took = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
      if (took > 1000) std::printf("  the good client waited, ms until:%s\n", steps.c_str());
      std::lock_guard hold(lock_);
      taken ? latencies_.push_back(took) : void(++failed_);
    }
  }

  std::uint16_t port_;
  std::atomic<bool> stopped_ = false;
  std::mutex lock_;
  std::vector<double> latencies_;
  unsigned failed_ = 0;
  std::thread thread_;
};

/// Prints what a phase has cost, and begins the next.
class Phases {
 public:
  Phases(const lab::RelayProcess& relay, GoodClient& good) : relay_(relay), good_(good) { begin(); }
  void print(const char* phase, const std::string& more = {}) {
    const auto [latencies, failed] = good_.take();
    const auto count = latencies.size();
    const auto spread = bench::spread_of(latencies);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::printf(
        "  %-8s %5.1f s: %6zu messages, %u failed, p50 %.1f ms, p99 %.1f ms, max %.1f ms; relay %ld KiB, %.0f %% "
        "CPU%s\n",
        phase, seconds, count, failed, spread.p50, spread.p99, spread.most, bench::resident_kib(relay_.process_id()),
        (bench::user_and_system_seconds(relay_.process_id()) - cpu_) / seconds * 100, more.c_str());
    std::fflush(stdout);
    begin();
  }

 private:
  void begin() {
    begun_ = Clock::now();
    cpu_ = bench::user_and_system_seconds(relay_.process_id());
  }
  const lab::RelayProcess& relay_;
  GoodClient& good_;
  Clock::time_point begun_;
  double cpu_ = 0;
};

/// The relay keeps a connection to a host for ten seconds when nothing uses it.
constexpr milliseconds idle_connections_end(12'000);

/// A relay with a host that takes everything for good.test, and one for each of held0.test to held7.test.
struct World {
  lab::Laboratory laboratory;
  std::unique_ptr<lab::RelayProcess> relay;

  World() {
    laboratory.dns().ttl(3600);
    laboratory.domain("good.test", {.sts = "enforce"});
    for (int i = 0; i < 8; ++i) laboratory.domain("held" + std::to_string(i) + ".test");
    lab::RelayOptions options;
    const auto certificate = lab::toml(laboratory.ca().issue({"relay.test"}).path);
    options.listener = {{"tls", lab::toml("starttls")}, {"certificate", certificate}, {"key", certificate}};
    options.tables["limits"] = {{"connections", "20000"}};
    relay = std::make_unique<lab::RelayProcess>(laboratory, program, options);
    relay->start();
    relay->mail("warm@good.test");
  }
};

void run(World& world, const std::vector<SlowClient>& clients, milliseconds time) {
  GoodClient good(world.relay->port());
  Phases phases(*world.relay, good);
  std::this_thread::sleep_for(time / 2);
  phases.print("without");
  for (int wave = 0; wave < waves; ++wave) {
    {
      Crowd crowd(world.relay->port());
      crowd.open(clients);
      crowd.go_on_until(Clock::now() + milliseconds(10'000));
      phases.print("coming");
      crowd.go_on_until(Clock::now() + time);
      phases.print("with", "; " + std::to_string(crowd.still_open()) + " of " + std::to_string(clients.size()) +
                               " open, " + std::to_string(crowd.going_on()) + " under way, " +
                               std::to_string(crowd.replies()) + " replies waited for");
    }
    std::this_thread::sleep_for(idle_connections_end);
    phases.print("after");
  }
}

void clients(const std::string& name, std::size_t count, milliseconds time) {
  std::vector<const Kind*> chosen;
  for (const auto& kind : kinds())
    if (kind.manner != Manner::each_reply &&
        ((name == "mixed" && kind.manner != Manner::without_pause) || name == kind.name))
      chosen.push_back(&kind);
  if (chosen.empty()) {
    std::printf("no kind %s\n", name.c_str());
    return;
  }
  World world;
  std::vector<SlowClient> slow(count);
  for (std::size_t i = 0; i < count; ++i) {
    slow[i].kind = chosen[i % chosen.size()];
    slow[i].domain = "held" + std::to_string(i / chosen.size() % 8) + ".test";
  }
  std::printf("%s, %zu clients\n", name.c_str(), count);
  run(world, slow, time);
  world.relay->stop();
}

// ---- hosts that never come to a point

void until_starttls(lab::Channel& channel) {
  channel.write("220 bad.test\r\n");
  channel.read_line();
  channel.write("250-bad.test\r\n250 STARTTLS\r\n");
  channel.read_line();
}

const std::array<lab::Server::Dialogue, 7>& hostile_hosts() {
  static const std::array<lab::Server::Dialogue, 7> all{
      [](lab::Channel& channel) { channel.hang(); },
      [](lab::Channel& channel) {
        for (;;) channel.write("2"), channel.pause(milliseconds(1000), true);
      },
      [](lab::Channel& channel) {
        for (;;) channel.write("220-" + std::string(400, 'a') + "\r\n");
      },
      [](lab::Channel& channel) {
        for (;;) channel.write(std::string(4096, '\xaa'));
      },
      [](lab::Channel& channel) { channel.write("220 " + std::string(1 << 20, 'a') + "\r\n"), channel.hang(); },
      [](lab::Channel& channel) {
        until_starttls(channel);
        channel.write("220 go ahead\r\n");
        channel.hang();
      },
      [](lab::Channel& channel) {
        until_starttls(channel);
        for (;;) channel.write("250-x\r\n"), channel.pause(milliseconds(1000), true);
      }};
  return all;
}

void hosts(milliseconds time) {
  constexpr std::size_t messages = 1000;
  World world;
  std::vector<std::unique_ptr<lab::Server>> servers;
  for (std::size_t i = 0; i < hostile_hosts().size(); ++i)
    servers.push_back(std::make_unique<lab::Server>("127.0.9." + std::to_string(10 + i), world.laboratory.smtp_port(),
                                                    hostile_hosts()[i]));
  std::vector<SlowClient> senders(messages);
  for (std::size_t i = 0; i < messages; ++i) {
    // A host name each, so that what the relay remembers of one says nothing of the next.
    const auto domain = "h" + std::to_string(i) + ".test";
    world.laboratory.dns().set(domain, "MX", {"10 mx." + domain + "."});
    world.laboratory.dns().set("mx." + domain, "A", {"127.0.9." + std::to_string(10 + i % hostile_hosts().size())});
    senders[i].kind = &kinds().back();
    senders[i].domain = domain;
  }
  std::printf("hosts, %zu messages\n", messages);
  run(world, senders, time);
  world.relay->stop();
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> asked;
  std::size_t number = 10'000;
  milliseconds time(20'000);
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--clients" && i + 1 < count) {
      number = std::stoul(arguments[++i]);
    } else if (word == "--seconds" && i + 1 < count) {
      time = milliseconds(1000 * std::stol(arguments[++i]));
    } else if (word == "--waves" && i + 1 < count) {
      waves = std::stoi(arguments[++i]);
    } else if (word == "--relay" && i + 1 < count) {
      program = arguments[++i];
    } else {
      asked.push_back(word);
    }
  }
  if (asked.empty()) asked = {"mixed", "hosts"};
  // The relay inherits it.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  for (const auto& word : asked) word == "hosts" ? hosts(time) : clients(word, number, time);
}
