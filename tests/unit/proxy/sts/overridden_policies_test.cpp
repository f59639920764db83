// Pins, preloads and the switch above and below what domains publish.
#include "proxy/sts/overridden_policies.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/fakes.hpp"

namespace {

using namespace std::chrono_literals;
using policy::sts::Mode;
using State = policy::StsFacts::State;
using Source = policy::StsFacts::Source;

struct World {
  boost::asio::io_context io{1};
  test::FakeClock clock;
  test::FakeResolver resolver;
  test::FakeFetcher fetcher;
  test::FakeStore store;
  std::shared_ptr<proxy::Config> config = std::make_shared<proxy::Config>();
  proxy::MtaStsService service{io.get_executor(), resolver, fetcher, store, config->mta_sts, clock.clock()};
  proxy::OverriddenPolicies policies{service, [this] { return config; }};

  proxy::StsFactsPtr ask(const std::string& domain) {
    auto facts = test::run_awaitable(io, policies.ask(domain));
    io.restart();
    io.poll();
    return facts;
  }
  void pin(const std::string& domain, bool subdomains) {
    proxy::DestinationConfig destination;
    destination.domain = domain;
    destination.subdomains = subdomains;
    destination.pin = policy::sts::Policy{Mode::enforce, {"pinned.test"}, 60};
    config->destinations.push_back(destination);
  }
  void preload(const std::string& domain) {
    auto all = std::make_shared<proxy::PreloadedPolicies>();
    all->emplace(domain, policy::sts::Policy{Mode::enforce, {"preloaded.test"}, 60});
    config->mta_sts.preloaded = all;
  }
};

}  // namespace

TEST_CASE("a pinned policy stands above what the domain publishes and nobody is asked", "[STS-52]") {
  World world;
  world.resolver.publish("1");
  world.pin("corp.test", false);
  const auto facts = world.ask("corp.test");
  CHECK(facts->source == Source::pin);
  CHECK(facts->id == "pin");
  CHECK(facts->policy.mx == std::vector<std::string>{"pinned.test"});
  CHECK(test::run_awaitable(world.io, world.policies.ask_before_deferral("corp.test"))->source == Source::pin);
  CHECK(world.resolver.asked == 0);
  world.clock.advance(24 * 400h);  // its max_age is no end
  CHECK(world.ask("corp.test")->source == Source::pin);
  CHECK(world.ask("sub.corp.test")->source == Source::fetched);
}

TEST_CASE("a pin covers the domains below only where the destination does", "[STS-52]") {
  World world;
  world.resolver.publish("1");
  world.pin("corp.test", true);
  CHECK(world.ask("a.b.corp.test")->source == Source::pin);
  CHECK(world.ask("notcorp.test")->source == Source::fetched);
}

TEST_CASE("a preloaded policy closes the first contact's gap until the domain's own was fetched", "[STS-53]") {
  World world;
  world.preload("x.test");
  world.resolver.set(dns::Status::servfail);
  CHECK(world.ask("x.test")->source == Source::preload);
  world.clock.advance(6min);
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask("x.test")->policy.mx.front() == "preloaded.test");
  CHECK(world.ask("y.test")->state == State::no_policy);
  world.resolver.publish("1");
  world.fetcher.fail("status 500");
  world.clock.advance(6min);
  const auto failed = world.ask("x.test");
  CHECK(failed->source == Source::preload);
  CHECK(failed->error.find("status 500") != std::string::npos);
  world.fetcher.serve(Mode::none);
  world.clock.advance(6min);
  CHECK(world.ask("x.test")->policy.mode == Mode::none);  // its own counts, whatever its mode
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask("x.test")->policy.mode == Mode::none);
}

TEST_CASE("while it is switched off what domains publish is not applied and pins are", "[STS-52]") {
  World world;
  world.resolver.publish("1");
  world.pin("corp.test", false);
  world.preload("x.test");
  world.ask("y.test");
  world.config->mta_sts.enabled = false;
  const auto off = world.ask("y.test");
  CHECK(off->state == State::no_policy);
  CHECK(off->error.find("enabled = false") != std::string::npos);
  CHECK(world.ask("x.test")->state == State::no_policy);
  CHECK(world.ask("corp.test")->source == Source::pin);
  world.config->mta_sts.enabled = true;
  CHECK(world.ask("y.test")->state == State::policy);
}
