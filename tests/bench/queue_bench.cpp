// Measures the queue: what it takes in when every destination defers, a run over many deferred messages, and a start
// with a million of them. Run by hand, on a machine that does nothing else; it asserts nothing.
//
//   queue_bench [take] [run] [start]     nothing given: all three
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "proxy/store/sqlite_queue_store.hpp"
#include "tests/bench/measure.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"
#include "tests/support/run_awaitable.hpp"

namespace {

using bench::resident_kib;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

lab::RelayOptions options(const char* retry) {
  lab::RelayOptions relay;
  relay.on_defer = "queue";
  relay.tables["queue"] = {
      {"retry", "[" + lab::toml(retry) + "]"}, {"messages", "2000000"}, {"messages_per_client", "2000000"}};
  return relay;
}

std::string letter(std::size_t octets) {
  std::string text = lab::letter();
  while (text.size() < octets) text += std::string(70, 'x') + "\r\n";
  return text;
}

/// Every RCPT is answered 451, so that each message is durable before its client reads 250.
void take(int connections) {
  constexpr int messages = 8000;
  lab::Laboratory laboratory;
  laboratory.dns().ttl(3600);
  auto& domain = laboratory.domain("bench.test", {.sts = "enforce"});
  domain.mx[0]->on("RCPT", std::string("451 4.3.0 not now"));
  lab::RelayProcess relay(laboratory, STS_RELAY_PROGRAM, options("1h"));
  relay.start();
  relay.mail("warm@bench.test");
  const auto body = letter(4096);
  std::atomic<int> left = messages, taken = 0;
  const auto begin = Clock::now();
  std::vector<std::thread> clients;
  for (int i = 0; i < connections; ++i) {
    clients.emplace_back([&] {
      auto client = relay.client();
      while (left-- > 0) taken += client.send("a@sender.test", {"b@bench.test"}, body)[0].second.code == 250;
      client.quit();
    });
  }
  for (auto& client : clients) client.join();
  std::printf("take, 4 KiB, %3d connections: %.0f messages/s (%d taken)\n", connections,
              taken.load() / seconds_since(begin), taken.load());
  relay.stop();
}

/// Messages put into the store of a relay that does not run, `per_domain` to each of d0.test, d1.test ...
void fill(const std::string& state, std::size_t messages, std::size_t domains, std::size_t octets,
          std::chrono::seconds due_in) {
  std::filesystem::create_directories(state);
  ::chmod(state.c_str(), 0700);
  boost::asio::io_context io{1};
  proxy::SqliteQueueStore store(state);
  const auto body = std::make_shared<const proxy::OctetsInMemory>(letter(octets));
  const auto now = std::chrono::system_clock::now();
  for (std::size_t done = 0; done < messages;) {
    proxy::QueueChange change;
    for (; change.add.size() < 1000 && done < messages; ++done) {
      proxy::QueueChange::New made;
      auto& message = made.message;
      message.number = store.next_number();
      message.id = "bench" + std::to_string(message.number);
      std::string_view rest;
      message.mail.reverse_path = *smtp::parse_path("<a@sender.test>", true, rest);
      message.client = "127.0.0.1";
      message.received_field = "Received: from bench by relay.test\r\n";
      message.size = body->size();
      message.received = now;
      message.expires = now + std::chrono::hours(120);
      message.warn_at = now + std::chrono::hours(4);
      proxy::QueuedRecipient one;
      const auto domain = "d" + std::to_string(done % domains) + ".test";
      one.rcpt.forward_path = *smtp::parse_path("<b@" + domain + ">", false, rest);
      one.attempts = 1;
      one.next_attempt = now + due_in;
      one.reason = "451 4.3.0 mx1." + domain + " said at RCPT: 451 4.3.0 not now";
      message.recipients.push_back(std::move(one));
      made.octets = body;
      change.add.push_back(std::move(made));
    }
    if (!test::run_awaitable(io, store.apply(std::move(change))).durable) std::abort();
  }
}

void run_of_many() {
  constexpr std::size_t messages = 100'000, domains = 1000;
  lab::Laboratory laboratory;
  laboratory.dns().ttl(3600);
  auto& mx = laboratory.mx("mx.bench.test");
  static_cast<void>(mx);
  for (std::size_t i = 0; i < domains; ++i)
    laboratory.dns().set("d" + std::to_string(i) + ".test", "MX", {"10 mx.bench.test"});
  lab::RelayProcess relay(laboratory, STS_RELAY_PROGRAM, options("1h"));
  fill(relay.directory() + "/state", messages, domains, 4096, std::chrono::seconds(0));
  const auto begin = Clock::now();
  relay.start();
  long most = 0;
  laboratory.watch().until(
      [&] {
        most = std::max(most, resident_kib(relay.process_id()));
        return laboratory.inbox().size() >= messages;
      },
      std::chrono::minutes(10));
  const double seconds = seconds_since(begin);
  std::printf("run of %zu to %zu domains: %.1f s, %.0f messages/s, at most %ld KiB (%zu arrived)\n", messages, domains,
              seconds, static_cast<double>(messages) / seconds, most, laboratory.inbox().size());
  relay.stop();
}

void start_with_a_million() {
  constexpr std::size_t messages = 1'000'000;
  lab::Laboratory laboratory;
  lab::RelayProcess relay(laboratory, STS_RELAY_PROGRAM, options("1h"));
  const auto filling = Clock::now();
  fill(relay.directory() + "/state", messages, 1000, 300, std::chrono::hours(1));
  std::printf("filled in %.0f s\n", seconds_since(filling));
  const auto begin = Clock::now();
  relay.start();
  std::printf("start with %zu queued: %.2f s, %ld KiB\n", messages, seconds_since(begin),
              resident_kib(relay.process_id()));
  relay.stop();
}

}  // namespace

int main(int count, char** arguments) {
  const auto asked = [&](const char* name) {
    for (int i = 1; i < count; ++i) {
      if (std::strcmp(arguments[i], name) == 0) return true;
    }
    return count == 1;
  };
  if (asked("take")) {
    take(20);
    take(200);
  }
  if (asked("run")) run_of_many();
  if (asked("start")) start_with_a_million();
}
