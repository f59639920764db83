// The heaps and the table. All loops, no recursion: a heap may be a million deep.
#include "policy/queue/units.hpp"

#include <utility>

namespace policy::queue {

Time moved_back(Time time, Time::duration by) {
  return time < Time::min() + by ? Time::min() : time - by;
}

Index Units::make(const Node& node) {
  Index index = free_;
  if (index != none) {
    free_ = (*this)[index].sibling;
  } else {
    if (used_ % chunk == 0) chunks_.push_back(std::make_unique<Node[]>(chunk));
    index = used_++;
  }
  ++live_;
  (*this)[index] = node;
  return index;
}

void Units::free(Index index) {
  if (--live_ == 0) {
    chunks_.clear();
    used_ = 0;
    free_ = none;
    return;
  }
  (*this)[index].sibling = free_;
  free_ = index;
}

bool Units::is_before(Index one, Index other) const {
  const auto &a = (*this)[one], &b = (*this)[other];
  return a.due != b.due ? a.due < b.due : a.message < b.message;
}

Index Units::meld(Index one, Index other) {
  if (one == none) return other;
  if (other == none) return one;
  if (is_before(other, one)) std::swap(one, other);
  (*this)[other].sibling = (*this)[one].child;
  (*this)[one].child = other;
  return one;
}

// Pairs first, then all of them: what makes the heap O(log n).
Index Units::meld_list(Index first) {
  Index pairs = none;
  while (first != none) {
    const Index second = (*this)[first].sibling;
    const Index next = second == none ? none : (*this)[second].sibling;
    const Index pair = meld(first, second);
    (*this)[pair].sibling = pairs;
    pairs = pair;
    first = next;
  }
  Index root = none;
  while (pairs != none) {
    const Index next = (*this)[pairs].sibling;
    root = meld(root, pairs);
    pairs = next;
  }
  return root;
}

Units::Taken Units::take_due(Index root, Time now) {
  Taken taken;
  Index open = root, rest = none;
  if (root != none) (*this)[root].sibling = none;
  while (open != none) {
    const Index index = open;
    auto& node = (*this)[index];
    open = node.sibling;
    if (node.due > now) {
      node.sibling = rest;
      rest = index;
      continue;
    }
    for (Index child = node.child; child != none;) {
      const Index next = (*this)[child].sibling;
      (*this)[child].sibling = open;
      open = child;
      child = next;
    }
    node.child = none;
    node.sibling = taken.due;
    taken.due = index;
  }
  taken.rest = meld_list(rest);
  return taken;
}

void Units::push_under(Index root, Index unit) {
  auto &top = (*this)[root], &added = (*this)[unit];
  if (is_before(unit, root)) {
    std::swap(top.message, added.message);
    std::swap(top.due, added.due);
  }
  added.sibling = top.child;
  top.child = unit;
}

bool Units::pop_under(Index root) {
  auto& top = (*this)[root];
  if (top.child == none) return false;
  const Index next = meld_list(top.child);
  top.message = (*this)[next].message;
  top.due = (*this)[next].due;
  top.child = (*this)[next].child;
  free(next);
  return true;
}

void Units::move_back(Time::duration by) {
  for (Index index = 0; index < used_; ++index) (*this)[index].due = moved_back((*this)[index].due, by);
}

std::size_t Senders::slot_of(std::uint32_t domain, std::uint32_t sender) const {
  std::uint64_t key = (std::uint64_t{domain} << 32 | sender) * 0x9e3779b97f4a7c15U;
  key ^= key >> 32;
  return static_cast<std::size_t>(key * 0xd6e8feb86659fd93U >> 32) & (slots_.size() - 1);
}

Index Senders::find(std::uint32_t domain, std::uint32_t sender) const {
  if (slots_.empty()) return none;
  for (std::size_t slot = slot_of(domain, sender); slots_[slot] != none; slot = (slot + 1) & (slots_.size() - 1)) {
    const auto& node = units_[slots_[slot]];
    if (node.domain == domain && node.sender == sender) return slots_[slot];
  }
  return none;
}

void Senders::add(Index root) {
  if (++count_ * 4 > slots_.size() * 3) grow();
  std::size_t slot = home(root);
  while (slots_[slot] != none) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = root;
}

void Senders::remove(Index root) {
  if (--count_ == 0) {
    slots_ = std::vector<Index>();  // its memory as well
    return;
  }
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(root);
  while (slots_[hole] != root) hole = (hole + 1) & mask;
  slots_[hole] = none;
  // Who was pushed on by the one that left moves up, so that find() may stop at the first empty slot.
  for (std::size_t slot = (hole + 1) & mask; slots_[slot] != none; slot = (slot + 1) & mask) {
    if (((slot - home(slots_[slot])) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = std::exchange(slots_[slot], none);
    hole = slot;
  }
}

void Senders::grow() {
  auto old = std::exchange(slots_, std::vector<Index>(slots_.empty() ? 16 : slots_.size() * 2, none));
  for (const Index root : old) {
    if (root == none) continue;
    std::size_t slot = home(root);
    while (slots_[slot] != none) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = root;
  }
}

}  // namespace policy::queue
