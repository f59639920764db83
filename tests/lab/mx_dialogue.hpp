// One connection to a rogue MX host: reads commands, answers as the host's face and overrides say, records everything.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/mx_host.hpp"

namespace lab {

class MxDialogue {
 public:
  MxDialogue(MxHost& host, Channel& channel);
  void run();

 private:
  struct Transaction {
    bool open = false;
    std::string mail;  ///< the argument of MAIL
    std::vector<std::string> recipients;
    std::string chunks;  ///< BDAT so far
  };

  /// Answers, or does what the host's override for `stage` says. True after 2xx and 3xx. Throws Gone where the
  /// connection ends.
  bool say(const std::string& stage, std::string text, std::string_view argument = {});
  void converse();
  void obey(const std::string& verb, std::string_view argument);
  void ehlo(const std::string& verb);
  void start_tls();
  void handshake(const MxFace& face);
  void authenticate(const std::string& argument);
  bool offers_chunking();
  void chunk(std::string_view argument);
  std::string body();
  void finish(std::string body);
  /// Changes the record of this session under the lock, and tells who waits.
  template <typename Change>
  void record(Change change) {
    {
      auto guard = host_.watch_.lock();
      change(*session_);
    }
    host_.watch_.changed();
  }

  MxHost& host_;
  Channel& channel_;
  std::shared_ptr<Session> session_;
  Transaction transaction_;
  std::size_t messages_ = 0;
  std::shared_ptr<Message> awaiting_verdict_;  ///< the latest message
};

}  // namespace lab
