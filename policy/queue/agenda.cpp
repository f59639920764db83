// How the agenda keeps its order. It must never look at every unit of a domain that is blocked, nor hand out a unit
// that next() has not seen due, healed or kicked.
//
//   waiting: a heap of each domain, by due time. From there a unit moves once, to
//   ready:   a heap of each (domain, sender), by due time. The senders of a domain stand in a ring, and
//   ring:    the domains that may hand something out now stand in one as well.
//   timers:  the domains for which next() has something to do at a known time; the others wait for add() or ended().
//
// A sender is the 32-bit hash of its text: senders that share one share a turn, which is harmless. Nothing is looked up
// by message: a unit that is added twice is handed out twice, at the same time too where the limits allow it.
//
// What a unit says of its domain counts only if it was handed out after the domain last failed or healed: five that
// were in work when the domain died are one failure, and one that hangs on from an old outage does not start a new one.
// That a domain is served counts always.
//
// After a clock was put back, what was noted by the old one would wait for days: all times noted move back with it.
#include "policy/queue/agenda.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <unordered_map>
#include <utility>

#include "policy/queue/units.hpp"

namespace policy::queue {

namespace {

/// Less than this is taken for a clock that is being adjusted, or for a caller whose time is a little old.
constexpr std::chrono::minutes put_back{1};

using DomainId = std::uint32_t;

struct InWork {
  std::int64_t message;
  unsigned turn;  ///< the domain's, when it was handed out
};

enum class Timer : std::uint8_t {
  off,
  work,    ///< next() has something to do
  forget,  ///< nothing is left of the domain, and its failures may be forgotten
};

struct Domain {
  const std::string* name = nullptr;  ///< key of the map
  Index waiting = none;               ///< heap
  Index last_sender = none;           ///< ring of heaps by `sibling`; the next turn is that of the one after it
  std::uint32_t waiting_count = 0, ready_count = 0;
  DomainId before = none, after = none;  ///< in the ring
  unsigned window = 0;                   ///< units that may be in work while it does not fail
  unsigned failures = 0;
  unsigned turn = 0;  ///< counts how often it failed or healed
  Timer timer = Timer::off;
  bool is_in_ring = false;
  Time not_before{};  ///< with failures
  Time timer_at{};    ///< with a timer
  std::vector<InWork> in_work;

  bool is_empty() const { return waiting_count == 0 && ready_count == 0; }
  bool is_probed() const {
    return failures > 0 &&
           std::any_of(in_work.begin(), in_work.end(), [&](const auto& one) { return one.turn == turn; });
  }
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

std::uint32_t hash_of(std::string_view sender) {
  const std::uint64_t hash = std::hash<std::string_view>()(sender);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

}  // namespace

struct Agenda::State {
  using Timers = std::set<std::pair<Time, DomainId>>;

  Options options;
  Units units;
  Senders senders{units};
  std::unordered_map<std::string, DomainId, TextHash, std::equal_to<>> names;
  std::deque<Domain> domains;
  std::vector<DomainId> unused;
  DomainId ring = none;  ///< whose turn it is
  Timers work, forget;
  std::size_t size = 0, in_work = 0;
  Time now{};  ///< that was last told

  bool is_open(const Domain& domain) const { return domain.failures == 0 || now >= domain.not_before; }
  bool may_have_more_work(const Domain& domain) const;
  DomainId find_or_make(std::string_view name);

  void see(Time time);
  void place(DomainId id);
  void set_ring(DomainId id, bool in);
  void set_timer(DomainId id, Timer timer, Time at);
  void drop(DomainId id);

