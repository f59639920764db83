// A relay that queues, and a home for the reports that its senders get.
#pragma once

#include "tests/scenario/support/judge.hpp"

namespace scenario {

struct QueueOptions {
  std::string patience = "2s", lifetime = "5d", delay_warning = "4h", retry = "1s";
  lab::RelayOptions relay = {};
  bool start = true;
};

inline lab::RelayOptions queue_settings(const QueueOptions& options) {
  auto relay = options.relay;
  relay.on_defer = "queue";
  relay.listener["patience"] = lab::toml(options.patience);
  auto& queue = relay.tables["queue"];
  const auto set = [&](const std::string& name, const std::string& value) { queue.emplace(name, value); };
  set("retry", "[" + lab::toml(options.retry) + "]");
  set("lifetime", lab::toml(options.lifetime));
  set("delay_warning", lab::toml(options.delay_warning));
  return relay;
}

/// Senders are at sender.test, whose host takes everything.
struct QueueWorld : World {
  lab::Domain& home;

  explicit QueueWorld(const QueueOptions& options = {})
      : World(queue_settings(options), options.start), home(lab.domain("sender.test")) {}

  /// One transaction; every recipient must be taken.
  Outcome take(const std::vector<std::string>& recipients, const std::string& parameters = {},
               const std::string& recipient_parameters = {}, const std::string& sender = "a@sender.test",
               const std::string& body = lab::letter()) {
    auto client = relay.client();
    auto outcome = relay.outcome(client.send(sender, recipients, body, parameters, recipient_parameters));
    client.quit();
    for (const auto& [recipient, reply] : outcome.replies)
      expect(*this, reply.code == 250, "250 for " + recipient + ", was " + lab::words(reply));
    return outcome;
  }

  /// Waits for the recipient's message, which must have come once; where it is.
  lab::Message arrival(const std::string& recipient) {
    until(
        *this, [&] { return !lab.arrived(recipient).empty(); }, "arrival of " + recipient, std::chrono::seconds(90));
    const auto all = lab.arrived(recipient);
    expect(*this, all.size() == 1, recipient + " once, was " + std::to_string(all.size()) + " times");
    return all.front();
  }

  std::vector<lab::Message> reports() const {
    std::vector<lab::Message> found;
    for (const auto& message : lab.arrived("a@sender.test")) {
      if (message.sender.empty()) found.push_back(message);
    }
    return found;
  }
  /// Waits for the one report there is to be.
  lab::Message report() {
    until(
        *this, [&] { return !reports().empty(); }, "a report to a@sender.test", std::chrono::seconds(60));
    expect(*this, reports().size() == 1, "one report");
    return reports().front();
  }
  /// Waits until nothing is left in the queue.
  void drained() {
    until(
        *this, [&] { return queued() == "[]"; }, "an empty queue", std::chrono::seconds(60));
  }
  std::string queued() const {
    auto text = relay.cli({"queue", "list", "--json"}).out;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
};

inline bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace scenario
