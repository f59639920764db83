// The log lines of a test, instead of standard error. One at a time: the log has one sink.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/runtime/log.hpp"

namespace test {

class CapturedLog {
 public:
  CapturedLog() {
    const std::lock_guard hold(lock());
    lines().clear();
    proxy::log::capture([](std::string_view line) {
      const std::lock_guard held(lock());
      lines().emplace_back(line);
    });
  }
  ~CapturedLog() { proxy::log::capture(nullptr); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  long count(const std::string& event) const {
    const std::lock_guard hold(lock());
    return std::count_if(lines().begin(), lines().end(), [&](const auto& line) { return is(line, event); });
  }
  /// The first line of the event, or nothing.
  std::string find(const std::string& event) const {
    const std::lock_guard hold(lock());
    const auto found = std::find_if(lines().begin(), lines().end(), [&](const auto& line) { return is(line, event); });
    return found == lines().end() ? std::string() : *found;
  }

 private:
  static bool is(const std::string& line, const std::string& event) {
    return (line + ' ').find("event=" + event + ' ') != std::string::npos;
  }
  static std::mutex& lock() {
    static std::mutex mutex;
    return mutex;
  }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
};

}  // namespace test
