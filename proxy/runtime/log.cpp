// The log. What it costs is paid by every message: one string, one write, no lock.
#include "proxy/runtime/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy::log {
namespace {

using Sink = void (*)(std::string_view);

std::atomic<bool> as_json{false};
std::atomic<Level> threshold{Level::info};
std::atomic<Sink> captured{nullptr};

constexpr std::size_t usual_line = 512;
constexpr int patience_ms = 100;
constexpr std::string_view hex = "0123456789abcdef";

std::string_view name_of(Level level) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

/// Nothing in it could end a value, begin another, or be obeyed by a terminal.
bool is_bare(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

void append_quoted(std::string& line, std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_bare)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += {'\\', c};
    } else if (base::is_printable(c)) {
      line += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      line += {'\\', 'x', hex[octet >> 4], hex[octet & 15]};
    }
  }
  line += '"';
}

/// How many octets the UTF-8 character at the beginning has (Unicode table 3-7); 0: it is none.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool shortest = first != 0xe0 || second >= 0xa0, surrogate = first == 0xed && second >= 0xa0;
    return follows(1) && follows(2) && shortest && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool in_range = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
    return follows(1) && follows(2) && follows(3) && in_range ? 4 : 0;
  }
  return 0;
}

void append_json(std::string& line, std::string_view value) {
  line += '"';
  while (!value.empty()) {
    const char c = value[0];
    const auto octet = static_cast<unsigned char>(c);
    const auto length = character_length(value);
    if (c == '"' || c == '\\') {
      line += {'\\', c};
    } else if (octet < 0x20 || octet == 0x7f) {
      line += "\\u00";
      line += {hex[octet >> 4], hex[octet & 15]};
    } else if (length == 2 && octet == 0xc2 && static_cast<unsigned char>(value[1]) < 0xa0) {
      // C1 controls: some terminals obey them.
      const auto second = static_cast<unsigned char>(value[1]);
      line += "\\u00";
      line += {hex[second >> 4], hex[second & 15]};
    } else if (length == 0) {
      line += "\\\\x";
      line += {hex[octet >> 4], hex[octet & 15]};
    } else {
      line += value.substr(0, length);
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
  line += '"';
}

template <class T>
void append_number(std::string& line, T value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  line.append(digits.data(), end);
}

/// A line that cannot be written within a moment is lost: mail matters more than its log.
void write_line(std::string_view line) {
  while (!line.empty()) {
    const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written > 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd waits{STDERR_FILENO, POLLOUT, 0};
      if (::poll(&waits, 1, patience_ms) <= 0) return;
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace

void configure(bool json, Level least) {
  std::signal(SIGPIPE, SIG_IGN);
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0 && errno == EBADF) {
    const int null = ::open("/dev/null", O_WRONLY);
    if (null >= 0 && null != STDERR_FILENO) {
      ::dup2(null, STDERR_FILENO);
      ::close(null);
    }
  }
  as_json.store(json, std::memory_order_relaxed);
  threshold.store(least, std::memory_order_relaxed);
}

bool enabled(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

Event::Event(Level level, std::string_view name) : on_(enabled(level)) {
  if (!on_) return;
  json_ = as_json.load(std::memory_order_relaxed);
  line_.reserve(usual_line);
  const auto time = base::rfc3339_milliseconds(std::chrono::system_clock::now());
  if (json_) {
    line_.append("{\"time\":\"").append(time).append("\",\"level\":\"").append(name_of(level)).append("\",\"event\":");
    append_json(line_, name);
  } else {
    line_.append(time).append(" ").append(name_of(level)).append(" event=");
    append_quoted(line_, name);
  }
}

Event::~Event() {
  if (!on_) return;
  if (json_) line_ += '}';
  if (const auto sink = captured.load(std::memory_order_acquire)) {
    sink(line_);
  } else {
    line_ += '\n';
    write_line(line_);
  }
}

void Event::begin_field(std::string_view key) {
  if (json_) {
    line_ += ',';
    append_json(line_, key);
    line_ += ':';
  } else {
    line_.append(" ").append(key).append("=");
  }
}

Event& Event::add(std::string_view key, std::string_view value) {
  if (!on_) return *this;
  begin_field(key);
  json_ ? append_json(line_, value) : append_quoted(line_, value);
  return *this;
}

Event& Event::add(std::string_view key, std::int64_t value) {
  if (!on_) return *this;
  begin_field(key);
  append_number(line_, value);
  return *this;
}

Event& Event::add(std::string_view key, std::uint64_t value) {
  if (!on_) return *this;
  begin_field(key);
  append_number(line_, value);
  return *this;
}

Event& Event::add(std::string_view key, bool value) {
  if (!on_) return *this;
  begin_field(key);
  if (json_) {
    line_ += value ? "true" : "false";
  } else {
    line_ += value ? "yes" : "no";
  }
  return *this;
}

std::string quoted(std::string_view value) {
  std::string text;
  append_quoted(text, value);
  return text;
}

void capture(void (*sink)(std::string_view line)) {
  captured.store(sink, std::memory_order_release);
}

}  // namespace proxy::log
