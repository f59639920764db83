// Where the agenda keeps its units: 32 octets each, in heaps by due time that are made of nothing but links between
// them, and a table of the senders that have something ready. It knows no rules and no time: the agenda has those.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/queue/agenda.hpp"

namespace policy::queue {

/// Number of a unit in its pool; none: no unit.
using Index = std::uint32_t;
constexpr Index none = 0xffffffff;

/// One unit. A heap is named by its root, whose `sibling` is free for use by whoever holds the heap.
struct Node {
  std::int64_t message = 0;
  Time due;
  std::uint32_t domain = 0;
  std::uint32_t sender = 0;  ///< hash of the reverse-path
  Index child = none, sibling = none;
};
static_assert(sizeof(Node) == 32);

/// Pairing heaps: a unit is added in O(1), the first one is taken in O(log n), amortised.
class Units {
 public:
  Node& operator[](Index index) { return chunks_[index / chunk][index % chunk]; }
  const Node& operator[](Index index) const { return chunks_[index / chunk][index % chunk]; }

  Index make(const Node& node);
  /// All memory goes back when the last one is freed.
  void free(Index index);

  /// One heap of two; either may be none.
  Index meld(Index one, Index other);
  /// The heap without its units that are due by `now`; these come back as a list by `sibling`, in no order.
  struct Taken {
    Index rest = none, due = none;
  };
  Taken take_due(Index root, Time now);

  /// As meld(), for a single unit, and the root keeps its number.
  void push_under(Index root, Index unit);
  /// The root's unit is replaced by the next one, the root keeps its number; false: it was the only one.
  bool pop_under(Index root);

  /// Every due time moves back, order kept.
  void move_back(Time::duration by);

 private:
  static constexpr Index chunk = 4096;
  bool is_before(Index one, Index other) const;
  Index meld_list(Index first);

  std::vector<std::unique_ptr<Node[]>> chunks_;
  Index used_ = 0, free_ = none, live_ = 0;
};

/// Finds the heap of a (domain, sender) by its root. Open addressing: 4 octets a slot, no text, no nodes.
class Senders {
 public:
  explicit Senders(const Units& units) : units_(units) {}
  Index find(std::uint32_t domain, std::uint32_t sender) const;
  /// Not known yet.
  void add(Index root);
  /// Known, and still as it was when it was added.
  void remove(Index root);

 private:
  std::size_t slot_of(std::uint32_t domain, std::uint32_t sender) const;
  std::size_t home(Index root) const { return slot_of(units_[root].domain, units_[root].sender); }
  void grow();

  const Units& units_;
  std::vector<Index> slots_;  ///< a power of two of them
  std::size_t count_ = 0;
};

/// `time` - `by`, as far as a time can go.
Time moved_back(Time time, Time::duration by);

}  // namespace policy::queue
