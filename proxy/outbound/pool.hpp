// Idle connections of one worker, by bucket. What it gives out was alive and silent a moment ago; whether it may carry
// a message is admit's to say. Idle 10 s, age 300 s, 100 messages (DESIGN, Sharing connections).
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/outbound/connection.hpp"

namespace proxy {

/// A transaction whose client says nothing: it holds a connection that others may want. Unlinks itself at its end.
class Resting {
 public:
  Resting(const Resting&) = delete;
  Resting& operator=(const Resting&) = delete;

 protected:
  Resting() = default;
  ~Resting() { wake(); }
  void wake();
  /// Someone waits for a slot: the connection goes to the pool's end(); it is made anew when the client goes on.
  virtual void yield() = 0;

 private:
  friend class Pool;
  const std::string* host_ = nullptr;  // null: it does not rest
  std::chrono::steady_clock::time_point since_{};
  Resting* previous_ = nullptr;
  Resting* next_ = nullptr;
};

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
  /// Whoever rests may lose its connection after five seconds; `host` must last as long as it does.
  void rest(Resting& resting, const std::string& host);
  /// Someone waits for a slot: ends one connection to the host, an idle one, else that of whoever rests longest.
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
  struct Root final : Resting {
    void yield() override {}
  };
  Root resting_;  // a ring; next_ is the one that has rested longest
};

}  // namespace proxy
