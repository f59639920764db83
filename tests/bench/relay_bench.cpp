// Measures the relay between a source and a TLS sink, each a process of its own: messages a second, the relay's own CPU
// a message, latency, memory. Run by hand, on a machine that does nothing else; it asserts nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/measure.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"
#include "tests/lab/smtp_client.hpp"

namespace {

using bench::resident_kib;
using bench::user_and_system_seconds;
using Clock = std::chrono::steady_clock;

struct Work {
  const char* name;
  int connections, messages;  ///< messages a connection; 0: only hold the connections
  std::size_t octets;
};
constexpr Work works[] = {{"4 KiB, 20 connections", 20, 400, 4096},
                          {"10 MB, 4 connections", 4, 4, 10'000'000},
                          {"5,000 idle clients", 5000, 0, 0}};

struct Result {
  double seconds = 0, p50 = 0, p99 = 0;
  long delivered = 0;
};

/// In the source process: all connections at once, each sends its messages one after the other.
Result send(std::uint16_t port, const Work& work) {
  std::vector<std::thread> threads;
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(work.connections));
  const std::string body = lab::letter() + [&] {
    std::string lines;
    while (lines.size() < work.octets) lines += std::string(70, 'x') + "\r\n";
    return lines;
  }();
  const auto begin = Clock::now();
  for (std::size_t c = 0; c < latencies.size(); ++c) {
    threads.emplace_back([&, c] {
      lab::SmtpClient client("127.0.0.1", port);
      client.ehlo();
      for (int i = 0; i < work.messages; ++i) {
        const auto start = Clock::now();
        const auto replies = client.send("a@sender.test", {"b@bench.test"}, body);
        if (replies[0].second.code != 250) continue;
        latencies[c].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      }
      client.quit();
    });
  }
  for (auto& thread : threads) thread.join();
  Result result;
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  result.delivered = static_cast<long>(all.size());
  const auto spread = bench::spread_of(std::move(all));
  result.p50 = spread.p50;
  result.p99 = spread.p99;
  return result;
}

Result in_a_process(std::uint16_t port, const Work& work) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const auto result = send(port, work);
    const auto written = ::write(ends[1], &result, sizeof result);
    ::_exit(written == sizeof result ? 0 : 1);
  }
  Result result;
  if (::read(ends[0], &result, sizeof result) != sizeof result) result = {};
  ::close(ends[0]);
  ::close(ends[1]);
  waitpid(child, nullptr, 0);
  return result;
}

}  // namespace

int main() {
  lab::Laboratory laboratory;
  laboratory.dns().ttl(3600);
  laboratory.domain("bench.test", {.sts = "enforce"});
  lab::RelayProcess relay(laboratory, STS_RELAY_PROGRAM);
  relay.start();
  relay.mail("warm@bench.test");
  for (const auto& work : works) {
    const long before = resident_kib(relay.process_id());
    const double cpu = user_and_system_seconds(relay.process_id());
    if (work.messages == 0) {
      std::vector<std::unique_ptr<lab::SmtpClient>> held;
      for (int i = 0; i < work.connections; ++i)
        held.push_back(std::make_unique<lab::SmtpClient>("127.0.0.1", relay.port()));
      const long now = resident_kib(relay.process_id());
      std::printf("%-24s %.1f KiB a connection\n", work.name, static_cast<double>(now - before) / work.connections);
      continue;
    }
    const auto result = in_a_process(relay.port(), work);
    const double used = user_and_system_seconds(relay.process_id()) - cpu;
    const auto count = static_cast<double>(std::max(1L, result.delivered));
    std::printf(
        "%-24s %.0f messages/s, %.0f us of CPU a message, p50 %.1f ms, p99 %.1f ms, %ld KiB (before %ld), %ld "
        "delivered\n",
        work.name, count / std::max(0.001, result.seconds), used / count * 1e6, result.p50, result.p99,
        resident_kib(relay.process_id()), before, result.delivered);
  }
  return relay.stop();
}
