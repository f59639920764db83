// What an operator's Prometheus reads after a day's mail: one message delivered, one deferred, one refused, a client
// that may not come, a policy that cannot be refreshed, a domain that proves less than before.
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "protocol/base/text.hpp"
#include "tests/lab/channel.hpp"
#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

using Samples = std::map<std::string, std::string>;

lab::RelayOptions measured(lab::RelayOptions options = {}) {
  options.tables["metrics"]["address"] = lab::toml("127.0.0.1:0");
  return options;
}

std::uint16_t metrics_port(const World& world) {
  for (const auto& line : world.relay.log_lines({{"event", "listening"}, {"listener", ""}})) {
    const auto address = line["metrics"];
    return static_cast<std::uint16_t>(base::decimal(address.substr(address.rfind(':') + 1)));
  }
  FAIL("the relay does not say where its metrics are");
  return 0;
}

/// Each sample with its labels, and its value.
Samples scrape(const World& world) {
  const auto channel = lab::Channel::connect("127.0.0.1", metrics_port(world), std::chrono::seconds(10));
  channel->write("GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n");
  std::string page;
  try {
    for (;;) page += channel->read_line();
  } catch (const lab::Gone&) {
  }
  CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
  Samples samples;
  std::istringstream lines(page.substr(page.find("\r\n\r\n") + 4));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) samples[line.substr(0, line.rfind(' '))] = line.substr(line.rfind(' ') + 1);
  }
  return samples;
}

void wait_for(World& world, const std::string& sample, const std::string& value) {
  until(
      world, [&] { return scrape(world)[sample] == value; }, sample + " to be " + value);
}

std::string messages(const std::string& policy, const std::string& result) {
  return "sts_relay_messages_total{policy=\"" + policy + "\",result=\"" + result + "\"}";
}

}  // namespace

