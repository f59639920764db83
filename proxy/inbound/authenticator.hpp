// Checks the passwords of clients, off the threads of the sessions: a hash is made to cost. One for the process. Delays
// and limits failures by client; never says, in words or in time, whether a user exists.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/smtp/auth_exchange.hpp"
#include "proxy/config/users.hpp"
#include "proxy/inbound/failure_limit.hpp"
#include "proxy/runtime/spawn.hpp"

namespace proxy {

/// The users of a listener: read at start and at each reload.
class ServedUsers {
 public:
  explicit ServedUsers(std::shared_ptr<const Users> users) : users_(std::move(users)) {}
  std::shared_ptr<const Users> get() const { return users_.load(); }
  void set(std::shared_ptr<const Users> users) { users_.store(std::move(users)); }

 private:
  std::atomic<std::shared_ptr<const Users>> users_;
};

class Authenticator {
 public:
  enum class Verdict {
    accepted,
    wrong,     ///< no such user, or another password
    too_many,  ///< not checked: the client has failed too often
    busy,      ///< not checked: too many wait
  };

  /// Wipes the password. Of a wrong one the answer waits, on the caller's executor. Any thread.
  awaitable<Verdict> check(std::shared_ptr<const Users> users, std::string client, smtp::Credentials credentials);
  /// No answer waits any more: the process is to end.
  void stop() { stopped_ = true; }
  /// Waits for the last check. The io_contexts of all callers must still exist, here and for as long as one is asked.
  void join() { pool_.join(); }

 private:
  awaitable<bool> is_right(std::shared_ptr<const Users> users, smtp::Credentials credentials);

  std::atomic<unsigned> waiting_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  FailureLimit failures_;  // below the mutex
  boost::asio::thread_pool pool_{1};
};

}  // namespace proxy
