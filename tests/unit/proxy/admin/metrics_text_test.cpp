// The page that Prometheus reads: its format, its buckets, and that the manual lists what is on it.
#include "proxy/admin/metrics_text.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace proxy::metrics;

/// Everything at 0; large, so not on the stack.
std::unique_ptr<Metrics> fresh() {
  return std::make_unique<Metrics>();
}

bool has(const std::string& page, const std::string& line) {
  return ('\n' + page).find('\n' + line + '\n') != std::string::npos;
}

/// The names behind "# TYPE".
std::set<std::string> families(const std::string& page) {
  std::set<std::string> names;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    const auto name = line.substr(7, line.find(' ', 7) - 7);
    CHECK(names.insert(name).second);
  }
  return names;
}

}  // namespace

TEST_CASE("every family of metrics says its meaning and its type once and counters end in total", "[OPS-06]") {
  const auto page = proxy::metrics_text(*fresh(), "1.2.3");
  CHECK(page.back() == '\n');
  std::string named, typed;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    if (line.starts_with("# HELP ")) {
      named = line.substr(7, line.find(' ', 7) - 7);
      CHECK(line.ends_with('.'));
      CHECK(line.size() > named.size() + 10);
    } else if (line.starts_with("# TYPE ")) {
      typed = line.substr(7);
      CHECK(typed.starts_with(named + ' '));
      CHECK(named.starts_with("sts_relay_"));
      CHECK(named.ends_with("_total") == typed.ends_with(" counter"));
    } else {
      CHECK(line.starts_with(named));
      const auto value = line.substr(line.rfind(' ') + 1);
      CHECK(value.find_first_not_of("0123456789.") == std::string::npos);
    }
  }
}

TEST_CASE("counters and gauges are shown with all values of their labels also those that are 0", "[OPS-06]") {
  auto all = fresh();
  all->outbound.messages[PolicyMode::enforce][Result::deferred].add(3);
  all->inbound.sessions_open[ClientTls::starttls].add(5);
  all->inbound.sessions_open[ClientTls::starttls].add(-2);
  all->started.set(1'800'000'000);
  const auto page = proxy::metrics_text(*all, "1.2.3");
  CHECK(has(page, R"(sts_relay_messages_total{policy="enforce",result="deferred"} 3)"));
  CHECK(has(page, R"(sts_relay_messages_total{policy="none",result="delivered"} 0)"));
  CHECK(has(page, R"(sts_relay_sessions_open{tls="starttls"} 3)"));
  CHECK(has(page, R"(sts_relay_sessions_open{tls="none"} 0)"));
  CHECK(has(page, R"(sts_relay_start_time_seconds 1800000000)"));
  CHECK(has(page, R"(sts_relay_build_info{version="1.2.3"} 1)"));
  CHECK(has(page, "# TYPE sts_relay_messages_total counter"));
  CHECK(has(page, "# TYPE sts_relay_sessions_open gauge"));
}

TEST_CASE("quotes and backslashes and line ends in a value of a label are escaped", "[OPS-06]") {
  const auto page = proxy::metrics_text(*fresh(), "a\"b\\c\nd");
  CHECK(has(page, R"(sts_relay_build_info{version="a\"b\\c\nd"} 1)"));
}

TEST_CASE("a histogram counts what is within each bound and all of it in the end", "[OPS-06]") {
  auto all = fresh();
  auto& times = all->inbound.rcpt_answer;
  times.observe(1ms);  // a bound belongs to its bucket
  times.observe(1001us);
  times.observe(70s);
  times.observe(1h);
  times.observe(-5s);
  const auto page = proxy::metrics_text(*all, "1");
  const std::string name = "sts_relay_rcpt_answer_seconds";
  CHECK(has(page, "# TYPE " + name + " histogram"));
  CHECK(has(page, name + R"(_bucket{le="0.001"} 2)"));
  CHECK(has(page, name + R"(_bucket{le="0.005"} 3)"));
  CHECK(has(page, name + R"(_bucket{le="60"} 3)"));
  CHECK(has(page, name + R"(_bucket{le="120"} 4)"));
  CHECK(has(page, name + R"(_bucket{le="600"} 4)"));
  CHECK(has(page, name + R"(_bucket{le="+Inf"} 5)"));
  CHECK(has(page, name + "_sum 3670.002001"));
  CHECK(has(page, name + "_count 5"));
}

TEST_CASE("the manual lists every metric and no other", "[OPS-06]") {
  const auto names = families(proxy::metrics_text(*fresh(), "1"));
  std::ifstream file(STS_RELAY_SOURCE "/docs/operation.md");
  std::set<std::string> listed;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `sts_relay_")) listed.insert(line.substr(3, line.find_first_of("`{", 3) - 3));
  }
  CHECK(listed == names);
}

TEST_CASE("no count of any thread is lost and a page can be made meanwhile", "[tsan][OPS-06]") {
  auto all = fresh();
  constexpr unsigned counters = 4, rounds = 20'000;
  std::vector<std::thread> threads;
  for (unsigned n = 0; n < counters; ++n) {
    threads.emplace_back([&] {
      for (unsigned i = 0; i < rounds; ++i) {
        const Held open(all->outbound.connections_open);
        all->outbound.connections.add();
        all->sts.fetches[FetchCause::refresh][Fetch::status].add(2);
        all->inbound.final_reply.observe(2ms);
      }
    });
  }
  for (int i = 0; i < 20; ++i) CHECK(proxy::metrics_text(*all, "1").size() > 1000);
  for (auto& thread : threads) thread.join();
  const auto page = proxy::metrics_text(*all, "1");
  CHECK(has(page, "sts_relay_mx_connections_open 0"));
  CHECK(has(page, "sts_relay_mx_connections_total " + std::to_string(counters * rounds)));
  CHECK(has(page, R"(sts_relay_policy_fetches_total{cause="refresh",result="status"} )" +
                      std::to_string(2 * counters * rounds)));
  CHECK(has(page, "sts_relay_final_reply_seconds_count " + std::to_string(counters * rounds)));
  CHECK(has(page, "sts_relay_final_reply_seconds_sum " + std::to_string(2 * counters * rounds / 1000)));
}
