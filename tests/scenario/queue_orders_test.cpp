// What waits, looked at and ordered about: beside the running relay, while none runs, and after kill -9.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/scenario/support/queue_world.hpp"

using namespace scenario;
namespace json = boost::json;

namespace {

lab::Finished run(const World& world, std::vector<std::string> arguments, int status) {
  arguments.insert(arguments.begin(), "queue");
  const auto finished = world.relay.cli(arguments);
  INFO(arguments[1] << ": " << finished.out << finished.err);
  CHECK(finished.status == status);
  return finished;
}

/// A relay that tries again after an hour, and a domain that cannot be served for now.
struct Waiting : QueueWorld {
  lab::Domain& later;
  Waiting() : QueueWorld({.retry = "1h"}), later(lab.domain("later.test", {.sts = "enforce"})) {
    later.mx[0]->starttls(lab::Starttls::stripped);
  }
  json::array list(std::vector<std::string> filter = {}) const {
    filter.insert(filter.begin(), {"list", "--json"});
    return json::parse(run(*this, filter, 0).out).as_array();
  }
  std::string id_of(const std::string& recipient) const {
    const auto listed = list({"--recipient", recipient});
    REQUIRE(listed.size() == 1);
    return std::string(listed[0].as_object().at("id").as_string());
  }
  /// What the relay says of one, once it has been tried and is at rest.
  std::string waits(const std::string& recipient) {
    take({recipient});
    return id_of(recipient);
  }
  json::object told(const std::vector<std::string>& arguments, int status) const {
    auto all = arguments;
    all.push_back("--json");
    auto object = json::parse(run(*this, all, status).out).as_object();
    CHECK(object.at("exit").to_number<int>() == status);
    return object;
  }
};

}  // namespace

TEST_CASE("what waits is listed and shown beside the relay and without it and after kill -9",
          "[scenario][SMTP-29][SMTP-31]") {
  Waiting world;
  CHECK(holds(run(world, {"list"}, 0).out, "the queue is empty"));
  world.take({"b@later.test", "c@later.test"}, "RET=HDRS ENVID=QQ314159", {}, "a@sender.test",
             lab::letter("hello", "about tomorrow"));
  const auto id = world.id_of("b@later.test");
  const auto look = [&] {
    const auto listed = world.list();
    REQUIRE(listed.size() == 1);
    const auto& one = listed[0].as_object();
    CHECK(one.at("id") == json::value(id));
    CHECK(one.at("sender") == json::value("a@sender.test"));
    CHECK(one.at("held") == json::value(false));
    REQUIRE(one.at("recipients").as_array().size() == 2);
    const auto& recipient = one.at("recipients").as_array()[0].as_object();
    CHECK(recipient.at("state") == json::value("waiting"));
    CHECK(recipient.at("attempts").to_number<int>() == 1);
    CHECK(holds(std::string(recipient.at("reason").as_string()), "later.test demands verified TLS"));
    const auto plain = run(world, {"list"}, 0).out;
    CHECK(holds(plain, id + "  "));
    CHECK(holds(plain, "<c@later.test>  waiting"));
    CHECK(holds(plain, "1 message for 2 recipients"));
    const auto shown = json::parse(run(world, {"show", id, "--json"}, 0).out).as_object();
    CHECK(shown.at("client") == json::value("127.0.0.1"));
    CHECK(shown.at("ret") == json::value("HDRS"));
    CHECK(shown.at("envid") == json::value("QQ314159"));
    CHECK(shown.at("header").as_object().at("Subject") == json::value("about tomorrow"));
    CHECK(holds(run(world, {"show", id}, 0).out, "about tomorrow"));
  };
  look();
  world.relay.stop();
  look();
  world.relay.start();
  world.relay.kill();
  look();
  run(world, {"show", "nothing"}, 1);
  CHECK(world.list({"--domain", "other.test"}).empty());
  world.relay.start();
  look();
}

TEST_CASE("a removed message never goes out and a held one only after its release", "[scenario][SMTP-29]") {
  Waiting world;
  const auto held = world.waits("held@later.test"), gone = world.waits("gone@later.test"),
             free = world.waits("free@later.test");
  CHECK(holds(run(world, {"hold", held}, 0).out, "1 message held"));
  CHECK(holds(run(world, {"remove", gone}, 0).out, "1 message removed"));
  CHECK(holds(run(world, {"remove", gone}, 1).err, "not in the queue"));
  world.later.mx[0]->starttls(lab::Starttls::good);
  CHECK(holds(run(world, {"retry", held}, 1).err, "held"));
  run(world, {"retry", "--all"}, 0);
  world.arrival("free@later.test");
  CHECK(world.list()[0].as_object().at("held") == json::value(true));
  run(world, {"release", held}, 0);
  run(world, {"retry", held}, 0);
  world.arrival("held@later.test");
  world.drained();
  CHECK(world.lab.arrived("gone@later.test").empty());
  CHECK(world.reports().empty());
  CHECK(world.relay.log_lines({{"event", "removed"}, {"id", gone}}).size() == 1);
  CHECK_FALSE(free.empty());
}

