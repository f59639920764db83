// Messages handed to the sender under test, some at a time, each on a connection of its own, on threads of their own.
// Never waits for what becomes of a message.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/lab/smtp_client.hpp"

namespace lab::judge {

struct Letter {
  std::string sender, recipient, body;
  bool unstuffed = false;
};

/// The final reply, or why there was none (code 0).
using Handed = std::function<void(const Reply&)>;

class HandOver {
 public:
  HandOver(std::string address, std::uint16_t port, int at_once);
  ~HandOver();  ///< waits for those that are under way; forgets the others
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  /// `done` is called on another thread, once.
  void send(Letter letter, Handed done);
  /// Whether anybody answers there: "" or why not.
  std::string greeting() const;

 private:
  void work();
  Reply deliver(const Letter& letter) const;

  const std::string address_;
  const std::uint16_t port_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<std::pair<Letter, Handed>> letters_;  ///< below mutex_
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lab::judge