  void make_ready(Domain& domain, Time due_by);
  Unit take(Domain& domain);
  void heal(Domain& domain);
};

bool Agenda::State::may_have_more_work(const Domain& domain) const {
  if (domain.failures > 0) return domain.in_work.size() < options.units_per_domain && !domain.is_probed();
  return domain.in_work.size() < domain.window;
}

DomainId Agenda::State::find_or_make(std::string_view name) {
  if (const auto found = names.find(name); found != names.end()) return found->second;
  if (unused.empty()) {
    unused.push_back(static_cast<DomainId>(domains.size()));
    domains.emplace_back();
  }
  const DomainId id = unused.back();
  unused.pop_back();
  domains[id].name = &names.emplace(name, id).first->first;
  domains[id].window = options.units_per_domain;
  return id;
}

/// Notes the time, and moves everything if the clock was put back.
void Agenda::State::see(Time time) {
  const auto by = now - time;
  now = time;
  if (by <= put_back) return;
  units.move_back(by);
  work.clear();
  forget.clear();
  for (DomainId id = 0; id < domains.size(); ++id) {
    auto& domain = domains[id];
    domain.not_before = moved_back(domain.not_before, by);
    if (domain.timer == Timer::off) continue;
    domain.timer_at = moved_back(domain.timer_at, by);
    (domain.timer == Timer::work ? work : forget).emplace(domain.timer_at, id);
  }
}

/// After each change of a domain: whether it stands in the ring, and when next() has to look at it again.
void Agenda::State::place(DomainId id) {
  auto& domain = domains[id];
  if (domain.is_empty()) {
    set_ring(id, false);
    if (!domain.in_work.empty()) return set_timer(id, Timer::off, {});
    // Whoever had its last unit may be about to add it again.
    if (!is_open(domain)) return set_timer(id, Timer::forget, domain.not_before);
    return drop(id);
  }
  const bool may = may_have_more_work(domain);
  set_ring(id, may && is_open(domain) && domain.ready_count > 0);
  if (!may) return set_timer(id, Timer::off, {});
  auto at = Time::max();
  if (domain.waiting != none) at = units[domain.waiting].due;
  if (domain.ready_count > 0 && !domain.is_in_ring) at = domain.not_before;
  if (domain.failures > 0) at = std::max(at, domain.not_before);
  const bool is_needed = domain.waiting != none || !domain.is_in_ring;
  set_timer(id, is_needed ? Timer::work : Timer::off, at);
}

void Agenda::State::set_ring(DomainId id, bool in) {
  auto& domain = domains[id];
  if (domain.is_in_ring == in) return;
  domain.is_in_ring = in;
  if (in && ring == none) {
    ring = domain.before = domain.after = id;
  } else if (in) {
    domain.after = ring;
    domain.before = domains[ring].before;
    domains[domain.before].after = domains[domain.after].before = id;
  } else {
    domains[domain.before].after = domain.after;
    domains[domain.after].before = domain.before;
    if (ring == id) ring = domain.after == id ? none : domain.after;
  }
}

void Agenda::State::set_timer(DomainId id, Timer timer, Time at) {
  auto& domain = domains[id];
  if (domain.timer == timer && (timer == Timer::off || domain.timer_at == at)) return;
  if (domain.timer != Timer::off) (domain.timer == Timer::work ? work : forget).erase({domain.timer_at, id});
  if (timer != Timer::off) (timer == Timer::work ? work : forget).emplace(at, id);
  domain.timer = timer;
  domain.timer_at = at;
}

void Agenda::State::drop(DomainId id) {
  set_timer(id, Timer::off, {});
  names.erase(names.find(*domains[id].name));
  domains[id] = {};
  unused.push_back(id);
}

void Agenda::State::make_ready(Domain& domain, Time due_by) {
  const auto taken = units.take_due(domain.waiting, due_by);
  domain.waiting = taken.rest;
  for (Index index = taken.due; index != none;) {
    auto& node = units[index];
    const Index next = node.sibling, sender = senders.find(node.domain, node.sender);
    --domain.waiting_count;
    ++domain.ready_count;
    if (sender != none) {
      units.push_under(sender, index);
    } else {
      senders.add(index);
      const Index last = std::exchange(domain.last_sender, index);
      node.sibling = last == none ? index : std::exchange(units[last].sibling, index);
    }
    index = next;
  }
}

/// The unit of the sender whose turn it is.
Unit Agenda::State::take(Domain& domain) {
  const Index last = domain.last_sender, sender = units[last].sibling;
  Unit unit{units[sender].message, *domain.name, units[sender].due > now};
  --domain.ready_count;
  if (units.pop_under(sender)) {
    domain.last_sender = sender;
  } else {
    senders.remove(sender);
    if (sender == last) {
      domain.last_sender = none;
    } else {
      units[last].sibling = units[sender].sibling;
    }
    units.free(sender);
  }
  return unit;
}

void Agenda::State::heal(Domain& domain) {
  domain.failures = 0;
  ++domain.turn;
  domain.window = 1;
  make_ready(domain, Time::max());
}

Agenda::Agenda(Options options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->options.units_per_domain = std::max(state_->options.units_per_domain, 1U);
  state_->options.units = std::max(state_->options.units, 1U);
}

Agenda::~Agenda() = default;

void Agenda::add(std::int64_t message, std::string_view domain, std::string_view sender, Time due) {
  const auto id = state_->find_or_make(domain);
  auto& at = state_->domains[id];
  const auto unit = state_->units.make({.message = message, .due = due, .domain = id, .sender = hash_of(sender)});
  at.waiting = state_->units.meld(at.waiting, unit);
  ++at.waiting_count;
  ++state_->size;
  state_->place(id);
}

std::optional<Unit> Agenda::next(Time now) {
  auto& state = *state_;
  state.see(now);
  while (!state.forget.empty() && state.forget.begin()->first <= now) state.place(state.forget.begin()->second);
  if (state.in_work >= state.options.units) return std::nullopt;
  while (!state.work.empty() && state.work.begin()->first <= now) {
    const auto id = state.work.begin()->second;
    state.make_ready(state.domains[id], now);
    state.place(id);
  }
  if (state.ring == none) return std::nullopt;
  const auto id = state.ring;
  auto& domain = state.domains[id];
  auto unit = state.take(domain);
  domain.in_work.push_back({unit.message, domain.turn});
  ++state.in_work;
  --state.size;
  state.set_ring(id, false);  // to stand behind all others
  state.place(id);
  return unit;
}

void Agenda::ended(const Unit& unit, Ended how, Time now, double chance) {
  auto& state = *state_;
  state.see(now);
  const auto named = state.names.find(unit.domain);
  if (named == state.names.end()) return;
  const auto id = named->second;
  auto& domain = state.domains[id];
  const auto found = std::find_if(domain.in_work.begin(), domain.in_work.end(),
                                  [&](const auto& one) { return one.message == unit.message; });
  if (found == domain.in_work.end()) return;
  const bool is_news = found->turn == domain.turn;
  const bool was_full = domain.in_work.size() >= domain.window;
  domain.in_work.erase(found);
  if (domain.in_work.empty()) domain.in_work.shrink_to_fit();
  --state.in_work;
  if (how == Ended::served && domain.failures > 0) {
    state.heal(domain);
  } else if (how == Ended::served && was_full) {
    domain.window = std::min(domain.window * 2, state.options.units_per_domain);
  } else if (how == Ended::domain_failed && is_news) {
    ++domain.failures;
    ++domain.turn;
    domain.not_before = now + pause(state.options.retry, domain.failures, chance);
  }
  state.place(id);
}

void Agenda::alive(std::string_view name, Time now) {
  state_->see(now);
  const auto named = state_->names.find(name);
  if (named == state_->names.end() || state_->domains[named->second].failures == 0) return;
  state_->heal(state_->domains[named->second]);
  state_->place(named->second);
}

void Agenda::kick(std::string_view name, Time now) {
  state_->see(now);
  const auto named = state_->names.find(name);
  if (named == state_->names.end()) return;
  auto& domain = state_->domains[named->second];
  if (domain.failures > 0) ++domain.turn;
  domain.failures = 0;
  domain.window = state_->options.units_per_domain;
  state_->make_ready(domain, Time::max());
  state_->place(named->second);
}

void Agenda::change(std::vector<std::chrono::milliseconds> retry) {
  state_->options.retry = std::move(retry);
}

std::optional<Time> Agenda::wake() const {
  if (state_->in_work >= state_->options.units) return std::nullopt;
  if (state_->ring != none) return state_->now;
  if (state_->work.empty()) return std::nullopt;
  return state_->work.begin()->first;
}

Agenda::Status Agenda::status(std::string_view name) const {
  const auto named = state_->names.find(name);
  if (named == state_->names.end()) return {};
  const auto& domain = state_->domains[named->second];
  Status status{domain.waiting_count, domain.ready_count, domain.in_work.size(), domain.failures};
  if (domain.failures > 0) status.not_before = domain.not_before;
  return status;
}

std::size_t Agenda::size() const {
  return state_->size;
}

}  // namespace policy::queue
