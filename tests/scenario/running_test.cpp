// What an administrator does to the relay, and asks of it.
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

TEST_CASE("SIGTERM under load loses nothing that was accepted", "[scenario][OPS-02][SMTP-31]") {
  World world({.top = {{"drain", "\"5s\""}}});
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  std::mutex lock;
  std::vector<std::string> accepted;
  std::vector<std::thread> clients;
  for (int n = 0; n < 6; ++n) {
    clients.emplace_back([&, n] {
      for (int i = 0; i < 200; ++i) {
        const std::string recipient = "u" + std::to_string(n) + "-" + std::to_string(i) + "@good.test";
        try {
          const auto outcome = world.relay.mail(recipient);
          if (outcome.reply().kind() == 2) {
            const std::lock_guard hold(lock);
            accepted.push_back(recipient);
          }
        } catch (const std::exception&) {
          return;  // the relay has gone
        }
      }
    });
  }
  until(
      world,
      [&] {
        const std::lock_guard hold(lock);
        return accepted.size() > 20;
      },
      "20 accepted messages");
  CHECK(world.relay.stop() == 0);
  for (auto& client : clients) client.join();
  for (const auto& recipient : accepted) {
    INFO(recipient);
    CHECK(world.lab.arrived(recipient).size() == 1);
  }
  CHECK(good.mx.size() == 1);
}

TEST_CASE("check prints the plan and its exit status is the verdict", "[scenario][OPS-16]") {
  World world({}, false);
  world.lab.domain("good.test", {.sts = "enforce"});
  world.lab.domain("outside.test", {.sts = "enforce", .patterns = {"other.test"}});
  auto& stripped = world.lab.domain("stripped.test", {.sts = "enforce"});
  stripped.mx[0]->starttls(Starttls::stripped);
  world.lab.dns().set("null.test", "MX", {"0 ."});

  struct Case {
    std::vector<std::string> arguments;
    int status;
    std::string words;
  };
  const std::vector<Case> cases{
      {{"check", "good.test"}, 0, "Mail for good.test goes over verified TLS to mx1.good.test, or waits."},
      {{"check", "good.test", "--connect"}, 0, "TLSv1.3"},
      {{"check", "someone@good.test"}, 0, "mx1.good.test"},
      {{"check", "outside.test"}, 1, "mx1.outside.test"},
      {{"check", "stripped.test", "--connect"}, 1, "STARTTLS"},
      {{"check", "null.test"}, 2, "null MX"},
      {{"check", "nowhere.test"}, 2, "nowhere.test"},
  };
  for (const auto& one : cases) {
    INFO(one.arguments[1]);
    const auto finished = world.relay.cli(one.arguments);
    CHECK(finished.status == one.status);
    CHECK(finished.out.find(one.words) != std::string::npos);
  }
  const auto json = world.relay.cli({"check", "outside.test", "--json"});
  CHECK(json.status == 1);
  for (const char* field :
       {"\"domain\"", "\"policy\"", "\"need\"", "\"attempts\"", "\"left_out\"", "\"verdict\":\"defer\"", "\"reason\""})
    CHECK(json.out.find(field) != std::string::npos);
  CHECK(stripped.mx[0]->mails().empty());
}
