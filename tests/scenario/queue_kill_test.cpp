// kill -9, or a power cut, at every point where the queue touches the disk, one point after the other: what a client
// was promised arrives or its report does, nothing comes that nobody sent, and nothing comes twice but where a final
// reply was lost.
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "tests/scenario/support/queue_world.hpp"

using namespace scenario;

namespace {

std::string letter_of(std::size_t octets) {
  std::string text;
  while (text.size() < octets) text += std::string(70, 'x') + "\r\n";
  return lab::letter(text);
}

struct Workload {
  std::string body = letter_of(4000);
  std::string after = {};         // what the host says once it has healed; empty: 250
  bool other_domain_too = false;  // which takes its mail at once
  std::string stage = "RCPT";     // where the host says 451 until then
};

enum class Harm {
  kill,       // what was written stays
  power_cut,  // what was not synced is gone, or a part of it
};

class KillWorld {
 public:
  KillWorld(Workload workload, Harm harm)
      : workload_(std::move(workload)),
        harm_(harm),
        relay_(lab_, STS_RELAY_KILL_PROGRAM, settings()),
        grey_(lab_.domain("grey.test")),
        good_(lab_.domain("good.test")) {
    lab_.domain("sender.test");
    relay_.start();  // makes the files
    relay_.stop();
  }

  /// False: the workload was through before the relay came to the point.
  bool kill_at(int point) {
    const auto name = "n" + std::to_string(point);
    sender_ = name + "@sender.test";
    recipient_ = name + "@grey.test";
    other_ = name + "@good.test";
    INFO("point " << point);
    CAPTURE(workload_.after, workload_.other_domain_too, workload_.stage);
    grey_.mx[0]->as_usual();
    grey_.mx[0]->on(workload_.stage, std::string("451 4.2.1 not now"));
    const bool promised = first_life(point);
    bool killed = killed_at_start_ || relay_.crash() == "signal 9";
    if (!killed) {
      REQUIRE(relay_.crash() == "");
      const int status = relay_.stop();  // which closes the files
      killed = status == -SIGKILL;
      if (!killed) REQUIRE(status == 0);
    }
    const Arrived before = arrived();
    if (killed) {
      heal();
      relay_.start();
      retry();
      wait(promised);
      REQUIRE(relay_.stop() == 0);
    }
    if (!promised) settled_ += 1;
    judge(promised, killed, before);
    return killed;
  }

  int unpromised() const { return settled_; }

 private:
  struct Arrived {
    std::size_t recipient, other, reports;
  };

  static lab::RelayOptions settings() {
    QueueOptions options;
    options.retry = "1h";
    options.relay.top.emplace("drain", "\"2s\"");
    options.relay.top.emplace("workers", "1");
    return queue_settings(options);
  }

  /// Until the relay is killed or everything is done. Whether the client was promised the message.
  bool first_life(int point) {
    ::setenv("STS_RELAY_KILL_AT", std::to_string(point).c_str(), 1);
    if (harm_ == Harm::power_cut) ::setenv("STS_RELAY_LOSE", std::to_string(point).c_str(), 1);
    bool promised = false;
    killed_at_start_ = false;
    try {
      relay_.start();
    } catch (const std::exception&) {
      killed_at_start_ = true;  // what the next start finds must do
    }
    ::unsetenv("STS_RELAY_KILL_AT");
    ::unsetenv("STS_RELAY_LOSE");
    if (killed_at_start_) return false;
    try {
      auto client = relay_.client();
      std::vector<std::string> recipients{recipient_};
      if (workload_.other_domain_too) recipients.push_back(other_);
      const auto replies = client.send(sender_, recipients, workload_.body);
      promised = true;
      for (const auto& [recipient, reply] : replies) promised = promised && reply.code == 250;
      client.quit();
    } catch (const std::exception&) {
      // It was killed, and the client got no reply.
    }
    if (!promised || relay_.crash() != "") {
      lab_.watch().until([&] { return relay_.crash() != ""; }, std::chrono::seconds(20));
      return promised;
    }
    heal();
    retry();
    wait(true);
    return true;
  }

  void heal() {
    grey_.mx[0]->as_usual();
    if (!workload_.after.empty()) grey_.mx[0]->on("RCPT", workload_.after);
  }
  void retry() {
    try {
      relay_.cli({"queue", "retry", "--all"});
    } catch (const std::exception&) {
      // It was killed meanwhile.
    }
  }
  bool is_done() {
    const auto now = arrived();
    const bool served = workload_.after.empty() ? now.recipient > 0 : now.reports > 0;
    return served && queue_is_empty();
  }
  /// Each that was queued here has left the queue: counted by the log, for the command would cost a process each time.
  bool queue_is_empty() const {
    std::size_t there = 0;
    for (const auto& line : relay_.log_lines({{"event", "queue"}})) there += std::stoul(line["messages"]);
    there += relay_.log_lines({{"event", "queued"}}).size() + relay_.log_lines({{"event", "report"}}).size();
    return relay_.log_lines({{"event", "dequeued"}}).size() + relay_.log_lines({{"event", "given_up"}}).size() >= there;
  }
  void wait(bool promised) {
    const bool ended = lab_.watch().until(
        [&] { return relay_.crash() != "" || (promised ? is_done() : queue_is_empty()); }, std::chrono::seconds(60));
    INFO(report());
    REQUIRE(ended);
  }

