// An attack of the catalogue as data: what it is called, what it does, which rule it tests, what a good sender makes of
// it, and a few lines that set it up on a domain of its own. Never talks to the sender under test.
//
// To add one: an entry in the table of its side (policy_attacks.cpp, mx_attacks.cpp, ...), then
// `sts-lab judge --list --markdown > docs/attacks.md`. A domain is made with `domain`; `attack` spoils it. Hosts that
// belong to the domain may get the message when `good` allows delivery, all others never; `evil` moves one over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/laboratory.hpp"

namespace lab::judge {

enum class Side { control, policy, past, mx, dane, smtp };
std::string_view words(Side side);    ///< "policy": as `--only` takes it
std::string_view heading(Side side);  ///< "The policy, at first contact"

/// What a sender may make of an attack.
struct Good {
  bool delivered = false;  ///< by a host that may get it
  bool deferred = false;   ///< kept, and tried again later
  bool refused = false;    ///< returned to its sender
  bool operator==(const Good&) const = default;
};
inline constexpr Good must_deliver{.delivered = true}, must_defer{.deferred = true},
    may_deliver{.delivered = true, .deferred = true}, may_refuse{.delivered = true, .deferred = true, .refused = true};
std::string words(const Good& good);

struct Attack;

/// An attack's part of the laboratory.
struct Field {
  Laboratory& lab;
  const Attack& attack;
  std::string name;  ///< the domain's
  Domain* domain = nullptr;
  std::vector<MxHost*> hosts = {};      ///< all that were made for it
  std::set<const MxHost*> worthy = {};  ///< those that may get the message

  MxHost& mx(std::size_t number = 0) const { return *domain->mx.at(number); }
  /// A further host; not worthy.
  MxHost& host(const std::string& host_name, const std::string& address = {});
  void evil(const MxHost& host) { worthy.erase(&host); }
  /// A new certificate for the first MX host, from the good authority.
  void certificate(const std::vector<std::string>& names, const CertificateOptions& options = {}) const;
  /// Publishes a TLSA record for a host.
  void tlsa(const MxHost& host, const std::vector<std::string>& records) const;
  std::string parent() const { return name.substr(name.find('.') + 1); }
  /// A policy that serves the attacker: it names a host of his alone.
  std::string denying_policy() const;
  /// A policy that lifts all demands.
  std::string disarming_policy() const;
};

using Step = void (*)(Field&);

struct Attack {
  Side side = Side::control;
  std::string name;    ///< "starttls-stripped": also the first label of its domain
  std::string title;   ///< a few words
  std::string deed;    ///< one sentence: what the attacker does, or what is healthy
  std::string rule;    ///< what the sender must do, one sentence
  std::string source;  ///< "RFC 8461 §5"
  Good good = must_defer;
  DomainOptions domain = {.sts = "enforce"};
  Step attack = nullptr;
  /// Before the first message, for attacks that need a past; the first message must arrive.
  Step peace = nullptr;
  bool needs_past = false;
  std::string first_domain = {};  ///< where the first message goes, a label in front of the domain; empty: the domain
  bool plaintext_is_fine = false;
  /// The message for this recipient; none: a small letter.
  std::string (*message)(const std::string& recipient) = nullptr;
  bool unstuffed = false;  ///< its dots go out as they are
  /// What is wrong with it as it arrived (several: it came apart), or "".
  std::string (*spoilt)(const std::vector<std::string>& bodies) = nullptr;
  bool spoilt_is_leak = false;  ///< else what was spoilt is lost
};

/// The table of a side: what its lines have in common, and how one is written.
struct Table {
  Side side = Side::control;
  Good good = must_defer;
  DomainOptions domain = {.sts = "enforce"};
  bool needs_past = false;

  Attack operator()(std::string name, std::string title, std::string deed, std::string rule, std::string source,
                    Step attack, std::optional<Good> other_good = {},
                    std::optional<DomainOptions> other_domain = {}) const;
};

/// Sets up the domain, in peace where the attack needs a past.
Field set_up(Laboratory& lab, const Attack& attack, const std::string& zone);
/// Begins the attack; for those without a past `set_up` has done it.
void strike(Field& field);

}  // namespace lab::judge
