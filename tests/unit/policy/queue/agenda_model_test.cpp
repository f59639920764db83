// The agenda and its naive model through the same thousands of random events, under clocks that run, jump and are put
// back. A failure names the seed and the event: the same seed runs the same events again.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/policy/queue/agenda_model.hpp"

using namespace policy::queue;
using namespace policy::queue::test;
using namespace std::chrono_literals;
using Ended = Agenda::Ended;

namespace {

/// Which clocks a run has.
enum class Clock { runs, adjusted, put_back };

class Run {
 public:
  Run(unsigned seed, Clock clock) : random_(seed), clock_(clock), agenda_(options_), model_(options_) {}

  void events(int count) {
    for (event_ = 0; event_ < count; ++event_) {
      event();
      model_.check_status(agenda_, domain());
    }
  }

  /// Every domain lives again: all that was ever added and not handed out comes out, in time that wake() tells.
  void drain() {
    for (int steps = 0; model_.size() > 0 || !model_.held().empty(); ++steps) {
      ++event_;
      if (steps > 5000) throw std::logic_error("something is stuck");
      if (next()) continue;
      if (!model_.held().empty()) {
        end(0, Ended::served);
      } else if (const auto wake = agenda_.wake()) {
        now_ = *wake;
      }
    }
    now_ += 24h;
    next();
    if (agenda_.size() != 0 || agenda_.wake()) throw std::logic_error("something is left");
  }

  int event_number() const { return event_; }
  int handed_out = 0;

 private:
  unsigned below(unsigned bound) { return std::uniform_int_distribution<unsigned>(0, bound - 1)(random_); }
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  std::string domain() { return "abcde"[below(5)] + std::string(".example"); }

  Agenda::Options some_options() { return {{1min, 3min, 10min}, 1 + below(6), below(2) == 0 ? 1 + below(8) : 100}; }

  void event() {
    const auto what = below(1000);
    if (what < 260) {
      add();
    } else if (what < 600) {
      next();
    } else if (what < 840) {
      if (!model_.held().empty()) end(below(static_cast<unsigned>(model_.held().size())), outcome());
    } else if (what < 850) {
      const auto name = domain();
      agenda_.alive(name, now_);
      model_.alive(name, now_);
    } else if (what < 855) {
      const auto name = domain();
      agenda_.kick(name, now_);
      model_.kick(name, now_);
    } else if (what < 858) {
      std::vector<std::chrono::milliseconds> retry{std::chrono::seconds(1 + below(300))};
      agenda_.change(retry);
      model_.change(retry);
    } else if (what < 860) {
      world_ = below(16);
    } else {
      tick();
    }
  }

  void add() {
    if (model_.size() > 40) return;
    const auto kind = below(10);
    auto due = now_;
    if (kind < 3) due -= std::chrono::seconds(below(600));
    if (kind > 4) due += std::chrono::milliseconds(below(kind > 8 ? 7'200'000 : 300'000));
    const auto message = below(8) == 0 ? static_cast<std::int64_t>(below(50)) : ++last_message_;
    const auto name = domain();
    // A message has one sender. Most domains have few senders, one has a new one for each message.
    const auto sender = name[0] == 'c' ? std::to_string(message) : std::string(message % 4, 's');
    agenda_.add(message, name, sender, due);
    model_.add(message, name, sender, due);
  }

  bool next() {
    const auto unit = agenda_.next(now_);
    model_.next(unit, now_);
    if (!unit) model_.check_wake(agenda_.wake());
    handed_out += unit.has_value();
    return unit.has_value();
  }

  /// Domains that are dead in this world fail, the others serve; now and then it is otherwise.
  Ended outcome() {
    if (below(6) == 0) return static_cast<Ended>(below(3));
    return below(16) < world_ ? Ended::domain_failed : Ended::served;
  }

  void end(std::size_t which, Ended how) {
    const auto& held = model_.held().at(which);
    const Unit unit{held.message, held.domain};
    const double by_chance = chance();
    agenda_.ended(unit, how, now_, by_chance);
    model_.ended(unit, how, now_, by_chance);
  }

  void tick() {
    const auto kind = below(100);
    const auto wake = agenda_.wake();
    if (kind < 50) {
      now_ += std::chrono::milliseconds(below(20'000));
    } else if (kind < 65 && wake) {
      now_ = std::max(now_, *wake - 1ns);
    } else if (kind < 85 && wake) {
      now_ = std::max(now_, *wake);
    } else if (kind < 95) {
      now_ += std::chrono::seconds(below(600));
    } else if (kind < 97 && clock_ != Clock::runs) {
      now_ -= std::chrono::milliseconds(below(60'000));
    } else if (kind < 98 && clock_ == Clock::put_back) {
      now_ -= std::chrono::hours(below(48)) + 61s;
    } else if (kind < 99 && clock_ == Clock::put_back) {
      now_ += std::chrono::hours(below(24 * 365));
    }
  }

  std::mt19937 random_;
  Clock clock_;
  Agenda::Options options_ = some_options();
  Agenda agenda_;
  Model model_;
  Time now_{std::chrono::seconds(1'795'593'600)};
  std::int64_t last_message_ = 1000;
  unsigned world_ = 8;
  int event_ = 0;
};

void run_seeds(unsigned first, unsigned count, Clock clock) {
  for (unsigned seed = first; seed < first + count; ++seed) {
    Run run(seed, clock);
    try {
      run.events(10'000);
      run.drain();
    } catch (const std::logic_error& error) {
      FAIL("seed " << seed << ", event " << run.event_number() << ": " << error.what());
    }
    CHECK(run.handed_out > 500);
  }
}

}  // namespace

TEST_CASE("the agenda does what its model allows while the clock runs", "[queue][SMTP-29][SMTP-59]") {
  run_seeds(1, 5, Clock::runs);
}

TEST_CASE("the agenda does what its model allows while the clock is adjusted", "[queue][SMTP-29][SMTP-59]") {
  run_seeds(101, 5, Clock::adjusted);
}

TEST_CASE("the agenda does what its model allows while the clock jumps both ways", "[queue][SMTP-29][SMTP-59]") {
  run_seeds(201, 5, Clock::put_back);
}
