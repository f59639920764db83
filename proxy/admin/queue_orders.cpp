// Requests checked, obeyed, and put into words.
#include "proxy/admin/queue_orders.hpp"

#include "protocol/base/text.hpp"

namespace proxy {

namespace {

namespace json = boost::json;

constexpr std::pair<std::string_view, Queue::Order> commands[] = {{"queue_retry", Queue::Order::retry},
                                                                  {"queue_hold", Queue::Order::hold},
                                                                  {"queue_release", Queue::Order::release},
                                                                  {"queue_remove", Queue::Order::remove}};

std::string_view why(Queue::Obeyed how) {
  switch (how) {
    case Queue::Obeyed::done:
    case Queue::Obeyed::done_but_in_work: break;
    case Queue::Obeyed::not_there: return "it is not in the queue";
    case Queue::Obeyed::held: return "it is held; release it first";
    case Queue::Obeyed::in_work:
      return "it is being tried right now and cannot be removed; hold it, and remove it when the attempt has ended";
    case Queue::Obeyed::not_written: return "the database cannot be written";
  }
  return {};
}

std::string messages(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " message" : " messages");
}

json::object fault(std::string words) {
  return {{"exit", 3}, {"words", std::move(words)}, {"done", json::array()}, {"failed", json::array()}};
}

}  // namespace

std::optional<Queue::Order> order_of(std::string_view command) {
  for (const auto& [name, order] : commands) {
    if (name == command) return order;
  }
  return std::nullopt;
}

std::string_view command_of(Queue::Order order) {
  for (const auto& [name, known] : commands) {
    if (known == order) return name;
  }
  return {};
}

std::string summary(Queue::Order order, std::size_t done, std::size_t in_work, std::size_t failed, bool at_once) {
  std::string words;
  switch (order) {
    case Queue::Order::retry:
      words = messages(done) + (at_once ? " tried again from now on" : " due as soon as a relay starts");
      break;
    case Queue::Order::hold: words = messages(done) + " held"; break;
    case Queue::Order::release: words = messages(done) + " released"; break;
    case Queue::Order::remove: words = messages(done) + " removed"; break;
  }
  if (in_work > 0)
    words += ", " + std::to_string(in_work) + " of them while an attempt is under way, which may still deliver it";
  if (failed > 0) words += "; " + std::to_string(failed) + " failed";
  return words;
}

bool QueueOrders::knows(std::string_view command) {
  return order_of(command).has_value();
}

awaitable<json::object> QueueOrders::run(json::object request) {
  const auto* command = request.if_contains("command");
  const auto* listed = request.if_contains("ids");
  std::optional<Queue::Order> order;
  if (command != nullptr && command->is_string()) order = order_of(std::string_view(command->get_string()));
  if (!order) co_return fault("unknown command");
  if (listed == nullptr || !listed->is_array()) co_return fault("`ids` is missing, expected an array");
  std::vector<std::string> ids;
  for (const auto& id : listed->get_array()) {
    if (!id.is_string()) co_return fault("`ids` holds something else than text");
    ids.emplace_back(id.get_string());
  }
  if (*order == Queue::Order::retry && parts_.forgive) parts_.forgive();
  auto results = co_await parts_.queue.obey(*order, std::move(ids));
  json::array done, failed, in_work;
  for (const auto& result : results) {
    if (const auto reason = why(result.how); !reason.empty()) {
      failed.push_back(json::object{{"id", base::printable(result.id, 100)}, {"why", reason}});
      continue;
    }
    done.emplace_back(result.id);
    if (result.how == Queue::Obeyed::done_but_in_work) in_work.emplace_back(result.id);
  }
  log::Event(log::Level::info, "queue_order")
      .add("order", command_of(*order))
      .add("done", static_cast<std::uint64_t>(done.size()))
      .add("failed", static_cast<std::uint64_t>(failed.size()));
  json::object answer{{"exit", failed.empty() && !done.empty() ? 0 : 1},
                      {"words", summary(*order, done.size(), in_work.size(), failed.size(), bool(parts_.forgive))},
                      {"done", std::move(done)},
                      {"failed", std::move(failed)}};
  if (!in_work.empty()) answer["in_work"] = std::move(in_work);
  co_return answer;
}

}  // namespace proxy
