// Idle connections of one worker, by bucket. What it gives out was alive and silent a moment ago; whether it may carry
// a message is admit's to say. Idle 10 s, age 300 s, 100 messages (DESIGN, Sharing connections).
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/outbound/connection.hpp"

namespace proxy {

class Pool {
 public:
  explicit Pool(const Executor& executor);
  ~Pool();

  /// The most recently used idle connection of the bucket, or null.
  std::unique_ptr<Connection> take(const Bucket& bucket);
  /// Keeps a connection whose last transaction ended cleanly; ends it with QUIT when it is too old, too used or not
  /// silent.
  void keep(std::unique_ptr<Connection> connection);
  /// RSET first, then keep: for a transaction that was begun and not finished.
  void reset_and_keep(std::unique_ptr<Connection> connection);
  /// QUIT in the background.
  void end(std::unique_ptr<Connection> connection);
  /// Every idle connection of the bucket ends: one of them has shown that the host drops them.
  void drop(const Bucket& bucket);
  /// Closes one idle connection to the host: someone waits for a slot.
  void shed(const std::string& host);
  /// Ends all with QUIT; nothing is kept from now on.
  awaitable<void> shut_down();

 private:
  awaitable<void> sweep();
  awaitable<void> reset(std::unique_ptr<Connection> connection);
  awaitable<void> quit(std::unique_ptr<Connection> connection);

  Executor executor_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
  unsigned quitting_ = 0;
  std::unordered_map<std::string, std::vector<std::unique_ptr<Connection>>> idle_;  // most recently used last
};

}  // namespace proxy
