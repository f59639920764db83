// One run: cases go from one step to the next as the laboratory's servers and the sender's replies tell.
#include "tests/lab/judge/judgement_run.hpp"

#include <algorithm>
#include <deque>
#include <mutex>

#include "tests/lab/judge/hand_over.hpp"
#include "tests/lab/judge/observe.hpp"
#include "tests/lab/judge/run_state.hpp"

namespace lab::judge {
namespace {

enum class Step { first_sent, sent, judged };

struct Case {
  Field& field;
  Step step = Step::first_sent;
  bool earlier = false;  ///< judged by an earlier run
  Deadline end = {};
  Reply reply = {};      ///< below the run's lock
  bool replied = false;  ///< below the run's lock
  std::string first_failed = {};
  Judgement judgement = {};
};

class Run {
 public:
  Run(Grounds& grounds, const RunOptions& options, const std::string& zone,
      const std::function<void(const Progress&)>& tell)
      : lab_(grounds.lab()),
        options_(options),
        tell_(tell),
        state_(options.state, zone),
        hand_over_(options.address, options.port, options.at_once) {
    for (auto& field : grounds.fields()) cases_.push_back({.field = field});
  }

  std::vector<Result> results();

 private:
  void begin(Case& one);
  void send(Case& one, bool first);
  bool advance();
  void advance(Case& one);
  Evidence evidence(const Case& one, bool with_questions);
  std::chrono::milliseconds left(const Case& one);
  void conclude(Case& one);
  Result result(const Case& one);

  Laboratory& lab_;
  const RunOptions& options_;
  const std::function<void(const Progress&)>& tell_;
  RunState state_;
  std::mutex mutex_;
  std::deque<Case> cases_;
  Clock::time_point told_ = {};
  HandOver hand_over_;  ///< last: its threads end before what they write to
};

void Run::begin(Case& one) {
  const auto& name = one.field.attack.name;
  if (const auto* known = state_.verdict(name)) {
    one.step = Step::judged;
    one.earlier = true;
    one.judgement = *known;
  } else if (!one.field.attack.needs_past) {
    send(one, false);
  } else if (state_.met(name)) {
    strike(one.field);
    send(one, false);
  } else {
    send(one, true);
  }
}

void Run::send(Case& one, bool first) {
  const Field& field = one.field;
  one.step = first ? Step::first_sent : Step::sent;
  one.end = Clock::now() + options_.wait;
  Letter letter{first ? first_sender_of(field) : sender_of(field), first ? first_recipient_of(field) : victim_of(field),
                lab::letter("hello", field.attack.name), field.attack.unstuffed && !first};
  if (field.attack.message != nullptr && !first) letter.body = field.attack.message(letter.recipient);
  one.replied = false;
  hand_over_.send(std::move(letter), [this, &one](const Reply& reply) {
    {
      std::lock_guard guard(mutex_);
      one.reply = reply;
      one.replied = true;
      // The time that a message may take begins when the sender under test has it.
      one.end = Clock::now() + options_.wait;
    }
    lab_.watch().changed();
  });
}

Evidence Run::evidence(const Case& one, bool with_questions) {
  Evidence found;
  {
    std::lock_guard guard(mutex_);
    found.submitted = one.replied && one.reply.code != 0;
    found.code = one.reply.code;
    if (one.replied) found.reply = one.reply.code == 0 ? one.reply.text : words(one.reply);
  }
  found.first_failed = one.first_failed;
  found.seen = sightings(one.field);
  found.returned = was_returned(one.field);
  found.starved = starved(one.field);
  if (!with_questions) return found;
  found.asked = was_asked(one.field);
  found.visits = visits(one.field);
  return found;
}

void Run::advance(Case& one) {
  bool replied = false, late = false;
  Reply reply;
  {
    std::lock_guard guard(mutex_);
    replied = one.replied;
    reply = one.reply;
    late = replied && Clock::now() >= one.end;
  }
  if (!replied) return;
  if (one.step == Step::first_sent) {
    if (first_has_arrived(one.field)) {
      state_.has_met(one.field.attack.name);
      strike(one.field);
      send(one, false);
    } else if (late || reply.kind() != 2) {
      one.first_failed = words(reply);
      conclude(one);
    }
  } else if (late || settled(expectation(one.field.attack), evidence(one, false))) {
    conclude(one);
  }
}

void Run::conclude(Case& one) {
  one.judgement = judged(expectation(one.field.attack), evidence(one, true));
  one.step = Step::judged;
  state_.has_judged(one.field.attack.name, one.judgement);
}

/// The time that it may still take: its message's, and behind a first one that of another.
std::chrono::milliseconds Run::left(const Case& one) {
  if (one.step == Step::judged) return {};
  const std::lock_guard guard(mutex_);
  const auto of_message = std::chrono::duration_cast<std::chrono::milliseconds>(one.end - Clock::now());
  return std::max(of_message, {}) + (one.step == Step::first_sent ? options_.wait : std::chrono::milliseconds(0));
}

/// True when all are judged.
bool Run::advance() {
  Progress progress{.all = cases_.size()};
  std::vector<Result> fresh;
  for (auto& one : cases_) {
    if (one.step != Step::judged) {
      advance(one);
      if (one.step == Step::judged) fresh.push_back(result(one));
    }
    progress.judged += one.step == Step::judged ? 1 : 0;
    progress.in_peace += one.step == Step::first_sent ? 1 : 0;
    progress.left = std::max(progress.left, left(one));
  }
  progress.waiting = progress.all - progress.judged;
  for (const auto& one : fresh) {
    progress.latest = &one;
    tell_(progress);
  }
  progress.latest = nullptr;
  if (Clock::now() - told_ > std::chrono::milliseconds(500)) {
    told_ = Clock::now();
    tell_(progress);
  }
  return progress.waiting == 0;
}

Result Run::result(const Case& one) {
  Result made{.attack = &one.field.attack, .domain = one.field.name, .judgement = one.judgement};
  {
    std::lock_guard guard(mutex_);
    if (one.replied) made.reply = one.reply.code == 0 ? one.reply.text : words(one.reply);
  }
  if (!one.earlier) made.transcript = transcript(one.field);
  for (const MxHost* host : one.field.hosts)
    (one.field.worthy.contains(host) ? made.hosts : made.thieves).push_back(host->host());
  return made;
}

std::vector<Result> Run::results() {
  const bool any_to_judge = std::any_of(cases_.begin(), cases_.end(), [this](const Case& one) {
    return state_.verdict(one.field.attack.name) == nullptr;
  });
  if (const auto fault = any_to_judge ? hand_over_.greeting() : std::string(); !fault.empty())
    throw std::runtime_error("no sender to judge at " + options_.address + ":" + std::to_string(options_.port) + ": " +
                             fault);
  for (auto& one : cases_) begin(one);
  // Every message is handed over within the client's own patience, and judged within `wait` after that.
  while (!lab_.watch().until([this] { return advance(); }, std::chrono::hours(1))) {
  }
  std::vector<Result> all;
  for (auto& one : cases_) {
    if (!one.earlier) conclude(one);
    all.push_back(result(one));
  }
  return all;
}

}  // namespace

std::vector<Result> run(Grounds& grounds, const RunOptions& options, const std::function<void(const Progress&)>& tell) {
  return Run(grounds, options, grounds.zone(), tell).results();
}

}  // namespace lab::judge
