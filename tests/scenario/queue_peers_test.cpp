// The queue among real programs: a Postfix that greylists, one that tarpits, and an appliance that sends with swaks.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>

#include "tests/lab/server.hpp"
#include "tests/scenario/support/peer.hpp"
#include "tests/scenario/support/queue_world.hpp"

using namespace scenario;

namespace {

/// A Postfix that is the MX host of real.test and throws away what it takes.
struct RealMx {
  OpenDirectory files;
  std::unique_ptr<Postfix> postfix;

  RealMx(QueueWorld& world, std::map<std::string, std::string> settings) {
    auto& domain = world.lab.domain("real.test", {.mx = 0, .sts = "enforce", .patterns = {"mx.real.test"}});
    domain.hosts({"mx.real.test"});
    world.lab.dns().set("mx.real.test", "A", {"127.0.9.1"});
    const auto certificate = world.lab.ca().issue({"mx.real.test"});
    settings["smtpd_tls_chain_files"] = files.write("chain.pem", certificate.key + certificate.chain);
    settings["smtpd_tls_security_level"] = "may";
    settings["relay_domains"] = "real.test";
    settings["relay_transport"] = "discard";
    settings["relay_recipient_maps"] = "";
    postfix = std::make_unique<Postfix>("127.0.9.1", world.lab.smtp_port(), settings);
  }

  std::size_t taken() const {
    const auto log = postfix->log();
    std::size_t count = 0;
    for (auto at = log.find("status=sent"); at != std::string::npos; at = log.find("status=sent", at + 1)) ++count;
    return count;
  }
};

/// A policy server for Postfix (SMTPD_POLICY_README): puts off the first tries of each recipient.
class Greylist {
 public:
  explicit Greylist(int tries)
      : server_("127.0.0.1", 0, [this, tries](lab::Channel& channel) {
          for (;;) {
            while (channel.read_line() != "\n") {
            }
            channel.write(asked_++ < tries ? "action=450 4.2.1 greylisted for a while\n\n" : "action=DUNNO\n\n");
          }
        }) {}
  std::string restriction() const { return "check_policy_service inet:127.0.0.1:" + std::to_string(server_.port()); }
  int asked() const { return asked_; }

 private:
  std::atomic<int> asked_ = 0;
  lab::Server server_;
};

}  // namespace

TEST_CASE("a Postfix that greylists gets the message once by the queue", "[scenario][SMTP-29][SMTP-60]") {
  Greylist greylist(2);
  QueueWorld world;
  const RealMx mx(world, {{"smtpd_recipient_restrictions", greylist.restriction()}});
  const auto outcome = world.take({"b@real.test"});
  CHECK(holds(outcome.reply().text, "greylisted"));
  until(
      world, [&] { return world.queued() == "[]"; }, "an empty queue", std::chrono::seconds(60));
  CHECK(greylist.asked() == 3);
  until(
      world, [&] { return mx.taken() == 1; }, "the message in Postfix's log");
  CHECK(world.reports().empty());
}

TEST_CASE("a Postfix that tarpits holds up neither the client nor the message", "[scenario][SMTP-60]") {
  QueueWorld world({.patience = "500ms"});
  const RealMx mx(world, {{"smtpd_recipient_restrictions", "sleep 3"}});
  const auto outcome = world.take({"b@real.test"});
  CHECK(holds(outcome.reply().text, "queued"));
  until(
      world, [&] { return mx.taken() == 1; }, "the message in Postfix's log", std::chrono::seconds(60));
  world.drained();
  CHECK(mx.taken() == 1);
}

TEST_CASE("an appliance sends to three domains with three outcomes in one transaction",
          "[scenario][SMTP-40][SMTP-28]") {
  REQUIRE(::access("/usr/bin/swaks", X_OK) == 0);
  QueueWorld world;
  auto& one = world.lab.domain("one.test", {.sts = "enforce"});
  auto& two = world.lab.domain("two.test", {.sts = "enforce"});
  auto& three = world.lab.domain("three.test", {.sts = "enforce"});
  two.mx[0]->on("DOT", std::vector<std::string>{"451 4.3.0 later"});
  three.mx[0]->on("DOT", std::string("554 5.6.0 never"));
  const auto sent = lab::run_program(
      {"/usr/bin/swaks", "--server", "127.0.0.1", "--port", std::to_string(world.relay.port()), "--from",
       "a@sender.test", "--to", "b@one.test,b@two.test,b@three.test", "--helo", "scanner.test"},
      world.lab.directory(), std::chrono::seconds(60));
  INFO(sent.out << sent.err);
  CHECK(sent.status == 0);
  CHECK(world.arrival("b@one.test").mx == one.mx[0]);
  CHECK(world.arrival("b@two.test").mx == two.mx[0]);
  const auto report = world.report();
  CHECK(holds(*report.body, "b@three.test"));
  CHECK(holds(*report.body, "554 5.6.0 never"));
  world.drained();
  CHECK(world.lab.arrived("b@three.test").empty());
}
