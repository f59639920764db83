// The road to a host's TLSA records: which answers have to be secure, what is asked and what is not.
#include "proxy/outbound/tlsa.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "tests/support/run_awaitable.hpp"

using namespace proxy;
using policy::DaneFacts;
using State = DaneFacts::State;

namespace {

dns::Answer answer(bool secure, dns::Status status = dns::Status::ok) {
  dns::Answer result;
  result.status = status;
  result.authentic = secure;
  return result;
}

dns::Answer address(bool secure, const std::string& alias_of = {}) {
  auto result = answer(secure);
  result.addresses = {"192.0.2.1"};
  result.alias = !alias_of.empty();
  result.canonical = alias_of.empty() ? "mx.dane.test" : alias_of;
  return result;
}

std::string rdata(int usage) {
  std::string octets(1, static_cast<char>(usage));
  octets.append(2, '\1').append(32, 'k');
  return octets;
}

/// Answers from a table, and keeps what was asked.
class Table final : public Resolver {
 public:
  std::map<std::string, dns::Answer> tlsa, alias;
  std::vector<std::string> asked;

  boost::asio::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type type, bool) override {
    asked.push_back(std::string(dns::name_of(type)) + ' ' + name);
    const auto& table = type == dns::Type::tlsa ? tlsa : alias;
    const auto found = table.find(name);
    const auto given = found != table.end() ? found->second : answer(true, dns::Status::nxdomain);
    co_return std::make_shared<const dns::Answer>(given);
  }
};

struct World {
  Table dns;
  dns::Answer a = address(true), aaaa = answer(true, dns::Status::no_data);
  std::uint16_t port = 25;

  void records(const std::string& base, bool secure, std::vector<std::string> data = {rdata(3)}) {
    auto found = answer(secure);
    found.tlsa = std::move(data);
    dns.tlsa['_' + std::to_string(port) + "._tcp." + base] = found;
  }
  DaneFacts find(std::vector<std::string> further = {}) {
    dns.asked.clear();
    AddressAnswers given{std::make_shared<const dns::Answer>(a), std::make_shared<const dns::Answer>(aaaa)};
    boost::asio::io_context io(1);
    return test::run_awaitable(io, find_tlsa(dns, "mx.dane.test", port, given, std::move(further)));
  }
  bool asked(const std::string& what) const {
    return std::find(dns.asked.begin(), dns.asked.end(), what) != dns.asked.end();
  }
};

}  // namespace

TEST_CASE("secure addresses and a secure TLSA set: DANE applies", "[DANE-02][DANE-03]") {
  World world;
  world.records("mx.dane.test", true);
  const auto facts = world.find();
  CHECK(facts.state == State::usable);
  REQUIRE(facts.association);
  CHECK(facts.association->base_domain == "mx.dane.test");
  CHECK(facts.association->records.size() == 1);
  CHECK(world.dns.asked == std::vector<std::string>{"TLSA _25._tcp.mx.dane.test"});
}

TEST_CASE("the question is asked at the port that is dialled", "[DANE-03][DANE-17]") {
  World world;
  world.port = 465;
  world.records("mx.dane.test", true);
  CHECK(world.find().state == State::usable);
  CHECK(world.dns.asked == std::vector<std::string>{"TLSA _465._tcp.mx.dane.test"});
}

TEST_CASE("a step that is not secure: DANE does not apply and nothing fails", "[DANE-02][DANE-03][DANE-21][D-1][D-4]") {
  World world;
  world.records("mx.dane.test", true);
  SECTION("the addresses: TLSA is not even asked for") {
    world.a = address(false);
    CHECK(world.find().state == State::not_applicable);
    CHECK(world.dns.asked.empty());
  }
  SECTION("the addresses of one family") {
    world.aaaa = address(false);
    CHECK(world.find().state == State::not_applicable);
    CHECK(world.dns.asked.empty());
  }
  SECTION("an empty answer of the other family says nothing") {
    world.aaaa = answer(false, dns::Status::no_data);
    CHECK(world.find().state == State::usable);
  }
  SECTION("the other family fails") {
    world.aaaa = answer(false, dns::Status::servfail);
    CHECK(world.find().state == State::usable);
  }
  SECTION("the TLSA set") {
    world.records("mx.dane.test", false);
    const auto facts = world.find();
    CHECK(facts.state == State::not_applicable);
    CHECK(facts.words == "its TLSA records are not secure (DNSSEC)");
  }
  SECTION("denied") {
    world.dns.tlsa.clear();
    CHECK(world.find().words == "no TLSA record");
  }
  SECTION("no address at all") {
    world.a = answer(true, dns::Status::no_data);
    CHECK(world.find().state == State::not_applicable);
    CHECK(world.dns.asked.empty());
  }
}

