// The judgements of the scenarios, by what arrived where and over what, and by the relay's replies. A scenario judges
// only what the rows say; where they leave a choice, each reasonable behaviour holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/support/world.hpp"

namespace scenario {

using lab::Fate;
using lab::MxHost;
using lab::Outcome;

/// Fails the test with `message` and the world's report unless `holds`.
void expect(const World& world, bool holds, const std::string& message);
/// Waits for an event.
void until(const World& world, const std::function<bool()>& event, const std::string& what,
           std::chrono::milliseconds limit = std::chrono::seconds(30));

/// Waits until the command says this: what it reads may still be on its way to the disk.
void until_said(const World& world, const std::vector<std::string>& command, const std::string& words);

struct Delivered {
  const MxHost* mx = nullptr;    ///< by this host
  std::optional<bool> tls = {};  ///< over TLS or not
  std::string recipient = {};    ///< empty: the outcome's first
};
/// Served, and arrived exactly once. Returns what arrived.
lab::Message delivered(const World& world, const Outcome& outcome, const Delivered& expected = {});

struct Deferred {
  bool policy = false;                  ///< 451 4.7.x, in good words that name the domain
  std::vector<std::string> codes = {};  ///< 451 with one of these enhanced codes; "4.7." stands for each that begins so
  std::string recipient = {};
};
/// The message waits, no host took it, the hosts in `bad` never saw a MAIL command, and the client's connection was
/// kept.
void deferred(const World& world, const Outcome& outcome, const std::vector<MxHost*>& bad = {},
              const Deferred& expected = {});

/// Refused for good, with each of `words` in the reply.
void refused(const World& world, const Outcome& outcome, const std::vector<std::string>& words = {},
             const std::string& recipient = {});

void untouched(const World& world, const std::vector<MxHost*>& hosts);     ///< no MAIL at any of them
void no_plaintext(const World& world, const std::vector<MxHost*>& hosts);  ///< no MAIL in plaintext at any of them

/// The delivery record of the domain's only message, as soon as it is in the log.
lab::LogLine delivery_record(const World& world, const std::string& domain);

/// Sends until a message is delivered at `mx`; those before may be deferred, for a host that failed is blocked for a
/// while (SMTP-67).
lab::Message served_when_healed(World& world, const std::string& domain, const MxHost& mx, bool tls = true);
/// Sends until a message arrives at `now`, because a new policy counts by then; all before it arrive at `before`, over
/// TLS.
lab::Message turned_to(World& world, const std::string& domain, const MxHost& now, const MxHost& before);

}  // namespace scenario
