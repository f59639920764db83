// Orders at run time: what is done, what is refused, what is told.
#include "proxy/admin/administration.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "tests/support/captured_log.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/fakes.hpp"

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

struct FakeExemptions : proxy::ExemptionStore {
  std::map<std::string, proxy::Exemption> rows;
  bool writes = true;
  std::vector<proxy::Exemption> exemptions() override {
    std::vector<proxy::Exemption> all;
    for (const auto& [domain, row] : rows) all.push_back(row);
    return all;
  }
  proxy::awaitable<bool> exempt(proxy::Exemption exemption) override {
    if (writes) rows[exemption.domain] = exemption;
    co_return writes;
  }
  proxy::awaitable<bool> end_exemption(std::string domain) override {
    if (writes) rows.erase(domain);
    co_return writes;
  }
};

struct World {
  boost::asio::io_context io{1};
  test::FakeClock clock;
  test::FakeResolver resolver;
  test::FakeFetcher fetcher;
  test::FakeStore store;
  FakeExemptions exemptions;
  std::shared_ptr<proxy::Config> config = std::make_shared<proxy::Config>();
  proxy::MtaStsService service{io.get_executor(), resolver, fetcher, store, config->mta_sts, clock.clock()};
  proxy::Refresher refresher{io.get_executor(), service, store, config->mta_sts.refresh_every, clock.clock()};
  proxy::Administration administration{{.service = service,
                                        .refresher = refresher,
                                        .store = exemptions,
                                        .config = [this] { return config; },
                                        .put_in_force =
                                            [this](proxy::Exemptions all) {
                                              config->exemptions = std::make_shared<proxy::Exemptions>(std::move(all));
                                            }}};

  json::object run(json::object request) { return test::run_awaitable(io, administration.run(std::move(request))); }
  int exit(json::object request) { return run(std::move(request))["exit"].to_number<int>(); }
  json::object exempt(const std::string& domain, std::int64_t seconds, const std::string& reason) {
    return {{"command", "exempt"}, {"domain", domain}, {"seconds", seconds}, {"reason", reason}};
  }
};

}  // namespace

TEST_CASE("an exemption counts at once and is told and ends at a word", "[STS-52]") {
  World world;
  const test::CapturedLog log;
  CHECK(world.exit(world.exempt("A.test.", 3600, "ticket 1")) == 0);
  CHECK(proxy::route_for(*world.config, "a.test").exempt);
  CHECK(log.count("exemption_made") == 1);
  CHECK(world.exit({{"command", "end_exemption"}, {"domain", "a.test"}}) == 0);
  CHECK_FALSE(proxy::route_for(*world.config, "a.test").exempt);
  CHECK(world.exit({{"command", "end_exemption"}, {"domain", "a.test"}}) == 1);
}

TEST_CASE("an exemption without reason and without end and of a pinned domain or that cannot be kept is refused",
          "[STS-52]") {
  World world;
  CHECK(world.exit(world.exempt("a.test", 3600, " ")) == 3);
  CHECK(world.exit(world.exempt("a.test", 0, "why")) == 3);
  CHECK(world.exit(world.exempt("a.test", 91 * 86400, "why")) == 3);
  CHECK(world.exit(world.exempt("a..test", 3600, "why")) == 3);
  proxy::DestinationConfig pinned;
  pinned.domain = "corp.test";
  pinned.pin = policy::sts::Policy{};
  world.config->destinations.push_back(pinned);
  CHECK(world.exit(world.exempt("corp.test", 3600, "why")) == 3);
  world.exemptions.writes = false;
  CHECK(world.exit(world.exempt("a.test", 3600, "why")) == 3);
  CHECK_FALSE(world.config->exemptions);
}

TEST_CASE("refresh and forget say what they did", "[STS-26][STS-28]") {
  World world;
  const auto of = [](const char* command) { return json::object{{"command", command}, {"domain", "a.test"}}; };
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.exit(of("refresh")) == 1);
  CHECK(world.exit(of("forget")) == 1);
  world.resolver.publish("7");
  auto answer = world.run(of("refresh"));
  CHECK(answer["exit"].to_number<int>() == 0);
  CHECK(answer["id"].as_string() == "7");
  CHECK(answer["mode"].as_string() == "enforce");
  answer = world.run(of("forget"));
  CHECK(answer["exit"].to_number<int>() == 0);
  CHECK(answer["id"].as_string() == "7");
  CHECK(world.store.rows.empty());
  CHECK(world.exit(of("dance")) == 3);
  CHECK(world.exit({}) == 3);
}

TEST_CASE("refresh of all makes every policy due", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  for (const auto* domain : {"a.test", "b.test"}) test::run_awaitable(world.io, world.service.ask(domain));
  world.io.restart();
  world.io.poll();
  CHECK(world.exit({{"command", "refresh_all"}}) == 0);
  CHECK(world.store.next_due() == world.clock.clock().wall());
  CHECK(world.store.due({}, world.clock.clock().wall(), 10).size() == 2);
}
