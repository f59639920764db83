// What an administrator can order at run time: one request, one reply, both JSON objects. The relay runs them for its
// control socket, the command line for itself where no relay runs. On the control thread; answers every request.
//
//   {"command": "refresh", "domain": D} | {"command": "refresh_all"} | {"command": "forget", "domain": D}
//   {"command": "exempt", "domain": D, "seconds": N, "reason": R} | {"command": "end_exemption", "domain": D}
//   those of queue_orders.hpp
//
// A reply has `exit` (0 done, 1 not known or failed, 3 error), `words` for people, and what the request asks for.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proxy/admin/queue_orders.hpp"
#include "proxy/config/config.hpp"
#include "proxy/sts/refresher.hpp"

namespace proxy {

class Administration {
 public:
  struct Parts {
    MtaStsService& service;
    Refresher& refresher;
    ExemptionStore& store;
    std::function<std::shared_ptr<const Config>()> config;
    std::function<void(Exemptions)> put_in_force;  ///< the exemptions that are stored now
    QueueOrders* queue = nullptr;                  ///< null: no queue is at hand
  };
  /// The parts must outlive it.
  explicit Administration(Parts parts) : parts_(std::move(parts)) {}

  awaitable<boost::json::object> run(boost::json::object request);

 private:
  awaitable<boost::json::object> refresh(std::string domain);
  awaitable<boost::json::object> refresh_all();
  awaitable<boost::json::object> forget(std::string domain);
  awaitable<boost::json::object> exempt(Exemption exemption);
  awaitable<boost::json::object> end_exemption(std::string domain);

  Parts parts_;
};

/// As route_for takes them.
Exemptions by_domain(std::vector<Exemption> exemptions);

constexpr std::chrono::hours longest_exemption{90 * 24};

}  // namespace proxy
