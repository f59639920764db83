// What the queue does next, as a value: which (message, domain) is tried now, which waits and until when. Fair between
// domains and, inside a domain, between senders; one probe for a domain that fails, a slow start for one that heals.
// Pure: time and chance come in, nothing is stored or sent here. It holds hints: the store has the truth, and whoever
// takes a unit finds there whether something is still to be done.
//
// A unit is all waiting recipients of one message at one domain. Its way:
//   add(unit, due) -> next(now) hands it out once it is due and its domain's turn has come -> ended(unit, how)
// A unit that is to be tried again is added again. The same unit may be added twice.
//
// Of a domain at most `units_per_domain` are in work. After a failure of the domain itself (no host could be had: not a
// word about this message) nothing of it is handed out until `not_before`, which grows with each failure in a row by
// the retry list; then one unit goes first, as a probe, and the others wait for what comes of it. When it is served,
// everything of the domain that waits is due at once, and the domain starts slowly: 1, 2, 4 ... units in work.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy::queue {

using Time = std::chrono::system_clock::time_point;

/// The pause after the `failures`-th failure in a row (from 1): of the list, whose last item repeats; a tenth more or
/// less by chance (uniform in [0, 1)).
std::chrono::milliseconds pause(const std::vector<std::chrono::milliseconds>& retry, unsigned failures, double chance);

struct Unit {
  std::int64_t message = 0;
  std::string domain;
  bool ahead = false;  ///< of next(): before its due time, because its domain has healed or was kicked
  bool operator==(const Unit& other) const { return message == other.message && domain == other.domain; }
};

class Agenda {
 public:
  struct Options {
    std::vector<std::chrono::milliseconds> retry;  ///< at least one
    unsigned units_per_domain = 5;
    unsigned units = 100;  ///< in work at a time, of all domains
  };
  explicit Agenda(Options options);
  ~Agenda();
  Agenda(const Agenda&) = delete;
  Agenda& operator=(const Agenda&) = delete;

  void add(std::int64_t message, std::string_view domain, std::string_view sender, Time due);

  /// The next unit to work on; nullopt: nothing is due, or as much as allowed is in work.
  std::optional<Unit> next(Time now);

  enum class Ended {
    served,         ///< a host of the domain answered for this message, yes or no: the domain lives
    domain_failed,  ///< no host of the domain could be had
    dropped,        ///< nothing was to be done, or nothing was learnt of the domain
  };
  /// The unit, which next() handed out, is no longer in work.
  void ended(const Unit& unit, Ended how, Time now, double chance);

  /// Other traffic to the domain got through: as a probe that was served.
  void alive(std::string_view domain, Time now);
  /// Everything of the domain is due now, and what it failed at before is forgotten (`queue retry`).
  void kick(std::string_view domain, Time now);
  /// A reload; what waits keeps its time.
  void change(std::vector<std::chrono::milliseconds> retry);

  /// When next() may have something that it has not now, unless add() or ended() comes first; nullopt: never.
  std::optional<Time> wake() const;

  struct Status {
    std::size_t waiting = 0, ready = 0, in_work = 0;
    unsigned failures = 0;             ///< of the domain itself, in a row
    std::optional<Time> not_before{};  ///< with failures
  };
  Status status(std::string_view domain) const;
  std::size_t size() const;  ///< units that wait or are ready

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace policy::queue
