// The queue's order, rule by rule: who is next, what waits for whom, what a failing domain costs, when to look again.
#include "policy/queue/agenda.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace policy::queue;
using namespace std::chrono_literals;
using Ended = Agenda::Ended;

namespace {

const Time start{std::chrono::seconds(1'795'593'600)};  // 2026-11-25T08:00:00Z
constexpr double middle = 0.5;                          // the chance that leaves a pause as it is

/// An agenda whose units are 1, 2, ... and whose domain is a.example where nothing else is said.
struct Desk {
  Agenda agenda;
  explicit Desk(unsigned per_domain = 5, unsigned all = 100) : agenda({{5min, 10min, 1h}, per_domain, all}) {}

  void add(int first, int last, Time due = start, std::string_view domain = "a.example",
           std::string_view sender = "s@example.org") {
    for (int message = first; message <= last; ++message) agenda.add(message, domain, sender, due);
  }
  /// The message handed out; 0: none.
  std::int64_t next(Time now) {
    const auto unit = agenda.next(now);
    if (unit) domain_of[unit->message] = unit->domain;
    return unit ? unit->message : 0;
  }
  std::vector<std::int64_t> all(Time now) {
    std::vector<std::int64_t> messages;
    while (const auto message = next(now)) messages.push_back(message);
    return messages;
  }
  void end(std::int64_t message, Ended how, Time now, double chance = middle) {
    agenda.ended({message, domain_of.at(message)}, how, now, chance);
  }
  Agenda::Status status(std::string_view domain = "a.example") const { return agenda.status(domain); }
  std::map<std::int64_t, std::string> domain_of;
};

using Messages = std::vector<std::int64_t>;

/// a.example has failed once, at `start`, and its units from 2 to `last` are due.
void fail_once(Desk& desk, int last) {
  desk.add(1, 1);
  desk.next(start);
  desk.end(1, Ended::domain_failed, start);
  desk.add(2, last);
}

}  // namespace

TEST_CASE("a pause is the list's and the last one repeats", "[SMTP-29]") {
  const std::vector<std::chrono::milliseconds> retry{5min, 10min, 1h};
  CHECK(pause(retry, 1, middle) == 5min);
  CHECK(pause(retry, 2, middle) == 10min);
  CHECK(pause(retry, 3, middle) == 1h);
  CHECK(pause(retry, 4, middle) == 1h);
  CHECK(pause(retry, 4'000'000'000, middle) == 1h);
  CHECK(pause(retry, 0, middle) == 5min);
  CHECK(pause({1ms}, 1, middle) == 1ms);
}

TEST_CASE("a pause is a tenth longer or shorter by chance", "[SMTP-29]") {
  const std::vector<std::chrono::milliseconds> retry{10min};
  CHECK(pause(retry, 1, 0.0) == 9min);
  CHECK(pause(retry, 1, 0.25) == 9min + 30s);
  CHECK(pause(retry, 1, 0.999999) <= 11min);
  CHECK(pause(retry, 1, 0.999999) > 11min - 1s);
}

TEST_CASE("a unit is handed out when it is due and not before", "[SMTP-29]") {
  Desk desk;
  CHECK_FALSE(desk.agenda.wake());
  desk.add(1, 1, start + 10s);
  CHECK(desk.agenda.wake() == start + 10s);
  CHECK(desk.next(start + 10s - 1ns) == 0);
  CHECK(desk.agenda.next(start + 10s) == Unit{1, "a.example"});
  CHECK(desk.agenda.size() == 0);
  CHECK(desk.next(start + 1h) == 0);
  CHECK_FALSE(desk.agenda.wake());
}

TEST_CASE("of one sender the unit that is due longest goes first", "[queue]") {
  Desk desk;
  desk.add(1, 1, start + 3s);
  desk.add(2, 2, start + 1s);
  desk.add(3, 3, start + 2s);
  CHECK(desk.next(start + 5s) == 2);
  desk.add(4, 4, start);  // late, and due before those that are ready
  CHECK(desk.all(start + 5s) == Messages{4, 3, 1});
}

TEST_CASE("the senders of a domain take turns", "[queue]") {
  Desk desk(100);
  desk.add(1, 50, start, "a.example", "many@example.org");
  desk.add(51, 51, start + 1s, "a.example", "few@example.org");
  desk.add(52, 52, start + 1s, "a.example", "");
  CHECK(desk.next(start) == 1);
  auto first = desk.next(start + 1s), second = desk.next(start + 1s), third = desk.next(start + 1s);
  CHECK(std::set<std::int64_t>{first, second, third} == std::set<std::int64_t>{2, 51, 52});
  CHECK(desk.next(start + 1s) == 3);
}

TEST_CASE("domains take turns however much one of them has", "[queue]") {
  Desk desk(5, 3);
  desk.add(1, 1000, start, "big.example");
  desk.add(2001, 2002, start + 1s, "small.example");
  desk.add(3001, 3001, start + 1s, "other.example");
  CHECK(desk.next(start) == 1);
  CHECK(desk.all(start + 1s) == Messages{2, 2001});  // big.example stood in the ring first
  desk.end(1, Ended::served, start + 1s);
  CHECK(desk.next(start + 1s) == 3001);
  desk.end(2, Ended::served, start + 1s);
  CHECK(desk.next(start + 1s) == 3);
  desk.end(3, Ended::served, start + 1s);
  CHECK(desk.next(start + 1s) == 2002);
}

TEST_CASE("no more is in work than a domain and the whole may have", "[queue]") {
  Desk desk(2, 3);
  desk.add(1, 9);
  CHECK(desk.all(start) == Messages{1, 2});
  CHECK_FALSE(desk.agenda.wake());  // until one has ended
  desk.add(11, 19, start, "b.example");
  CHECK(desk.agenda.wake() == start);
  CHECK(desk.all(start) == Messages{11});
  desk.add(21, 29, start, "c.example");
  CHECK(desk.next(start) == 0);
  CHECK_FALSE(desk.agenda.wake());
  desk.end(11, Ended::dropped, start);
  CHECK(desk.next(start) == 12);
  CHECK(desk.status("a.example").in_work == 2);
}

TEST_CASE("nothing of a domain that failed is handed out before the pause is over", "[SMTP-29][SMTP-59]") {
  Desk desk;
  fail_once(desk, 9);
  CHECK(desk.status().failures == 1);
  CHECK(desk.status().not_before == start + 5min);
  CHECK(desk.next(start + 5min - 1ns) == 0);
  CHECK(desk.agenda.wake() == start + 5min);
  desk.add(11, 11, start, "b.example");
  CHECK(desk.all(start + 1s) == Messages{11});
}

TEST_CASE("after the pause one unit probes and its failure makes the pause longer", "[SMTP-29][SMTP-59]") {
  Desk desk;
  fail_once(desk, 9);
  CHECK(desk.all(start + 5min) == Messages{2});
  CHECK_FALSE(desk.agenda.wake());
  desk.end(2, Ended::domain_failed, start + 6min);
  CHECK(desk.status().failures == 2);
  CHECK(desk.status().not_before == start + 16min);
  CHECK(desk.next(start + 16min - 1ns) == 0);
  CHECK(desk.all(start + 16min) == Messages{3});
  desk.end(3, Ended::domain_failed, start + 16min, 0.0);
  CHECK(desk.status().not_before == start + 16min + 54min);
}

TEST_CASE("a probe of which nothing was learnt makes room for another", "[SMTP-59]") {
  Desk desk;
  fail_once(desk, 9);
  CHECK(desk.all(start + 5min) == Messages{2});
  desk.end(2, Ended::dropped, start + 5min);
  CHECK(desk.status().failures == 1);
  CHECK(desk.all(start + 5min) == Messages{3});
}

TEST_CASE("a domain that heals starts slowly and has everything due once", "[SMTP-59]") {
  Desk desk;
  fail_once(desk, 9);
  desk.add(10, 20, start + 3h);
  desk.next(start + 5min);
  const auto healed = start + 6min;
  desk.end(2, Ended::served, healed);
  CHECK(desk.status().failures == 0);
  CHECK_FALSE(desk.status().not_before);
  CHECK(desk.status().waiting == 0);
  desk.add(21, 21, healed + 1h);  // a message that failed alone keeps its time
  CHECK(desk.all(healed) == Messages{3});
  desk.end(3, Ended::served, healed);
  CHECK(desk.all(healed) == Messages{4, 5});
  desk.end(4, Ended::served, healed);
  CHECK(desk.all(healed) == Messages{6, 7, 8});
  desk.end(5, Ended::served, healed);
  CHECK(desk.all(healed) == Messages{9, 10});
  desk.end(6, Ended::served, healed);
  CHECK(desk.all(healed) == Messages{11});
  CHECK(desk.status().in_work == 5);
  CHECK(desk.status().waiting == 1);
}

TEST_CASE("the window grows only while it is full and only by units that are served", "[SMTP-59]") {
  Desk desk;
  fail_once(desk, 3);
  desk.next(start + 5min);
  desk.end(2, Ended::served, start + 5min);
  CHECK(desk.all(start + 5min) == Messages{3});
  desk.end(3, Ended::dropped, start + 5min);
  desk.add(4, 20, start + 5min);
  // Nothing was left for a moment: the domain is as new.
  CHECK(desk.all(start + 5min) == Messages{4, 5, 6, 7, 8});

  Desk other;
  fail_once(other, 20);
  other.next(start + 5min);
  other.end(2, Ended::served, start + 5min);
  CHECK(other.all(start + 5min) == Messages{3});
  other.end(3, Ended::dropped, start + 5min);
  CHECK(other.all(start + 5min) == Messages{4});
  other.end(4, Ended::served, start + 5min);
  CHECK(other.all(start + 5min) == Messages{5, 6});
}

TEST_CASE("a unit that is due after the pause waits for its own time", "[SMTP-29][SMTP-59]") {
  Desk desk;
  fail_once(desk, 1);
  desk.add(2, 2, start + 20min);
  CHECK(desk.next(start + 5min) == 0);
  CHECK(desk.agenda.wake() == start + 20min);
  desk.add(3, 3, start + 10min);
  CHECK(desk.agenda.wake() == start + 10min);
  CHECK(desk.all(start + 10min) == Messages{3});
}

TEST_CASE("what was in work when a domain failed is one failure", "[SMTP-59]") {
  Desk desk;
  desk.add(1, 9);
  CHECK(desk.all(start).size() == 5);
  desk.end(1, Ended::domain_failed, start);
  desk.end(2, Ended::domain_failed, start + 1min);
  CHECK(desk.status().failures == 1);
  CHECK(desk.status().not_before == start + 5min);
  CHECK(desk.all(start + 5min) == Messages{6});
  desk.end(3, Ended::domain_failed, start + 5min);  // not the probe
  CHECK(desk.status().failures == 1);
  CHECK(desk.next(start + 5min) == 0);
  desk.end(6, Ended::domain_failed, start + 5min);
  CHECK(desk.status().failures == 2);
}

TEST_CASE("what hangs on from an outage heals the domain but does not fail it again", "[SMTP-59]") {
  Desk desk;
  desk.add(1, 9);
  desk.all(start);
  desk.end(1, Ended::domain_failed, start);
  desk.end(2, Ended::served, start + 1min);
  CHECK(desk.status().failures == 0);
  desk.end(3, Ended::domain_failed, start + 2min);
  CHECK(desk.status().failures == 0);
  CHECK(desk.status().in_work == 2);
  CHECK(desk.next(start + 2min) == 0);  // the window is 1 and two are in work
  desk.end(4, Ended::dropped, start + 2min);
  desk.end(5, Ended::dropped, start + 2min);
  CHECK(desk.all(start + 2min) == Messages{6});
}

TEST_CASE("other traffic that gets through is as a probe that was served", "[SMTP-59]") {
  Desk desk;
  fail_once(desk, 9);
  desk.add(10, 10, start + 3h);
  desk.agenda.alive("a.example", start + 1s);
  CHECK(desk.status().failures == 0);
  CHECK(desk.status().ready == 9);
  CHECK(desk.agenda.wake() == start + 1s);
  CHECK(desk.all(start + 1s) == Messages{2});
}

TEST_CASE("other traffic changes nothing of a domain that does not fail", "[queue]") {
  Desk desk;
  desk.add(1, 9);
  desk.add(10, 10, start + 1h);
  CHECK(desk.all(start).size() == 5);
  desk.agenda.alive("a.example", start);
  CHECK(desk.status().waiting == 1);
  desk.end(1, Ended::served, start);
  CHECK(desk.next(start) == 6);
  desk.agenda.alive("unknown.example", start);
}

TEST_CASE("a kick makes everything due and forgets the failures", "[queue]") {
  Desk desk;
  fail_once(desk, 3);
  desk.add(4, 9, start + 3h);
  desk.agenda.kick("a.example", start + 1s);
  CHECK(desk.status().failures == 0);
  CHECK(desk.agenda.wake() == start + 1s);
  CHECK(desk.all(start + 1s) == Messages{2, 3, 4, 5, 6});
  desk.end(2, Ended::domain_failed, start + 1s);
  CHECK(desk.status().not_before == start + 1s + 5min);
  desk.agenda.kick("unknown.example", start);
}

TEST_CASE("a domain of which nothing is left is forgotten but not before its pause is over", "[SMTP-59]") {
  Desk desk;
  fail_once(desk, 1);
  CHECK_FALSE(desk.agenda.wake());
  CHECK(desk.next(start + 5min - 1ns) == 0);
  CHECK(desk.status().failures == 1);
  desk.add(1, 1, start);  // whoever had it adds it again
  desk.next(start + 5min);
  desk.end(1, Ended::domain_failed, start + 5min);
  CHECK(desk.status().failures == 2);
  CHECK(desk.next(start + 15min) == 0);
  CHECK(desk.status().failures == 0);
  desk.add(2, 9);
  CHECK(desk.all(start + 15min) == Messages{2, 3, 4, 5, 6});
}

TEST_CASE("a reload changes pauses to come and none that is under way", "[SMTP-29]") {
  Desk desk;
  fail_once(desk, 9);
  desk.agenda.change({1min, 2min});
  CHECK(desk.status().not_before == start + 5min);
  desk.next(start + 5min);
  desk.end(2, Ended::domain_failed, start + 5min);
  CHECK(desk.status().not_before == start + 7min);
}

TEST_CASE("a unit that was added twice is handed out twice and no more", "[queue]") {
  Desk desk;
  desk.add(1, 1);
  desk.add(1, 1);
  CHECK(desk.all(start) == Messages{1, 1});
  desk.end(1, Ended::served, start);
  CHECK(desk.status().in_work == 1);
  desk.end(1, Ended::served, start);
  CHECK(desk.status().in_work == 0);
  CHECK(desk.all(start + 24h).empty());
}

TEST_CASE("an end of what is not in work changes nothing", "[queue]") {
  Desk desk(1);
  desk.add(1, 3);
  desk.agenda.ended({1, "a.example"}, Ended::domain_failed, start, middle);
  desk.agenda.ended({1, "b.example"}, Ended::domain_failed, start, middle);
  CHECK(desk.status().failures == 0);
  CHECK(desk.all(start) == Messages{1});
  desk.end(1, Ended::dropped, start);
  desk.agenda.ended({1, "a.example"}, Ended::domain_failed, start, middle);
  CHECK(desk.status().failures == 0);
}

TEST_CASE("a clock that was put back takes what waits with it", "[SMTP-29]") {
  Desk desk;
  fail_once(desk, 2);
  desk.add(11, 11, start + 10min, "b.example");
  const auto back = 100 * 365 * 24h;
  CHECK(desk.next(start + 1min - back) == 0);
  CHECK(desk.agenda.wake() == start + 6min - back);  // the time between the two readings is not known
  CHECK(desk.status().not_before == start + 6min - back);
  CHECK(desk.next(start + 6min - back) == 2);
  CHECK(desk.next(start + 11min - back) == 11);
}

TEST_CASE("a clock that is adjusted by seconds moves nothing", "[SMTP-29]") {
  Desk desk;
  desk.add(1, 1, start + 2min);
  desk.next(start + 1min);
  for (int times = 0; times < 100; ++times) {
    desk.next(start);
    desk.next(start + 1min);
  }
  CHECK(desk.agenda.wake() == start + 2min);
  CHECK(desk.next(start + 2min - 1ns) == 0);
  CHECK(desk.next(start + 2min) == 1);
}

TEST_CASE("times at both ends of the clock are times as others", "[queue]") {
  Desk desk;
  desk.add(1, 1, Time::max());
  desk.add(2, 2, Time::min());
  CHECK(desk.all(start) == Messages{2});
  CHECK(desk.agenda.wake() == Time::max());
  CHECK(desk.next(start - 1h) == 0);
  desk.agenda.kick("a.example", start);
  CHECK(desk.next(start) == 1);
}
