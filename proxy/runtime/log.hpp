// The log: one event a line on standard error, key=value or JSON. Every value goes through one quoting function, so that nothing a
// peer says can make a second field or a second line (STS-50). Fields keep the order in which they are added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxy::log {

enum class Level { debug, info, warn, error };

/// Sets format and threshold for the process; before the first event, or at a reload.
void configure(bool json, Level threshold);
bool enabled(Level level);

/// One event. Written when the object ends:  log::Event(Level::info, "delivery").add("id", id).add("code", 250);
class Event {
 public:
  Event(Level level, std::string_view name);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  Event& add(std::string_view key, std::string_view value);
  Event& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  Event& add(std::string_view key, std::int64_t value);
  Event& add(std::string_view key, std::uint64_t value) { return add(key, static_cast<std::int64_t>(value)); }
  Event& add(std::string_view key, int value) { return add(key, static_cast<std::int64_t>(value)); }
  Event& add(std::string_view key, unsigned value) { return add(key, static_cast<std::int64_t>(value)); }
  Event& add(std::string_view key, bool value) { return add(key, value ? "yes" : "no"); }

 private:
  bool on_;
  std::string line_;
};

/// A value as a text line shows it: bare when it is made of harmless printable ASCII, else in double quotes with \" \\ \xNN.
std::string quoted(std::string_view value);

/// Tests and the demo: lines go here instead of standard error; nullptr ends it.
void capture(void (*sink)(std::string_view line));

}  // namespace proxy::log
