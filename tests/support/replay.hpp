// Runs a client machine of protocol/smtp through a scripted dialogue, and breaks that dialogue at every step in turn.
// No sockets, no time. What it checks of a broken dialogue: the machine comes to a result in a bounded number of steps,
// and writes nothing after the fault.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/smtp/client_step.hpp"

namespace replay {

/// One turn of the dialogue: what the machine must write (nothing: what arrives by itself), and what then arrives in
/// one read; or the handshake.
struct Turn {
  std::string writes = {};
  std::string reads = {};
  bool handshake = false;
};
using Script = std::vector<Turn>;

enum class Fault { none, eof, reset, timeout, reply_421, garbage_line, endless_line, endless_reply, early_reply };

inline std::string_view words(Fault fault) {
  static constexpr std::string_view names[] = {
      "none", "eof", "reset", "timeout", "reply 421", "garbage line", "endless line", "endless reply", "early reply"};
  return names[static_cast<std::size_t>(fault)];
}

/// How a replay ended. Exactly one of `value` and `failure` counts: `failed` says which.
template <class T>
struct Outcome {
  bool failed = false;
  T value{};
  smtp::Failure failure;
  std::string written;    ///< everything the machine wrote
  std::size_t steps = 0;  ///< I/O steps it asked for
  bool handshaken = false;
  bool left_over = false;  ///< octets arrived, or would still arrive, that it did not take
};

/// The type of a machine's result.
template <class Machine>
using ResultOf = std::variant_alternative_t<3, decltype(std::declval<Machine&>().resume({}))>;

/// The peer's and the network's side of one dialogue.
class Peer {
 public:
  Peer(const Script& script, smtp::InputBuffer& input, Fault fault, std::size_t fault_at, std::size_t most_a_read)
      : script_(script), input_(input), fault_(fault), fault_at_(fault_at), most_a_read_(most_a_read) {
    arrive();
  }

  bool faulted() const { return faulted_; }
  const std::string& written() const { return written_; }
  bool left_over() const { return !arriving_.empty() || turn_ < script_.size() || !input_.empty(); }

  boost::system::error_code write(std::string_view octets) {
    REQUIRE_FALSE(octets.empty());
    INFO("written: " << octets);
    REQUIRE_FALSE(silent_);
    if (const auto error = begin_step()) return error;
    written_ += octets;
    REQUIRE(turn_ < script_.size());
    REQUIRE(std::string(octets) == script_[turn_].writes);
    arriving_ += script_[turn_++].reads;
    arrive();
    return {};
  }

  boost::system::error_code read() {
    if (const auto error = begin_step()) return error;
    if (pending_) {
      pending_ = false;
      silent_ = true;
      switch (fault_) {
        case Fault::reply_421: arriving_ = "421 4.3.2 going down\r\n"; break;
        case Fault::garbage_line: arriving_ = "what do you want\r\n"; break;
        case Fault::early_reply: arriving_ += "250 2.0.0 early\r\n"; break;
        default: break;
      }
      if (fault_ != Fault::early_reply) turn_ = script_.size();
    }
    if (silent_ && fault_ == Fault::endless_line) arriving_.assign(2000, 'a');
    if (silent_ && fault_ == Fault::endless_reply)
      for (arriving_.clear(); arriving_.size() < 1500;) arriving_ += "250-and so on\r\n";
    if (arriving_.empty()) {
      // Where nothing is broken the machine must not read more than the script has.
      REQUIRE(faulted_);
      return boost::system::errc::make_error_code(boost::system::errc::connection_reset);
    }
    const auto room = input_.prepare();
    const auto count = std::min({arriving_.size(), room.size(), most_a_read_});
    std::copy_n(arriving_.begin(), count, room.begin());
    input_.commit(count);
    arriving_.erase(0, count);
    if (arriving_.empty()) arrive();
    return {};
  }

  boost::system::error_code handshake() {
    REQUIRE_FALSE(silent_);
    REQUIRE(input_.empty());
    if (const auto error = begin_step()) return error;
    REQUIRE(turn_ < script_.size());
    REQUIRE(script_[turn_].handshake);
    handshaken_ = true;
    ++turn_;
    return {};
  }
  bool handshaken() const { return handshaken_; }

