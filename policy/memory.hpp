// What a domain without an enforced policy has proven before ([delivery] remember): how a record of it changes by what
// is seen, and what follows for the next message. Raised at once, lowered only when a change was seen for long enough.
// Pure: the time comes in, nothing is stored here; it never weakens a demand of others.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/facts.hpp"
#include "policy/outcome.hpp"
#include "policy/proof.hpp"

namespace policy::memory {

using Time = std::chrono::system_clock::time_point;

/// `remember`: nothing is kept | what became weaker is said | and it waits until the change is believed.
enum class Remember { off, warn, enforce };

enum class Level : std::uint8_t {
  none,
  encrypted,  ///< TLS, whatever the certificate
  pkix,       ///< TLS 1.2 or later and a valid certificate for the MX host's name
};
std::string_view words(Level level);
Requirement requirement_of(Level level);

/// Of one recipient domain.
struct Record {
  Level level = Level::none;
  Time since;                        ///< it has proven the level
  Time last_seen;                    ///< proving the level, or less
  std::optional<Time> weaker_since;  ///< it proves less, and that is not believed yet
  bool operator==(const Record&) const = default;
};

/// A record that was not touched for this long says nothing any more.
constexpr std::chrono::hours lasts{90 * 24};

/// Whether what this domain proves is remembered at all: only where MX records alone say where its mail goes and no
/// enforced policy says more.
bool is_kept(const Facts& facts);

/// What counts for a message now.
Memory counts(const std::optional<Record>& record, Remember remember, Time now, std::chrono::seconds believe_after);

struct Change {
  enum class What {
    nothing,   ///< as before
    first,     ///< nothing was known
    raised,    ///< it proves more than before
    restored,  ///< it had begun to prove less, and proves its level again
    weaker,    ///< it proves less than before
    believed,  ///< it has proven less for long enough: the record was lowered
  } what = What::nothing;
  std::optional<Record> record;  ///< from now on; none: forget the domain
  bool is_worth_storing = false;
  bool operator==(const Change&) const = default;
};
/// What becomes of a record when `seen` is seen.
Change observe(const std::optional<Record>& before, Level seen, Time now, std::chrono::seconds believe_after);

/// What a connection that took a message has shown.
Level level_of(const Proof& proof, Time now);
/// What hosts have shown that failed a demand, the best of them; nullopt: none was seen proving less.
std::optional<Level> seen_failing(const Plan& plan, std::span<const HostOutcome> outcomes);

/// "memory: a valid certificate, proven since 2026-10-01"; empty where nothing is remembered.
std::string line(const Memory& memory);

}  // namespace policy::memory
