// The finite space of everything that the decision depends on, as small numbers, and what the tests of it have to say
// of each point. docs/decision.md states the numbers of points that stand here; a test compares.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "policy/decision.hpp"
#include "tests/unit/policy/facts_builder.hpp"

namespace policy::test {

// ---- what the documentation states; each is checked where it is counted
constexpr std::size_t plan_points = 737'280;  ///< one host, everything that may matter
constexpr std::size_t plans_that_try = 97'472;
constexpr std::size_t pairs_of_order = 4'571'136;      ///< a plan, and one with a demand more
constexpr std::size_t hosts_tied_by_a_policy = 1'536;  ///< of those: RTLS-03
constexpr std::size_t hosts_verified_by_dane = 4'912;  ///< of those: RFC 8689 §4.2.1
constexpr std::size_t plan_points_without_hosts = 15'360;
constexpr std::size_t two_host_plans = 76'800;
constexpr std::size_t source_points = 4'608;
constexpr std::size_t judgements = 442'368;      ///< a proof against a demand
constexpr std::size_t verdict_points = 169'888;  ///< two hosts, each ending in every way

namespace axis {
enum Dimension : std::size_t {
  published,  ///< 0 nothing, 1 the record cannot be looked up, 2 none, 3 testing, 4 enforce
  match,      ///< 0 the host is in the policy, 1 it is not
  hosts,      ///< 0 MX, 1 implicit MX, 2 literal, 3 configured host
  secure,     ///< 0, 1: the answer that names the hosts is DNSSEC-secure
  security,   ///< 0 published, 1 may, 2 encrypt, 3 verify
  exempt,     ///< 0, 1
  floors,     ///< 0 nothing, 1 encrypted, 2 pkix, 3 all that can be demanded
  message,    ///< 0 nothing, 1 REQUIRETLS, 2 TLS-Required: No
  memory,     ///< 0 none, 1 pkix is remembered, 2 TLS is insisted on, 3 pkix is insisted on
  tlsa,       ///< 0 does not apply, 1 unusable, 2 usable, 3 the lookup failed
  address,    ///< 0 found, 1 none, 2 failed, 3 forbidden, 4 found but empty, 5 it is the relay itself
  dimensions
};
}  // namespace axis
using axis::Dimension, axis::dimensions;

constexpr std::array<std::size_t, dimensions> extents{5, 2, 4, 2, 4, 2, 4, 3, 4, 4, 6};
using Point = std::array<std::size_t, dimensions>;

constexpr std::array<std::size_t, dimensions> strides = [] {
  std::array<std::size_t, dimensions> result{};
  std::size_t stride = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    result[d] = stride;
    stride *= extents[d];
  }
  return result;
}();

inline Point point_at(std::size_t index) {
  Point p{};
  for (std::size_t d = 0; d < dimensions; ++d) p[d] = index / strides[d] % extents[d];
  return p;
}

inline std::string words(const Point& p) {
  static constexpr std::array names{"published", "match",   "hosts",  "secure", "security", "exempt",
                                    "floors",    "message", "memory", "tlsa",   "address"};
  std::ostringstream text;
  for (std::size_t d = 0; d < dimensions; ++d) text << names[d] << '=' << p[d] << ' ';
  return text.str();
}

inline const std::shared_ptr<const dane::Association>& records() {
  static const auto one = std::make_shared<const dane::Association>(
      dane::Association{"mx1.example.com", {}, {{3, 1, 1, std::string(32, 'k')}}});
  return one;
}

inline Requirement floor_at(std::size_t n) {
  constexpr std::array all{Requirement{}, Requirement{.encrypted = true}, Requirement{.encrypted = true, .pkix = true},
                           Requirement{true, true, true, true, true}};
  return all[n];
}

inline Memory memory_at(std::size_t n) {
  if (n == 0) return {};
  return {{.encrypted = true, .pkix = n != 2}, "2026-10-01", n >= 2};
}

inline DaneFacts dane_at(std::size_t n) {
  using State = DaneFacts::State;
  constexpr std::array states{State::not_applicable, State::unusable, State::usable, State::failed};
  return {.state = states[n], .association = n == 2 ? records() : nullptr, .words = n == 3 ? "SERVFAIL" : ""};
}

