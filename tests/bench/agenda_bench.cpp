// Measures the agenda with a million units: memory, and what adding, waiting, healing and handing out cost. Prints
// figures, judges none: they belong to the machine that they were taken on.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include "policy/queue/agenda.hpp"

namespace {

using policy::queue::Agenda;
using policy::queue::Time;
using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int million = 1'000'000;
const Time start{std::chrono::seconds(1'795'593'600)};

double seconds_since(Steady::time_point began) {
  return std::chrono::duration<double>(Steady::now() - began).count();
}

/// Octets that were asked for and not given back, with what malloc adds.
double in_use() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

/// Everything is added while its domains fail; after the pause they heal, and all is served.
void measure(const char* what, int domains, const std::function<std::string(int)>& sender) {
  const double before = in_use();
  Agenda agenda({{5min, 10min, 1h}, 5, 100});
  const auto name = [&](int number) { return "customer-" + std::to_string(number) + ".example.com"; };
  for (int number = 0; number < domains; ++number) {
    agenda.add(number, name(number), "", start);
    const auto unit = agenda.next(start);
    agenda.ended(*unit, Agenda::Ended::domain_failed, start, 0.5);
  }
  std::mt19937 random(1);
  auto began = Steady::now();
  for (int message = 0; message < million; ++message) {
    agenda.add(message, name(message % domains), sender(message), start + std::chrono::seconds(random() % 240));
  }
  const double adding = seconds_since(began), waiting = in_use() - before;
  began = Steady::now();
  for (int times = 0; times < 100'000; ++times) {
    if (agenda.next(start + 4min)) std::printf("too early\n");
  }
  std::printf("%s:\n  added in %.2f s; %.1f octets a unit while all wait; next() %.0f ns while all is blocked\n", what,
              adding, waiting / million, seconds_since(began) * 1e4);

  const auto now = start + 5min;
  double longest = 0, most = 0;
  int served = 0;
  began = Steady::now();
  std::vector<policy::queue::Unit> work;
  for (;;) {
    const auto one = Steady::now();
    auto unit = agenda.next(now);
    longest = std::max(longest, seconds_since(one));
    if (unit) {
      work.push_back(*unit);
      continue;
    }
    if (work.empty()) break;
    for (const auto& each : work) {
      const auto end = Steady::now();
      agenda.ended(each, Agenda::Ended::served, now, 0.5);
      longest = std::max(longest, seconds_since(end));
    }
    served += static_cast<int>(work.size());
    work.clear();
    if (served % 1000 < 100) most = std::max(most, in_use() - before);
  }
  const double took = seconds_since(began);
  std::printf(
      "  healed and handed out in %.2f s, %.2f us a unit, the longest call %.1f ms; at most %.1f octets a unit\n", took,
      took / served * 1e6, longest * 1e3, most / million);
  std::printf("  %d served, %zu left, %.1f MiB still held\n", served, agenda.size(), (in_use() - before) / (1 << 20));
}

}  // namespace

int main() {
  const auto one = [](int) { return std::string("newsletter@example.org"); };
  const auto few = [](int message) { return "user" + std::to_string(message * 7919LL % 1000) + "@example.org"; };
  const auto own = [](int message) { return "bounces+" + std::to_string(message) + "@news.example.org"; };
  measure("1 domain, 1 sender", 1, one);
  measure("1 domain, 1,000 senders", 1, few);
  measure("1 domain, a sender for each unit", 1, own);
  measure("100,000 domains, 1,000 senders", 100'000, few);
  measure("100,000 domains, a sender for each unit", 100'000, own);
}
