// `sts-relay check`: each exit status, and the fields that programs read.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;
namespace json = boost::json;

namespace {

json::object facts_of(const lab::Finished& finished) {
  INFO(finished.out << finished.err);
  boost::system::error_code error;
  const auto value = json::parse(finished.out, error);
  REQUIRE_FALSE(error);
  REQUIRE(value.is_object());
  return value.as_object();
}

struct Case {
  const char* name;
  std::function<void(lab::Domain&)> spoil;
  lab::DomainOptions options;
  bool connect;
  int status;
  std::string words;
};

std::vector<Case> cases() {
  const auto healthy = [](lab::Domain&) {};
  const auto stripped = [](lab::Domain& domain) { domain.mx[0]->starttls(Starttls::stripped); };
  const auto expired = [](lab::Domain& domain) {
    domain.mx[0]->certificate(domain.lab.ca().issue({domain.mx[0]->host()}, {.days_from = -30, .days_to = -1}).path);
  };
  const auto down = [](lab::Domain& domain) { domain.lab.dns().set(domain.mx[0]->host(), "A", {lab::dead_address}); };
  const auto null_mx = [](lab::Domain& domain) { domain.lab.dns().set(domain.name, "MX", {"0 ."}); };
  const auto servfail = [](lab::Domain& domain) { domain.lab.dns().fault(domain.name, "MX", lab::Fault::servfail); };
  const auto gone = [](lab::Domain& domain) { domain.lab.dns().fault(domain.name, "*", lab::Fault::nxdomain); };
  const lab::DomainOptions enforce{.sts = "enforce"}, two{.mx = 2, .sts = "enforce"}, testing{.sts = "testing"},
      outside{.sts = "enforce", .patterns = {"other.test"}};
  return {
      {"all well", healthy, enforce, false, 0, "mx1."},
      {"all well dialled", healthy, enforce, true, 0, "mx1."},
      {"stripped and not dialled", stripped, enforce, false, 0, "mx1."},
      {"stripped", stripped, enforce, true, 1, "mx1."},
      {"expired", expired, enforce, true, 1, "expired"},
      {"expired under testing", expired, testing, true, 0, "testing"},
      {"a second host is good", stripped, two, true, 0, "mx2."},
      {"the host is down", down, enforce, true, 1, "mx1."},
      {"no host in the policy", healthy, outside, false, 1, "mx1."},
      {"the MX lookup fails", servfail, {}, false, 1, ""},
      {"null MX", null_mx, {}, false, 2, ""},
      {"no such domain", gone, {}, false, 2, ""},
  };
}

}  // namespace

TEST_CASE("each verdict of check has its exit status in words and in JSON and costs no MAIL", "[scenario][OPS-16]") {
  World world({}, false);
  int number = 0;
  for (const auto& one : cases()) {
    INFO(one.name);
    const std::string name = "x" + std::to_string(++number) + ".test";
    auto& domain = world.lab.domain(name, one.options);
    one.spoil(domain);
    std::vector<std::string> arguments{"check", name};
    if (one.connect) arguments.emplace_back("--connect");
    const auto said = world.relay.cli(arguments);
    CHECK(said.status == one.status);
    CHECK(said.out.find(one.words) != std::string::npos);
    arguments.emplace_back("--json");
    const auto finished = world.relay.cli(arguments);
    CHECK(finished.status == one.status);
    const auto facts = facts_of(finished);
    for (const char* field : {"domain", "policy", "need", "attempts", "left_out", "verdict", "reason"}) {
      INFO(field);
      CHECK(facts.contains(field));
    }
    CHECK(facts.at("domain").as_string() == name);
    const std::vector<std::string> verdicts{"deliver", "defer", "refuse"};
    CHECK(facts.at("verdict").as_string() == verdicts[static_cast<std::size_t>(one.status)]);
    for (const auto* mx : domain.mx) {
      CHECK(mx->mails().empty());
      if (!one.connect) CHECK(mx->sessions().empty());
    }
  }
}