inline StsFacts sts_at(std::size_t n, std::vector<std::string> patterns) {
  using sts::Mode;
  StsFacts facts;
  if (n == 1) facts.state = StsFacts::State::lookup_failed;
  if (n >= 2) {
    facts = test::published(n == 2 ? Mode::none : n == 3 ? Mode::testing : Mode::enforce, std::move(patterns));
  }
  return facts;
}

inline HostFacts host_at(std::string name, std::uint16_t preference, std::size_t address, std::size_t tlsa) {
  using Addresses = HostFacts::Addresses;
  constexpr std::array states{Addresses::found,     Addresses::none,  Addresses::failed,
                              Addresses::forbidden, Addresses::found, Addresses::found};
  auto one = states[address] == Addresses::found ? host(std::move(name), preference)
                                                 : host(std::move(name), preference, states[address], "words");
  if (address == 4) one.addresses.clear();
  one.is_self = address == 5;
  one.dane = dane_at(tlsa);
  return one;
}

inline Facts facts_at(const Point& p) {
  using MxSet = Facts::MxSet;
  constexpr std::array sets{MxSet::found, MxSet::implicit, MxSet::found, MxSet::configured};
  constexpr std::array securities{Security::published, Security::may, Security::encrypt, Security::verify};
  auto result = facts({host_at("mx1.example.com", 10, p[axis::address], p[axis::tlsa])});
  result.mx_set = sets[p[axis::hosts]];
  result.is_literal = p[axis::hosts] == 2;
  if (p[axis::hosts] == 3) result.route.host = "mx1.example.com";
  result.mx_secure = p[axis::secure] == 1;
  result.route.security = securities[p[axis::security]];
  result.route.exempt = p[axis::exempt] == 1;
  result.floor = floor_at(p[axis::floors]);
  result.message = {.requiretls = p[axis::message] == 1, .tls_required_no = p[axis::message] == 2};
  result.memory = memory_at(p[axis::memory]);
  result.sts = sts_at(p[axis::published], {p[axis::match] == 0 ? "*.example.com" : "none.such.test"});
  return result;
}

// ---- demands by number, so that whole sets of proofs can be compared

constexpr std::size_t demands = 64;  ///< five bits of need, and whether there are records to match

inline std::uint8_t bits_of(const Requirement& need) {
  return static_cast<std::uint8_t>(need.encrypted | need.pkix << 1 | need.dane << 2 | need.requiretls << 3 |
                                   need.verified << 4);
}

inline Requirement need_at(std::size_t bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
}

inline std::size_t number_of(const Demand& demand) {
  return bits_of(demand.need) + (demand.association ? 32U : 0U);
}

inline Demand demand_at(std::size_t number) {
  return {"mx1.example.com", 25, need_at(number % 32), 7, number >= 32 ? records() : nullptr};
}

const std::chrono::system_clock::time_point space_time{std::chrono::seconds(1'800'000'000)};

/// Every proof that differs in a field which may matter: 6,912.
inline std::vector<Proof> all_proofs() {
  const auto other = std::make_shared<const dane::Association>(
      dane::Association{"mx1.example.com", {}, {{3, 1, 1, std::string(32, 'o')}}});
  // The same records, but read again: equal, and not the same object.
  const auto same = std::make_shared<const dane::Association>(*records());
  const std::array<std::shared_ptr<const dane::Association>, 3> against{nullptr, same, other};
  constexpr std::array checks{Check::not_tried, Check::passed, Check::failed};
  std::vector<Proof> all;
  for (unsigned bits = 0; bits < 256; ++bits) {
    for (unsigned rest = 0; rest < 27; ++rest) {
      Proof proof;
      proof.host = (bits & 1) != 0 ? "mx1.example.com" : "mx2.example.com";
      proof.port = (bits & 2) != 0 ? 25 : 465;
      proof.encrypted = (bits & 4) != 0;
      proof.strong = (bits & 8) != 0;
      proof.resumed = (bits & 16) != 0;
      proof.anchors = (bits & 32) != 0 ? 7 : 6;
      proof.not_after = (bits & 64) != 0 ? space_time + std::chrono::hours(1) : space_time;
      proof.offers_requiretls = (bits & 128) != 0;
      proof.pkix = checks[rest % 3];
      proof.dane = checks[rest / 3 % 3];
      proof.association = against[rest / 9];
      all.push_back(std::move(proof));
    }
  }
  return all;
}

}  // namespace policy::test