TEST_CASE("a failed lookup on the way rules the host out", "[DANE-04][DANE-18][D-2]") {
  for (const auto status : {dns::Status::servfail, dns::Status::refused, dns::Status::timeout, dns::Status::unreachable,
                            dns::Status::garbage, dns::Status::alias_loop}) {
    World world;
    world.dns.tlsa["_25._tcp.mx.dane.test"] = answer(false, status);
    auto facts = world.find();
    CHECK(facts.state == State::failed);
    CHECK(facts.words.starts_with("TLSA lookup of _25._tcp.mx.dane.test failed: "));

    world.a = address(false, "real.host.test");
    world.dns.alias["mx.dane.test"] = answer(false, status);
    facts = world.find();
    CHECK(facts.state == State::failed);
    CHECK(facts.words.starts_with("CNAME lookup of mx.dane.test failed: "));
  }
}

TEST_CASE("a host that is an alias: where its records may be", "[DANE-10][DANE-18][D-8]") {
  World world;
  const std::string end = "real.host.test";
  SECTION("secure to the end: first at the end") {
    world.a = address(true, end);
    world.records(end, true);
    world.records("mx.dane.test", true, {rdata(2)});
    const auto facts = world.find();
    REQUIRE(facts.association);
    CHECK(facts.association->base_domain == end);
    CHECK(world.dns.asked == std::vector<std::string>{"TLSA _25._tcp.real.host.test"});
  }
  SECTION("secure to the end: failing that, at the name itself") {
    world.a = address(true, end);
    world.records("mx.dane.test", true);
    const auto facts = world.find();
    REQUIRE(facts.association);
    CHECK(facts.association->base_domain == "mx.dane.test");
    CHECK(world.dns.asked.size() == 2);
  }
  SECTION("insecure records at the end do not count, those at the name do") {
    world.a = address(true, end);
    world.records(end, false);
    world.records("mx.dane.test", true);
    CHECK(world.find().association->base_domain == "mx.dane.test");
  }
  SECTION("a failure at the end is not passed over") {
    world.a = address(true, end);
    world.dns.tlsa["_25._tcp.real.host.test"] = answer(false, dns::Status::servfail);
    world.records("mx.dane.test", true);
    CHECK(world.find().state == State::failed);
  }
  SECTION("the alias is secure, its end is not: the name itself alone") {
    world.a = address(false, end);
    world.dns.alias["mx.dane.test"] = answer(true);
    world.records(end, true);
    world.records("mx.dane.test", true);
    const auto facts = world.find();
    REQUIRE(facts.association);
    CHECK(facts.association->base_domain == "mx.dane.test");
    CHECK_FALSE(world.asked("TLSA _25._tcp.real.host.test"));
  }
  SECTION("the alias is not secure: no DANE") {
    world.a = address(false, end);
    world.dns.alias["mx.dane.test"] = answer(false);
    world.records(end, true);
    world.records("mx.dane.test", true);
    CHECK(world.find().state == State::not_applicable);
    CHECK(world.dns.asked == std::vector<std::string>{"CNAME mx.dane.test"});
  }
}

TEST_CASE("no usable record in a secure set is a state of its own", "[DANE-05][DANE-06]") {
  World world;
  world.records("mx.dane.test", true, {rdata(1), rdata(0), std::string("\3\1\1short"), std::string("\2\0\0no DER", 9)});
  const auto facts = world.find();
  CHECK(facts.state == State::unusable);
  CHECK_FALSE(facts.association);
  world.records("mx.dane.test", true, {rdata(1), std::string("\2\0\0no DER", 9), rdata(3)});
  const auto mixed = world.find();
  CHECK(mixed.state == State::usable);
  CHECK(mixed.association->records.size() == 1);
}

TEST_CASE("names of the next-hop domain are for usage 2", "[DANE-08]") {
  World world;
  world.records("mx.dane.test", true, {rdata(2)});
  CHECK(world.find({"dane.test", "canonical.test"}).association->names ==
        std::vector<std::string>{"mx.dane.test", "dane.test", "canonical.test"});
  CHECK(world.find({}).association->names == std::vector<std::string>{"mx.dane.test"});
}