TEST_CASE("a retry tries hosts that are blocked for what they failed at", "[scenario][SMTP-29][SMTP-67]") {
  Waiting world;
  world.waits("b@later.test");
  world.waits("c@later.test");
  world.later.mx[0]->starttls(lab::Starttls::good);
  const auto told = world.told({"retry", "--domain", "later.test"}, 0);
  CHECK(told.at("done").as_array().size() == 2);
  world.arrival("b@later.test");
  world.arrival("c@later.test");
}

TEST_CASE("orders are obeyed while no relay runs and hold at its start", "[scenario][SMTP-29][SMTP-31]") {
  Waiting world;
  const auto held = world.waits("held@later.test"), gone = world.waits("gone@later.test");
  world.waits("due@later.test");
  world.relay.kill();
  CHECK(world.told({"hold", held}, 0).at("done").as_array() == json::array{json::value(held)});
  CHECK(world.told({"remove", gone, "nothing"}, 1).at("failed").as_array().size() == 1);
  CHECK(holds(run(world, {"retry", "--recipient", "due@later.test"}, 0).out, "as soon as a relay starts"));
  world.later.mx[0]->starttls(lab::Starttls::good);
  world.relay.start();
  world.arrival("due@later.test");
  until(
      world, [&] { return world.list().size() == 1; }, "the queue without it");
  world.relay.stop();
  run(world, {"release", "--all"}, 0);
  run(world, {"retry", "--all"}, 0);
  world.relay.start();
  world.arrival("held@later.test");
  world.drained();
  CHECK(world.lab.arrived("gone@later.test").empty());
}

TEST_CASE("a message that is being tried is not removed", "[scenario][SMTP-29][SMTP-31]") {
  Waiting world;
  const auto id = world.waits("b@later.test");
  world.later.mx[0]->starttls(lab::Starttls::good);
  world.later.mx[0]->on("DOT", std::string(lab::answer::hang));
  run(world, {"retry", id}, 0);
  until(
      world, [&] { return !world.lab.seen().empty(); }, "the message at the host");
  CHECK(holds(run(world, {"remove", id}, 1).err, "being tried right now"));
  CHECK(holds(run(world, {"hold", id}, 0).out, "may still deliver"));
  world.later.mx[0]->as_usual();
  world.later.mx[0]->cut();
}

TEST_CASE("many messages are ordered about in several requests", "[scenario][SMTP-29]") {
  Waiting world;
  auto client = world.relay.client();
  constexpr std::size_t count = 450;
  for (std::size_t i = 0; i < count; ++i) client.send("a@sender.test", {"b@later.test"}, lab::letter());
  client.quit();
  CHECK(world.told({"hold", "--all"}, 0).at("done").as_array().size() == count);
  world.relay.stop();
  CHECK(world.told({"release", "--all"}, 0).at("done").as_array().size() == count);
  world.relay.start();
  CHECK(world.told({"remove", "--sender", "a@sender.test"}, 0).at("done").as_array().size() == count);
  CHECK(world.list().empty());
  world.told({"remove", "--all"}, 1);
}

TEST_CASE("an order that names nothing or is asked of a strange state directory says so",
          "[scenario][SMTP-29][OPS-11]") {
  Waiting world;
  const auto id = world.waits("b@later.test");
  run(world, {"remove"}, 3);
  run(world, {"remove", id, "--all"}, 3);
  run(world, {"hold", id, "--domain", "later.test"}, 3);
  run(world, {"hold", "--domain", "other.test"}, 1);
  run(world, {"hold", std::string(9000, 'x')}, 1);
  world.relay.stop();
  const auto state = world.relay.directory() + "/state";
  const int lock = ::open((state + "/sts-relay.lock").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(lock >= 0);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  CHECK(world.told({"hold", id}, 4).at("failed").as_array().size() == 1);
  CHECK(world.list().size() == 1);
  ::close(lock);
  std::filesystem::remove(state + "/queue.db");
  CHECK(world.list().empty());
  run(world, {"hold", id}, 1);
  CHECK_FALSE(std::filesystem::exists(state + "/queue.db"));
  world.relay.start();
}
