// What an administrator can order for messages of the queue: the same for a running relay and for a command line that
// holds the state directory. Checks the request, has the queue obey, and says what came of it. On the control thread.
//
//   {"command": "queue_retry" | "queue_hold" | "queue_release" | "queue_remove", "ids": [ID, ...]}
//
// The reply has `exit` (0 all done, 1 some not, 3 error), `words`, `done` [ID], `failed` [{id, why}], and for messages
// that are held while an attempt is under way `in_work` [ID].
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/queue/queue.hpp"

namespace proxy {

class QueueOrders {
 public:
  struct Parts {
    Queue& queue;
    std::function<void()> forgive;  ///< before a retry: what hosts have failed at is forgotten; empty: no relay runs
  };
  /// The parts must outlive it.
  explicit QueueOrders(Parts parts) : parts_(std::move(parts)) {}

  static bool knows(std::string_view command);
  awaitable<boost::json::object> run(boost::json::object request);

 private:
  Parts parts_;
};

/// `queue_retry` and so on; nullopt: no such order.
std::optional<Queue::Order> order_of(std::string_view command);
std::string_view command_of(Queue::Order order);

/// What came of it all, for people. `at_once`: a relay runs, so that what is tried again is tried now.
std::string summary(Queue::Order order, std::size_t done, std::size_t in_work, std::size_t failed, bool at_once);

}  // namespace proxy