TEST_CASE("the metrics say what became of each message and by which proof", "[scenario][OPS-06]") {
  World world(measured());
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& stripped = world.lab.domain("stripped.test", {.sts = "enforce"});
  stripped.mx[0]->starttls(Starttls::stripped);
  auto& refusing = world.lab.domain("refusing.test");
  refusing.mx[0]->on("RCPT", std::string("550 5.1.1 nobody of that name"));
  auto& tested = world.lab.domain("tested.test", {.sts = "testing"});
  tested.mx[0]->starttls(Starttls::stripped);

  auto before = scrape(world);
  CHECK(before[messages("enforce", "delivered")] == "0");
  CHECK(before["sts_relay_sessions_open{tls=\"none\"}"] == "0");
  CHECK(before["sts_relay_exemptions{source=\"configuration\"}"] == "0");
  CHECK(before["sts_relay_mta_sts_enabled"] == "1");
  CHECK(before["sts_relay_dane_on"] == "0");

  delivered(world, world.relay.mail("a@good.test"), {.mx = good.mx[0], .tls = true});
  deferred(world, world.relay.mail("b@stripped.test"), {}, {.policy = true});
  CHECK(world.relay.mail("c@refusing.test").fate() == lab::Fate::refused);
  delivered(world, world.relay.mail("d@tested.test"), {.mx = tested.mx[0], .tls = false});

  wait_for(world, "sts_relay_sessions_total{tls=\"none\"}", "4");
  auto now = scrape(world);
  const Samples expected{
      {messages("enforce", "delivered"), "1"},
      {messages("enforce", "deferred"), "1"},
      {messages("enforce", "refused"), "0"},
      {messages("none", "delivered"), "0"},
      {messages("none", "deferred"), "0"},
      {messages("none", "refused"), "1"},
      {messages("testing", "delivered"), "1"},
      {messages("testing", "deferred"), "0"},
      {messages("testing", "refused"), "0"},
      {"sts_relay_deliveries_total{proof=\"pkix\"}", "1"},
      {"sts_relay_deliveries_total{proof=\"none\"}", "1"},
      {"sts_relay_deliveries_total{proof=\"encrypted\"}", "0"},
      {"sts_relay_deliveries_total{proof=\"dane\"}", "0"},
      {"sts_relay_testing_failures_total", "1"},
      {"sts_relay_sessions_open{tls=\"none\"}", "0"},
      {"sts_relay_clients_refused_total{reason=\"allow\"}", "0"},
      {"sts_relay_rcpt_answer_seconds_count", "4"},
      {"sts_relay_final_reply_seconds_count", "2"},
      {"sts_relay_policy_cache_entries{kind=\"policy\"}", "3"},
      {"sts_relay_policy_fetches_total{cause=\"message\",result=\"valid\"}", "3"},
      {"sts_relay_policy_fetch_seconds_count", "3"},
      {"sts_relay_policy_refresh_failing", "0"},
      {"sts_relay_policies_unsaved", "0"},
      {"sts_relay_build_info{version=\"0.1.0\"}", "1"},
  };
  for (const auto& [sample, value] : expected) {
    INFO(sample);
    CHECK(now[sample] == value);
  }
  CHECK(std::stoll(now["sts_relay_dns_queries_total{result=\"ok\"}"]) >= 4);
  CHECK(std::stoll(now["sts_relay_mx_connections_total"]) >= 4);
  CHECK(std::stoll(now["sts_relay_start_time_seconds"]) > 1'700'000'000);
  for (const auto& [sample, value] : now) {
    INFO(sample << ' ' << value);
    CHECK(sample.find(".test") == std::string::npos);  // nothing of anybody
    CHECK(sample.find("127.0") == std::string::npos);
  }
}

TEST_CASE("a message over LMTP is counted at each of its domains", "[scenario][OPS-06]") {
  World world(measured());
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto client = world.relay.client(true);
  auto& none = world.lab.domain("none.test");
  const auto replies = client.send_lmtp("a@sender.test", {"b@good.test", "c@none.test"}, lab::letter());
  CHECK(replies.at(0).second.code == 250);
  CHECK(replies.at(1).second.code == 250);
  auto now = scrape(world);
  CHECK(now[messages("enforce", "delivered")] == "1");
  CHECK(now[messages("none", "delivered")] == "1");
  CHECK(now["sts_relay_sessions_open{tls=\"none\"}"] == "1");
  CHECK(now["sts_relay_mx_connections_open"] == "2");  // kept for the next message
  CHECK(now["sts_relay_memory_domains"] == "1");       // good.test has a policy
  CHECK(good.mx[0]->inbox().size() + none.mx[0]->inbox().size() == 2);
}

TEST_CASE("a client outside allow is counted as refused", "[scenario][OPS-06]") {
  auto options = measured();
  options.listener["allow"] = "[\"192.0.2.0/24\"]";
  World world(std::move(options));
  lab::SmtpClient client("127.0.0.1", world.relay.port());
  CHECK(client.greeting().code == 554);
  CHECK(scrape(world)["sts_relay_clients_refused_total{reason=\"allow\"}"] == "1");
}

TEST_CASE("a metric says that a stored policy cannot be refreshed until it can and also after a restart",
          "[scenario][OPS-06][STS-55]") {
  World world(measured({.refresh_every = "1s"}));
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.site([](lab::Site& site) { site.status = "404 Not Found"; });
  wait_for(world, "sts_relay_policy_refresh_failing", "1");
  CHECK(scrape(world)["sts_relay_policy_fetches_total{cause=\"refresh\",result=\"status\"}"] == "1");
  world.relay.restart();
  wait_for(world, "sts_relay_policy_refresh_failing", "1");  // the next try is minutes away
  CHECK(scrape(world)["sts_relay_policy_fetches_total{cause=\"refresh\",result=\"status\"}"] == "0");
  kept.site([](lab::Site& site) { site.status = "200 OK"; });
  CHECK(world.relay.cli({"policy", "refresh", "kept.test"}).status == 0);
  auto now = scrape(world);
  CHECK(now["sts_relay_policy_refresh_failing"] == "0");
  CHECK(now["sts_relay_policy_refresh_failing_oldest_seconds"] == "0");
}

TEST_CASE("a metric counts messages to domains that prove less than before", "[scenario][OPS-06]") {
  auto options = measured();
  options.tables["delivery"] = {{"remember", lab::toml("enforce")}, {"believe_after", lab::toml("3d")}};
  World world(std::move(options));
  auto& domain = world.lab.domain("x.test");
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  domain.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("c@x.test"), {}, {.policy = true});
  auto now = scrape(world);
  CHECK(now["sts_relay_weaker_total{action=\"deferred\"}"] == "1");
  CHECK(now["sts_relay_weaker_total{action=\"delivered\"}"] == "0");
  CHECK(now["sts_relay_memory_domains"] == "1");
}

TEST_CASE("exemptions in force are counted and without an address nothing listens for scrapes",
          "[scenario][OPS-06][STS-52]") {
  auto options = measured();
  options.destinations = {{{"domain", lab::toml("a.test")}, {"exempt", "true"}, {"reason", lab::toml("one")}},
                          {{"domain", lab::toml("b.test")},
                           {"exempt", "true"},
                           {"reason", lab::toml("two")},
                           {"until", lab::toml("2020-01-01")}}};
  World world(std::move(options));
  CHECK(world.relay.cli({"exempt", "c.test", "--for", "1h", "--reason", "three"}).status == 0);
  auto now = scrape(world);
  CHECK(now["sts_relay_exemptions{source=\"configuration\"}"] == "1");
  CHECK(now["sts_relay_exemptions{source=\"command\"}"] == "1");
  world.relay.options().tables.erase("metrics");
  world.relay.write_configuration();
  world.relay.restart();
  CHECK(world.relay.log_lines({{"event", "listening"}}).size() == 1);
}
