// `sts-relay queue retry|remove|hold|release`: through the running relay, or where none runs on the database, under the
// lock of the state directory and by the same code.
#pragma once

#include <string>
#include <vector>

#include "proxy/cli/queue_selection.hpp"
#include "proxy/config/config.hpp"
#include "proxy/queue/queue.hpp"

namespace proxy {

/// One of the three.
struct QueueSelection {
  std::vector<std::string> ids;
  QueueFilter filter;
  bool all = false;
};

/// Prints what was done. The exit status: 0 done, 1 nothing matched or some could not be done, 3 error, 4 another
/// process has the state directory and no socket answers.
int run_queue_order(const Config& config, Queue::Order order, const QueueSelection& selection, bool as_json);

}  // namespace proxy
