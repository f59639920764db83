// The log: one event a line on standard error, key=value or JSON. Every value goes through one quoting function, so
// that nothing a peer says can make a second field or a second line (STS-50). Fields keep the order in which they are
// added. Thread-safe. A line is one write(2), so that lines of several threads and processes never mix. Never throws
// for what the reader of the log does, never waits for it longer than a moment, never ends the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxy::log {

enum class Level { debug, info, warn, error };

/// Sets format and threshold for the process; before the first event, or at a reload. Also makes standard error safe to
/// write to: SIGPIPE is ignored, and where descriptor 2 is closed it becomes /dev/null, so that no socket ever gets
/// that number.
void configure(bool json, Level threshold);
bool enabled(Level level);

/// One event. Written when the object ends:  log::Event(Level::info, "delivery").add("id", id).add("code", 250);
/// Names and keys are literals of ours; values may be anybody's.
class Event {
 public:
  Event(Level level, std::string_view name);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  Event& add(std::string_view key, std::string_view value);
  Event& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  Event& add(std::string_view key, std::int64_t value);
  Event& add(std::string_view key, std::uint64_t value);
  Event& add(std::string_view key, int value) { return add(key, static_cast<std::int64_t>(value)); }
  Event& add(std::string_view key, unsigned value) { return add(key, static_cast<std::int64_t>(value)); }
  Event& add(std::string_view key, bool value);

 private:
  void begin_field(std::string_view key);

  bool on_;
  bool json_ = false;
  std::string line_;
};

/// A value as a text line shows it: bare when it is made of harmless printable ASCII, else in double quotes with \"
/// \\ \xNN.
std::string quoted(std::string_view value);

/// Tests and the demo: lines go here instead of standard error; nullptr ends it.
void capture(void (*sink)(std::string_view line));

}  // namespace proxy::log