TEST_CASE("the JSON of check shows policy and attempts and who was left out", "[scenario][OPS-16]") {
  World world({}, false);
  auto& domain = world.lab.domain("x.test", {.mx = 2, .sts = "enforce", .patterns = {"mx2.x.test"}});
  const auto finished = world.relay.cli({"check", "someone@x.test", "--json"});
  CHECK(finished.status == 0);
  const auto facts = facts_of(finished);
  REQUIRE(facts.at("policy").is_object());
  const auto& policy = facts.at("policy").as_object();
  for (const char* field : {"source", "mode", "id", "mx", "fetched", "expires", "error"}) CHECK(policy.contains(field));
  CHECK(policy.at("mode").as_string() == "enforce");
  CHECK(policy.at("id").as_string() == "20260101");
  CHECK(policy.at("mx") == json::value{"mx2.x.test"});
  REQUIRE(facts.at("attempts").as_array().size() == 1);
  const auto& attempt = facts.at("attempts").as_array()[0].as_object();
  for (const char* field : {"host", "port", "addresses", "need", "preference", "proof", "error"})
    CHECK(attempt.contains(field));
  CHECK(attempt.at("host").as_string() == "mx2.x.test");
  CHECK(attempt.at("port").to_number<int>() == world.lab.smtp_port());
  CHECK(attempt.at("preference").to_number<int>() == 20);
  CHECK(json::serialize(attempt.at("addresses")).find(domain.mx[1]->address()) != std::string::npos);
  REQUIRE(facts.at("left_out").as_array().size() == 1);
  const auto& left = facts.at("left_out").as_array()[0].as_object();
  CHECK(left.at("host").as_string() == "mx1.x.test");
  CHECK_FALSE(left.at("reason").as_string().empty());
}

TEST_CASE("check without a usable domain is an error of its own status", "[scenario][OPS-16]") {
  World world({}, false);
  CHECK(world.relay.cli({"check"}).status == 3);
  CHECK(world.relay.cli({"check", "a..b"}).status == 3);
}

TEST_CASE("check works beside a relay that runs on the same state", "[scenario][OPS-16]") {
  World world;
  auto& domain = world.lab.domain("x.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  CHECK(world.relay.cli({"check", "x.test", "--connect"}).status == 0);
  delivered(world, world.relay.mail("c@x.test"), {.mx = domain.mx[0], .tls = true});
}

TEST_CASE("check says why and what would have to change in words and in JSON", "[scenario][OPS-16][STS-48]") {
  World world({}, false);
  auto& domain = world.lab.domain("x.test", {.mx = 2, .sts = "enforce", .patterns = {"mx1.x.test"}});
  domain.mx[0]->certificate(world.lab.ca().issue({"mx1.x.test"}, {.days_from = -30, .days_to = -1}).path);
  const auto said = world.relay.cli({"check", "x.test", "--connect", "--why"});
  CHECK(said.status == 1);
  for (const char* words :
       {"to be used: it would have to renew its certificate",
        "to be used: the policy of x.test would have to name it under `mx`, with a new id in TXT _mta-sts.x.test",
        "[RFC 8461 §4, §5; policy 20260101 of https://mta-sts.x.test/.well-known/mta-sts.txt: mode: enforce; mx: "
        "mx1.x.test; max_age: 86400]",
        "DANE is off", "Mail for x.test would wait: x.test demands verified TLS"}) {
    INFO(words << "\n" << said.out);
    CHECK(said.out.find(words) != std::string::npos);
  }
  CHECK(world.relay.cli({"check", "x.test"}).out.find("to be used") == std::string::npos);
  const auto facts = facts_of(world.relay.cli({"check", "x.test", "--connect", "--why", "--json"}));
  REQUIRE(facts.at("rules").is_array());
  for (const auto& rule : facts.at("rules").as_array()) {
    CHECK_FALSE(rule.at("rule").as_string().empty());
    CHECK_FALSE(rule.at("source").as_string().empty());
  }
  CHECK_FALSE(facts.at("attempts").at(0).at("fix").as_string().empty());
  CHECK_FALSE(facts.at("left_out").at(0).at("fix").as_string().empty());
  CHECK_FALSE(facts_of(world.relay.cli({"check", "x.test", "--json"})).contains("rules"));
}
