// docs/decision.md: its tables are what decide, admit and conclude say, and its numbers are those that the space tests
// count. Rendered here and compared; with WRITE_TABLES=1 in the environment the block is written anew.
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/policy/decision_space.hpp"

using namespace policy;
using namespace policy::test;
using What = HostOutcome::What;

namespace {

constexpr char begins[] = "<!-- tables: made from the code by tests/unit/policy/decision_table_test.cpp -->\n";
constexpr char ends[] = "<!-- end of the tables -->\n";

std::filesystem::path document() {
  return STS_RELAY_SOURCE "/docs/decision.md";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const auto& cell : cells) line += ' ' + cell + " |";
  return line + '\n';
}

std::string head(const std::vector<std::string>& cells) {
  std::string line = row(cells) + "|";
  for (std::size_t n = 0; n < cells.size(); ++n) line += "---|";
  return line + '\n';
}

/// "1,234,567"
std::string number(std::size_t n) {
  auto digits = std::to_string(n);
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string brief(const smtp::Reply& reply) {
  return std::to_string(reply.code) + ' ' + reply.enhanced;
}

// ---- what a host must prove

std::string cell(const Facts& facts) {
  const auto plan = decide(facts);
  if (plan.refusal) return "deferred, " + brief(*plan.refusal);
  if (!plan.attempts.empty()) return words(plan.attempts[0].demand.need);
  const bool for_good = conclude(plan, {}).kind() == 5;
  switch (plan.left_out[0].reason) {
    case LeftOut::Reason::not_in_policy: return "left out: not in the policy";
    case LeftOut::Reason::not_tied: return for_good ? "left out: not tied, for good" : "left out: not tied";
    case LeftOut::Reason::tlsa_failed: return "left out: TLSA lookup failed";
    default: return "left out";
  }
}

std::string demands_table() {
  struct {
    const char* words;
    std::size_t published, match;
  } const policies[] = {
      {"none", 0, 0},    {"cannot be looked up", 1, 0},         {"none (mode)", 2, 0},
      {"testing", 3, 0}, {"enforce, host in the policy", 4, 0}, {"enforce, host not in it", 4, 1},
  };
  struct {
    const char* words;
    std::size_t message, secure;
    bool exempt;
  } const messages[] = {
      {"", 0, 0, false},
      {"REQUIRETLS, secure MX", 1, 1, false},
      {"REQUIRETLS, insecure MX", 1, 0, false},
      {"`TLS-Required: No`", 2, 0, false},
      {"(domain exempt)", 0, 0, true},
  };
  auto text = head({"MTA-STS policy", "message", "no TLSA", "unusable TLSA", "usable TLSA", "TLSA lookup failed"});
  for (const auto& message : messages) {
    for (const auto& policy : policies) {
      std::vector<std::string> cells{policy.words, message.words};
      for (std::size_t tlsa = 0; tlsa < 4; ++tlsa) {
        Point p{};
        p[axis::published] = policy.published;
        p[axis::match] = policy.match;
        p[axis::message] = message.message;
        p[axis::secure] = message.secure;
        p[axis::exempt] = message.exempt ? 1 : 0;
        p[axis::tlsa] = tlsa;
        cells.push_back(cell(facts_at(p)));
      }
      text += row(cells);
    }
  }
  return text;
}

// ---- what is let pass

std::string admit_table() {
  struct Shown {
    const char* words;
    void (*spoil)(Proof&);
  };
  const Shown proofs[] = {
      {"plaintext",
       [](Proof& p) {
         p.encrypted = p.strong = false;
         p.pkix = p.dane = Check::not_tried;
       }},
      {"weak TLS", [](Proof& p) { p.strong = false; }},
      {"TLS, neither certificate nor match", [](Proof& p) { p.pkix = p.dane = Check::failed; }},
      {"certificate, no match", [](Proof& p) { p.dane = Check::failed; }},
      {"certificate by other trust anchors, no match",
       [](Proof& p) {
         p.dane = Check::failed;
         p.anchors = 6;
       }},
      {"certificate that ran out since, no match",
       [](Proof& p) {
         p.dane = Check::failed;
         p.not_after = space_time;
       }},
      {"match, no certificate", [](Proof& p) { p.pkix = Check::failed; }},
      {"match of other records, no certificate",
       [](Proof& p) {
         p.pkix = Check::failed;
         p.association = std::make_shared<const dane::Association>(dane::Association{"other.example.com", {}, {}});
       }},
      {"certificate and match", [](Proof&) {}},
      {"the same, without REQUIRETLS", [](Proof& p) { p.offers_requiretls = false; }},
      {"the same, resumed", [](Proof& p) { p.resumed = true; }},
      {"the same, of another host", [](Proof& p) { p.host = "mx2.example.com"; }},
  };
  const Requirement needs[] = {{},
                               {.encrypted = true},
                               {.encrypted = true, .pkix = true},
                               {.encrypted = true, .dane = true},
                               {.encrypted = true, .pkix = true, .dane = true},
                               {.encrypted = true, .requiretls = true, .verified = true}};
  std::vector<std::string> title{"what was proven"};
  for (const auto& need : needs) title.push_back(words(need));
  auto text = head(title);
  for (const auto& [shown, spoil] : proofs) {
    Proof proof;
    proof.host = "mx1.example.com";
    proof.port = 25;
    proof.encrypted = proof.strong = proof.offers_requiretls = true;
    proof.pkix = proof.dane = Check::passed;
    proof.association = records();
    proof.anchors = 7;
    proof.not_after = space_time + std::chrono::hours(1);
    spoil(proof);
    std::vector<std::string> cells{shown};
    for (const auto& need : needs) {
      Demand demand{"mx1.example.com", 25, need, 7, records()};
      const auto result = admit(proof, demand, space_time);
      const auto* refused = std::get_if<NotAdmitted>(&result);
      cells.emplace_back(refused == nullptr                              ? "yes"
                         : refused->reason == NotAdmitted::Reason::stale ? "no, dial anew"
                                                                         : "no");
    }
    text += row(cells);
  }
  return text;
}

// ---- the verdict

std::string verdict_table() {
  const std::string mx = "mx1.example.com";
  struct {
    const char* words;
    HostOutcome outcome;
  } const ways[] = {
      {"cannot be reached, or no time is left", outcome(mx, What::unreachable)},
      {"as many connections as allowed are open", outcome(mx, What::congested)},
      {"the connection is lost", outcome(mx, What::lost)},
      {"talks nonsense", outcome(mx, What::nonsense)},
      {"offers no STARTTLS, or refuses it", outcome(mx, What::no_starttls)},
      {"the handshake fails", outcome(mx, What::handshake_failed)},
      {"proves less than demanded", outcome(mx, What::not_admitted)},
      {"does not offer REQUIRETLS", outcome(mx, What::no_requiretls)},
      {"is remembered to prove less", remembered(outcome(mx, What::not_admitted))},
      {"is remembered not to offer REQUIRETLS", remembered(outcome(mx, What::no_requiretls))},
      {"says 421 at the greeting", says(mx, smtp::Stage::greeting, {421, "4.3.2", "busy"})},
      {"says 450 4.7.1 to MAIL", says(mx, smtp::Stage::mail, {450, "4.7.1", "later"})},
      {"says 554 5.7.1 at the greeting", says(mx, smtp::Stage::greeting, {554, "5.7.1", "never"})},
      {"says 550 5.7.1 to MAIL", says(mx, smtp::Stage::mail, {550, "5.7.1", "blocked"})},
  };
  auto nobody = facts({host(mx)});
  auto enforce = facts({host(mx)}, sts::Mode::enforce, {mx});
  auto with_records = facts({host_at(mx, 10, 0, 2)});
  auto asking = nobody;
  asking.mx_secure = asking.message.requiretls = true;
  auto asking_too = enforce;
  asking_too.message.requiretls = true;
  const std::array<Facts, 5> who{nobody, enforce, with_records, asking, asking_too};
  auto text = head(
      {"the only host", "nothing demanded", "enforce", "usable TLSA", "REQUIRETLS alone", "enforce and REQUIRETLS"});
  for (const auto& [what, outcome] : ways) {
    std::vector<std::string> cells{what};
    const auto counts = outcome.what == What::blocked ? outcome.remembered : outcome.what;
    for (std::size_t n = 0; n < who.size(); ++n) {
      const HostOutcome outcomes[] = {outcome};
      const bool possible = counts != What::no_requiretls || who[n].message.requiretls;
      cells.push_back(possible ? brief(conclude(decide(who[n]), outcomes)) : "");
    }
    text += row(cells);
  }
  return text;
}

std::string numbers() {
  return "Enumerated: " + number(plan_points) + " plans, of which " + number(plans_that_try) + " try the host; " +
         number(pairs_of_order) + " pairs of a plan and one with a demand more; " + number(two_host_plans) +
         " plans of two hosts beside those of each; " + number(plan_points_without_hosts) + " plans without hosts; " +
         number(source_points) + " by where the policy was had from; " + number(judgements) +
         " judgements of a proof against a demand; " + number(verdict_points) + " verdicts.\n";
}

std::string block() {
  return std::string(begins) + "\n### What a host must prove\n" + demands_table() + "\n### What is let pass\n" +
         admit_table() + "\n### What the client is told\n" + verdict_table() + "\n### How much is enumerated\n" +
         numbers() + ends;
}

}  // namespace

TEST_CASE("the tables and numbers of the documentation are what the code decides", "[OPS-16]") {
  const auto text = read(document());
  const auto from = text.find(begins), to = text.find(ends);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  if (std::getenv("WRITE_TABLES") != nullptr)
    std::ofstream(document()) << text.substr(0, from) << block() << text.substr(to + sizeof ends - 1);
  CHECK(text.substr(from, to + sizeof ends - 1 - from) == block());
}