  Arrived arrived() const {
    return {lab_.arrived(recipient_).size(), lab_.arrived(other_).size(), lab_.arrived(sender_).size()};
  }

  void judge(bool promised, bool killed, const Arrived& before) {
    const Arrived all = arrived();
    INFO(report());
    // Only what a host took in the first life may come once more, and only once.
    REQUIRE(before.recipient <= 1);
    REQUIRE(before.reports <= 1);
    REQUIRE(all.recipient - before.recipient <= 1);
    REQUIRE(all.reports - before.reports <= 1);
    REQUIRE(all.other <= 1);
    if (!killed) REQUIRE(all.recipient + all.reports == 1);
    if (promised && workload_.after.empty()) REQUIRE(all.recipient >= 1);
    if (promised && !workload_.after.empty()) REQUIRE(all.reports >= 1);
    if (promised && workload_.other_domain_too) REQUIRE(all.other == 1);
    if (workload_.after.empty()) REQUIRE(all.reports == 0);
    if (!workload_.after.empty()) REQUIRE(all.recipient == 0);
    for (const auto& message : lab_.arrived(recipient_)) REQUIRE(message.body->ends_with(workload_.body));
    // Of a point before this one nothing may be left over, but for the report on a message that nobody was promised.
    std::size_t since = 0;
    for (const auto& message : lab_.inbox()) {
      for (const auto& to : message.recipients) since += to == sender_ || to == recipient_ || to == other_;
    }
    const auto total = lab_.inbox().size();
    if (workload_.after.empty()) REQUIRE(total == seen_ + messages_of(all, since));
    seen_ = total;
  }
  /// One transaction may carry several of them; here none does.
  static std::size_t messages_of(const Arrived& all, std::size_t recipients) {
    REQUIRE(recipients == all.recipient + all.other + all.reports);
    return recipients;
  }

  std::string report() const {
    std::string text;
    for (const auto& line : relay_.log()) text += line.text + "\n";
    for (const auto& line : lab_.story()) text += line + "\n";
    return text.size() > 6000 ? text.substr(text.size() - 6000) : text;
  }

  const Workload workload_;
  const Harm harm_;
  lab::Laboratory lab_;
  lab::RelayProcess relay_;
  lab::Domain& grey_;
  lab::Domain& good_;
  std::string sender_, recipient_, other_;
  std::size_t seen_ = 0;
  int settled_ = 0;
  bool killed_at_start_ = false;
};

/// Points from one to the next in a run of all tests; STS_RELAY_KILL_STEP=1 takes every one, which takes many minutes.
int step() {
  const char* given = std::getenv("STS_RELAY_KILL_STEP");
  return given != nullptr ? std::max(1, std::atoi(given)) : 5;
}

/// From `first` on, until the workload is through.
void kill_at_each(const Workload& workload, int first, Harm harm = Harm::kill) {
  KillWorld world(workload, harm);
  int kills = 0;
  const int by = step();
  for (int point = std::min(first, by); world.kill_at(point); point += by) ++kills;
  WARN(kills << (harm == Harm::kill ? " kills, " : " power cuts, ") << world.unpromised()
             << " of them before the client had its reply");
  CHECK(kills >= 30 / by);
}

}  // namespace

TEST_CASE("killed at any point while a message is queued and goes out later", "[scenario][SMTP-31][SMTP-40]") {
  kill_at_each({}, 1);
}

TEST_CASE("killed at any point with a message that lies in a file", "[scenario][SMTP-31][SMTP-40]") {
  Workload large;
  large.body = letter_of(200000);
  kill_at_each(large, 2);
}

TEST_CASE("killed at any point with one domain served and one that waits", "[scenario][SMTP-31][SMTP-40][Q-3]") {
  Workload two;
  two.other_domain_too = true;
  kill_at_each(two, 3);
}

TEST_CASE("killed at any point while a report takes the place of a message", "[scenario][SMTP-31][SMTP-28]") {
  Workload refused;
  refused.after = "550 5.1.1 nobody of that name";
  kill_at_each(refused, 4);
}

TEST_CASE("killed at any point when the host says no at the end of the message", "[scenario][SMTP-31][SMTP-40]") {
  Workload late;
  late.stage = "DOT";
  kill_at_each(late, 5);
}

TEST_CASE("power lost at any point while a message is queued and goes out later", "[scenario][SMTP-31][SMTP-40]") {
  kill_at_each({}, 3, Harm::power_cut);
}

TEST_CASE("power lost at any point with a message that lies in a file", "[scenario][SMTP-31][SMTP-40]") {
  Workload large;
  large.body = letter_of(200000);
  kill_at_each(large, 4, Harm::power_cut);
}

TEST_CASE("power lost at any point with one domain served and one that waits", "[scenario][SMTP-31][SMTP-40][Q-3]") {
  Workload two;
  two.other_domain_too = true;
  kill_at_each(two, 1, Harm::power_cut);
}

TEST_CASE("power lost at any point while a report takes the place of a message", "[scenario][SMTP-31][SMTP-28]") {
  Workload refused;
  refused.after = "550 5.1.1 nobody of that name";
  kill_at_each(refused, 2, Harm::power_cut);
}