 private:
  /// What arrives without the machine having to write for it.
  void arrive() {
    while (turn_ < script_.size() && script_[turn_].writes.empty() && !script_[turn_].handshake && arriving_.empty())
      arriving_ += script_[turn_++].reads;
  }

  boost::system::error_code begin_step() {
    if (fault_ == Fault::none || steps_++ != fault_at_) return {};
    faulted_ = true;
    switch (fault_) {
      case Fault::eof: return silenced(boost::system::errc::connection_aborted);
      case Fault::reset: return silenced(boost::system::errc::connection_reset);
      case Fault::timeout: return silenced(boost::system::errc::timed_out);
      default: pending_ = true; return {};  // strikes with the next read
    }
  }

  boost::system::error_code silenced(boost::system::errc::errc_t error) {
    silent_ = true;
    return boost::system::errc::make_error_code(error);
  }

  const Script& script_;
  smtp::InputBuffer& input_;
  Fault fault_;
  std::size_t fault_at_, most_a_read_;
  std::size_t turn_ = 0, steps_ = 0;
  std::string arriving_, written_;
  bool faulted_ = false, pending_ = false, handshaken_ = false;
  bool silent_ = false;  // the fault has struck: no write and no handshake may follow
};

/// Runs the machine that make_machine(InputBuffer&) gives until it has a result.
template <class MakeMachine>
auto run(const Script& script, MakeMachine make_machine, Fault fault = Fault::none, std::size_t fault_at = 0,
         std::size_t most_a_read = 1u << 20) {
  smtp::InputBuffer input;
  auto machine = make_machine(input);
  using T = ResultOf<decltype(machine)>;
  Outcome<T> outcome;
  Peer peer(script, input, fault, fault_at, most_a_read);

  std::size_t octets = 0;
  for (const Turn& turn : script) octets += turn.reads.size();
  const std::size_t most_steps = 2 * script.size() + 100 + octets / std::min<std::size_t>(most_a_read, 2048);

  boost::system::error_code error;
  for (;; ++outcome.steps) {
    REQUIRE(outcome.steps <= most_steps);
    auto step = machine.resume(error);
    if (const auto* write = std::get_if<smtp::Write>(&step)) {
      error = peer.write(write->octets);
    } else if (std::holds_alternative<smtp::Read>(step)) {
      error = peer.read();
    } else if (std::holds_alternative<smtp::Handshake>(step)) {
      error = peer.handshake();
    } else {
      outcome.failed = std::holds_alternative<smtp::Failure>(step);
      if (outcome.failed)
        outcome.failure = std::get<smtp::Failure>(step);
      else
        outcome.value = std::get<T>(step);
      outcome.written = peer.written();
      outcome.handshaken = peer.handshaken();
      outcome.left_over = peer.left_over();
      return outcome;
    }
  }
}

/// Replays the whole script unbroken, then with each fault at each step. `judge(fault, step, outcome)` adds what must
/// hold for this machine. The unbroken replay comes first, with Fault::none.
template <class MakeMachine, class Judge>
void break_at_every_step(const Script& script, MakeMachine make_machine, Judge judge) {
  const auto whole = run(script, make_machine);
  REQUIRE_FALSE(whole.left_over);
  judge(Fault::none, std::size_t{0}, whole);
  // Octet by octet comes to the same end.
  const auto split = run(script, make_machine, Fault::none, 0, 1);
  REQUIRE(split.failed == whole.failed);
  REQUIRE(split.written == whole.written);

  for (const Fault fault : {Fault::eof, Fault::reset, Fault::timeout, Fault::reply_421, Fault::garbage_line,
                            Fault::endless_line, Fault::endless_reply, Fault::early_reply}) {
    for (std::size_t step = 0; step < whole.steps; ++step) {
      INFO(words(fault) << " at step " << step);
      const auto outcome = run(script, make_machine, fault, step);
      // A reply too many is refused or still there to be seen; it never vanishes.
      if (fault == Fault::early_reply) REQUIRE((outcome.failed || outcome.left_over));
      judge(fault, step, outcome);
    }
  }
}

}  // namespace replay
