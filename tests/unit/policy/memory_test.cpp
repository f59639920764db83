// What is remembered of a domain without an enforced policy: raised at once, lowered only when a change is believed.
#include "policy/memory.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using namespace std::chrono_literals;
using memory::Change;
using memory::Level;
using memory::Record;
using memory::Remember;
using memory::Time;
using What = Change::What;

namespace {

const Time start{std::chrono::seconds(1'795'593'600)};  // 2026-11-25T08:00:00Z
constexpr std::chrono::hours day = 24h;
constexpr std::chrono::seconds believe_after = 3 * day;

/// A record as the relay would hold it, and what it last said.
struct Remembered {
  std::optional<Record> record{};
  Change see(Level level, Time now) {
    auto change = memory::observe(record, level, now, believe_after);
    record = change.record;
    return change;
  }
  Memory counts(Remember remember, Time now) const { return memory::counts(record, remember, now, believe_after); }
};

}  // namespace

TEST_CASE("what a domain proves is remembered at once and rises at once", "[memory]") {
  Remembered domain;
  CHECK(domain.see(Level::none, start) == Change{});
  auto change = domain.see(Level::encrypted, start);
  CHECK(change.what == What::first);
  CHECK(change.is_worth_storing);
  change = domain.see(Level::pkix, start + 1h);
  CHECK(change.what == What::raised);
  CHECK(domain.record == Record{Level::pkix, start + 1h, start + 1h, std::nullopt});
  CHECK(domain.counts(Remember::warn, start + 2h) == Memory{{.encrypted = true, .pkix = true}, "2026-11-25", false});
  CHECK(domain.counts(Remember::enforce, start + 2h).insists);
  CHECK(domain.counts(Remember::off, start + 2h) == Memory{});
}

TEST_CASE("the same again is written at most once a day", "[OPS-16]") {
  Remembered domain;
  domain.see(Level::pkix, start);
  CHECK_FALSE(domain.see(Level::pkix, start + 1h).is_worth_storing);
  CHECK_FALSE(domain.see(Level::pkix, start + day - 1s).is_worth_storing);
  CHECK(domain.see(Level::pkix, start + day).is_worth_storing);
  CHECK_FALSE(domain.see(Level::pkix, start + day + 1h).is_worth_storing);
  CHECK(domain.record->last_seen == start + day);
  CHECK(domain.record->since == start);
}

TEST_CASE("less than before is believed after the stated time and not before", "[memory]") {
  Remembered domain;
  domain.see(Level::pkix, start);
  auto change = domain.see(Level::encrypted, start + day);
  CHECK(change.what == What::weaker);
  CHECK(change.is_worth_storing);
  CHECK(domain.record->level == Level::pkix);
  CHECK(domain.counts(Remember::warn, start + day).weaker_since == "2026-11-26");
  CHECK(domain.see(Level::none, start + 2 * day).what == What::weaker);
  CHECK(domain.counts(Remember::enforce, start + day + believe_after - 1s).insists);
  CHECK(domain.see(Level::encrypted, start + day + believe_after - 1s).what == What::weaker);
  CHECK_FALSE(domain.counts(Remember::enforce, start + day + believe_after).insists);
  change = domain.see(Level::encrypted, start + day + believe_after);
  CHECK(change.what == What::believed);
  CHECK(domain.record == Record{Level::encrypted, start + 4 * day, start + 4 * day, std::nullopt});
  CHECK(domain.counts(Remember::enforce, start + 4 * day) == Memory{{.encrypted = true}, "2026-11-29", true});
}

TEST_CASE("a domain that proves nothing any more is forgotten when that is believed", "[memory]") {
  Remembered domain;
  domain.see(Level::encrypted, start);
  domain.see(Level::none, start + 1h);
  const auto change = domain.see(Level::none, start + 1h + believe_after);
  CHECK(change.what == What::believed);
  CHECK_FALSE(domain.record);
  CHECK(change.is_worth_storing);
}

TEST_CASE("one proof of the old level ends the doubt", "[memory]") {
  Remembered domain;
  domain.see(Level::pkix, start);
  domain.see(Level::none, start + 1h);
  CHECK(domain.see(Level::pkix, start + 2h).what == What::restored);
  CHECK_FALSE(domain.record->weaker_since);
  CHECK(domain.see(Level::none, start + 2 * believe_after).what == What::weaker);
}

TEST_CASE("what was not seen for long says nothing any more", "[memory]") {
  Remembered domain;
  domain.see(Level::pkix, start);
  CHECK(domain.counts(Remember::enforce, start + memory::lasts - 1s).insists);
  CHECK(domain.counts(Remember::enforce, start + memory::lasts) == Memory{});
  const auto change = domain.see(Level::none, start + memory::lasts);
  CHECK(change.what == What::nothing);
  CHECK_FALSE(change.record);
  CHECK(change.is_worth_storing);  // the row goes
}

TEST_CASE("a clock that jumps back raises nothing and lowers nothing", "[O-1]") {
  Remembered domain;
  domain.see(Level::pkix, start);
  CHECK(domain.see(Level::encrypted, start - 10 * day).what == What::weaker);
  CHECK(domain.record->last_seen == start);
  CHECK(domain.record->level == Level::pkix);
}

TEST_CASE("only domains whose mail goes by MX records and without an enforced policy are remembered",
          "[STS-38][STS-56][STS-32]") {
  auto all = facts({host("mx1.example.com")});
  CHECK(memory::is_kept(all));
  all.sts = published(sts::Mode::testing, {"mx1.example.com"});
  CHECK(memory::is_kept(all));
  all.sts.policy.mode = sts::Mode::enforce;
  CHECK_FALSE(memory::is_kept(all));
  all.sts = {};
  all.mx_set = Facts::MxSet::implicit;
  CHECK(memory::is_kept(all));
  all.mx_set = Facts::MxSet::configured;
  CHECK_FALSE(memory::is_kept(all));
  all.mx_set = Facts::MxSet::found;
  all.is_literal = true;
  CHECK_FALSE(memory::is_kept(all));
  all.is_literal = false;
  all.route.exempt = true;
  CHECK_FALSE(memory::is_kept(all));
}

TEST_CASE("what a connection has shown is its level", "[STS-49]") {
  Proof proof;
  CHECK(memory::level_of(proof, start) == Level::none);
  proof.encrypted = true;
  CHECK(memory::level_of(proof, start) == Level::encrypted);
  proof.pkix = Check::passed;
  proof.not_after = start + 1h;
  CHECK(memory::level_of(proof, start) == Level::encrypted);  // with the weak context nothing is proven
  proof.strong = true;
  CHECK(memory::level_of(proof, start) == Level::pkix);
  CHECK(memory::level_of(proof, start + 1h) == Level::encrypted);
  proof.resumed = true;
  CHECK(memory::level_of(proof, start) == Level::encrypted);
}

TEST_CASE("what hosts have shown that failed is the best of them", "[STS-37]") {
  using Outcome = HostOutcome::What;
  auto all = facts({host("mx1.example.com"), host("mx2.example.com", 20)});
  all.floor = {.encrypted = true, .pkix = true};
  const auto seen = [&](const std::vector<HostOutcome>& outcomes) {
    return memory::seen_failing(decide(all), outcomes);
  };
  const auto stripped = outcome("mx1.example.com", Outcome::no_starttls);
  CHECK(seen({}) == std::nullopt);
  CHECK(seen({stripped}) == Level::none);
  CHECK(seen({outcome("mx1.example.com", Outcome::handshake_failed)}) == Level::none);
  CHECK(seen({stripped, outcome("mx2.example.com", Outcome::not_admitted)}) == Level::encrypted);
  CHECK(seen({remembered(stripped)}) == std::nullopt);  // nothing was seen now
  CHECK(seen({outcome("mx1.example.com", Outcome::unreachable)}) == std::nullopt);
  CHECK(seen({outcome("mx1.example.com", Outcome::no_requiretls)}) == std::nullopt);
  all.hosts[0].dane.state = DaneFacts::State::usable;
  CHECK(seen({outcome("mx1.example.com", Outcome::not_admitted)}) == std::nullopt);
}

TEST_CASE("what is remembered in one line", "[OPS-16]") {
  CHECK(memory::line({}).empty());
  CHECK(memory::line({{.encrypted = true}, "2026-10-01", false}) == "memory: TLS, proven since 2026-10-01");
  CHECK(memory::line({{.encrypted = true, .pkix = true}, "2026-10-01", true, "2026-11-24"}) ==
        "memory: a valid certificate, proven since 2026-10-01, less since 2026-11-24; demanded");
}
