// From a selection to ids, and from ids to orders, some hundred at a time.
#include "proxy/cli/queue_order_command.hpp"

#include <cstdio>
#include <memory>

#include "protocol/base/text.hpp"
#include "proxy/admin/control_socket.hpp"
#include "proxy/admin/queue_orders.hpp"
#include "proxy/store/sqlite_queue_store.hpp"
#include "proxy/store/state_directory.hpp"

namespace proxy {

namespace {

namespace json = boost::json;

constexpr int nothing_or_not_all = 1, command_error = 3, in_use = 4;
constexpr std::size_t batch_ids = 200, batch_octets = 6000;  // a request is one line of at most 8192 octets
constexpr std::size_t longest_id = 64;
constexpr std::size_t failures_shown = 20;
constexpr std::chrono::seconds patience(60);

/// The queue of a relay that does not run.
class Alone {
 public:
  explicit Alone(const Config& config)
      : state_(StateDirectory::open(config.state_dir)),
        config_(std::make_shared<const Config>(config)),
        store_(config.state_dir),
        queue_({.control = context_.get_executor(),
                .store = store_,
                .config = [this] { return config_; },
                .on_worker = {},  // nothing is tried here
                .directory = config.state_dir}),
        orders_({.queue = queue_, .forgive = {}}) {}

  json::object run(json::object request) {
    std::exception_ptr failure;
    std::optional<json::object> answer;
    boost::asio::co_spawn(context_, orders_.run(std::move(request)), [&](std::exception_ptr error, json::object made) {
      failure = std::move(error);
      answer = std::move(made);
    });
    context_.restart();
    while (!answer && context_.run_one() > 0) {
    }
    if (failure) std::rethrow_exception(failure);
    if (!answer) throw std::runtime_error("nothing came of it");
    return std::move(*answer);
  }

 private:
  StateDirectory state_;
  std::shared_ptr<const Config> config_;
  boost::asio::io_context context_{1};
  SqliteQueueStore store_;
  Queue queue_;
  QueueOrders orders_;
};

class Orders {
 public:
  explicit Orders(const Config& config) : config_(config) {}

  /// Throws StateInUse, and std::runtime_error.
  json::object give(const json::object& request) {
    if (!alone_) {
      auto answer = ask_relay(config_.state_dir, request, patience);
      if (answer && !answer->contains("done"))
        throw std::runtime_error("the running relay: " + std::string(answer->at("words").as_string()));
      if (answer) return std::move(*answer);
      alone_ = std::make_unique<Alone>(config_);
    }
    return alone_->run(request);
  }
  bool through_a_relay() const { return alone_ == nullptr; }

 private:
  const Config& config_;
  std::unique_ptr<Alone> alone_;
};

/// What a filter means by itself: no order for what is as it is to be.
bool is_meant(Queue::Order order, const QueuedMessage& message) {
  switch (order) {
    case Queue::Order::retry:
    case Queue::Order::hold: return !message.held;
    case Queue::Order::release: return message.held;
    case Queue::Order::remove: break;
  }
  return true;
}

std::vector<std::string> ids_of(const Config& config, Queue::Order order, const QueueSelection& selection) {
  if (!selection.ids.empty()) return selection.ids;
  std::vector<std::string> ids;
  each_queued(config.state_dir, selection.filter, [&](const QueuedMessage& message) {
    if (is_meant(order, message)) ids.push_back(message.id);
    return true;
  });
  return ids;
}

struct Report {
  int exit = 0;
  std::string words;
  json::array done, failed, in_work;

  void fail(const std::string& id, const std::string& why) {
    failed.push_back(json::object{{"id", base::printable(id, 100)}, {"why", base::printable(why, 300)}});
  }
  void take(const json::object& answer) {
    const auto add = [&](json::array& to, const char* key) {
      const auto* values = answer.if_contains(key);
      if (values == nullptr || !values->is_array()) return;
      to.insert(to.end(), values->get_array().begin(), values->get_array().end());
    };
    add(done, "done");
    add(failed, "failed");
    add(in_work, "in_work");
  }
};

/// The ids from `begin` that go into one request; where the next begins.
std::size_t batch_from(const std::vector<std::string>& ids, std::size_t begin, json::array& batch) {
  std::size_t octets = 0, at = begin;
  for (; at < ids.size() && batch.size() < batch_ids && octets < batch_octets; ++at) {
    batch.emplace_back(ids[at]);
    octets += ids[at].size() + 3;
  }
  return at;
}

/// Ids that can be none cost no request.
std::vector<std::string> plausible(std::vector<std::string> ids, bool is_queue, Report& report) {
  std::vector<std::string> kept;
  for (auto& id : ids) {
    const bool fits = is_queue && id.size() <= longest_id && base::printable(id) == id;
    if (fits) {
      kept.push_back(std::move(id));
    } else {
      report.fail(id, "it is not in the queue");
    }
  }
  return kept;
}

Report carry_out(const Config& config, Queue::Order order, const QueueSelection& selection) {
  Report report;
  Orders orders(config);
  std::string trouble;
  std::vector<std::string> ids;
  std::size_t at = 0;
  try {
    const bool is_queue = is_queue_database(queue_file(config.state_dir));
    ids = plausible(ids_of(config, order, selection), is_queue, report);
    while (at < ids.size()) {
      json::array batch;
      const auto next = batch_from(ids, at, batch);
      report.take(orders.give({{"command", command_of(order)}, {"ids", std::move(batch)}}));
      at = next;
    }
  } catch (const StateInUse& error) {
    report.exit = in_use;
    trouble = std::string(error.what()) + ", and its control socket does not answer";
  } catch (const std::exception& error) {
    report.exit = command_error;
    trouble = error.what();
  }
  for (; at < ids.size(); ++at) report.fail(ids[at], trouble);
  if (report.exit != 0) {
    report.words = trouble;
    if (!report.done.empty()) report.words += " (" + std::to_string(report.done.size()) + " were done before)";
    return report;
  }
  if (report.done.empty() || !report.failed.empty()) report.exit = nothing_or_not_all;
  report.words =
      report.done.empty() && report.failed.empty()
          ? "nothing in the queue matches"
          : summary(order, report.done.size(), report.in_work.size(), report.failed.size(), orders.through_a_relay());
  return report;
}

}  // namespace

int run_queue_order(const Config& config, Queue::Order order, const QueueSelection& selection, bool as_json) {
  auto report = carry_out(config, order, selection);
  const auto words = base::printable(report.words, 1000);
  if (as_json) {
    json::object object{{"exit", report.exit}, {"words", words}};
    object["done"] = std::move(report.done);
    object["failed"] = std::move(report.failed);
    if (!report.in_work.empty()) object["in_work"] = std::move(report.in_work);
    std::printf("%s\n", json::serialize(object).c_str());
    return report.exit;
  }
  if (report.exit <= nothing_or_not_all) {
    std::size_t shown = 0;
    for (const auto& one : report.failed) {
      if (++shown > failures_shown) break;
      std::fprintf(stderr, "sts-relay: %s: %s\n", one.at("id").as_string().c_str(), one.at("why").as_string().c_str());
    }
    if (report.failed.size() > failures_shown)
      std::fprintf(stderr, "sts-relay: and %zu more\n", report.failed.size() - failures_shown);
  }
  if (report.exit == 0) {
    std::printf("%s\n", words.c_str());
  } else {
    std::fprintf(stderr, "sts-relay: %s\n", words.c_str());
  }
  return report.exit;
}

}  // namespace proxy
