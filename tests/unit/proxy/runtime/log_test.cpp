// Log lines: one event, one line, whatever the values hold.
#include "proxy/runtime/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

using namespace proxy;
using log::Event;
using log::Level;

namespace {

std::mutex mutex;
std::vector<std::string> lines;

/// Lines are kept for the test; the log is as it was afterwards.
class Captured {
 public:
  explicit Captured(bool json = false, Level threshold = Level::debug) {
    lines.clear();
    log::configure(json, threshold);
    log::capture([](std::string_view line) {
      const std::lock_guard guard(mutex);
      lines.emplace_back(line);
    });
  }
  ~Captured() {
    log::capture(nullptr);
    log::configure(false, Level::info);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
};

std::string all_octets() {
  std::string text;
  for (int octet = 0; octet < 256; ++octet) text += static_cast<char>(octet);
  return text;
}

}  // namespace

TEST_CASE("a text line has time and level and the fields in their order", "[OPS-05]") {
  const Captured captured;
  Event(Level::info, "listening").add("listener", 0).add("address", "127.0.0.1:43211");
  Event(Level::warn, "delivery")
      .add("reason", "not now, says \"mx\"")
      .add("code", 451U)
      .add("tls", true)
      .add("none", "");
  REQUIRE(lines.size() == 2);
  const std::regex time(R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )");
  CHECK(std::regex_search(lines[0], time));
  CHECK(lines[0].substr(25) == "info event=listening listener=0 address=127.0.0.1:43211");
  CHECK(lines[1].substr(25) == R"(warn event=delivery reason="not now, says \"mx\"" code=451 tls=yes none="")");
}

TEST_CASE("no value makes a second field or a second line of a text log", "[STS-50][OPS-05]") {
  struct Case {
    std::string value, shown;
  };
  const Case cases[] = {
      {"plain-value:25", "plain-value:25"},
      {"two words", "\"two words\""},
      {"", "\"\""},
      {"a=b", "\"a=b\""},
      {"x\r\n2026-01-01T00:00:00.000Z info event=delivery",
       R"("x\x0d\x0a2026-01-01T00:00:00.000Z info event=delivery")"},
      {"\x1b[2Jred", R"("\x1b[2Jred")"},
      {"quote\" result=delivered", R"("quote\" result=delivered")"},
      {"end\\", R"("end\\")"},
      {"caf\xe9", R"("caf\xe9")"},
      {std::string("nul\0", 4), R"("nul\x00")"},
      {"\x7f", R"("\x7f")"},
      {"<script>", "<script>"},
  };
  for (const auto& [value, shown] : cases) {
    CHECK(log::quoted(value) == shown);
  }
  const auto quoted = log::quoted(all_octets());
  CHECK(std::all_of(quoted.begin(), quoted.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
}

TEST_CASE("a JSON line is one object with numbers as numbers", "[OPS-05]") {
  const Captured captured(true);
  Event(Level::error, "delivery")
      .add("code", -451)
      .add("size", std::numeric_limits<std::uint64_t>::max())
      .add("tls", false)
      .add("to", "b@x.test");
  REQUIRE(lines.size() == 1);
  const auto object = boost::json::parse(lines[0]).as_object();
  CHECK(object.at("level").as_string() == "error");
  CHECK(object.at("event").as_string() == "delivery");
  CHECK(object.at("time").as_string().size() == 24);
  CHECK(object.at("code").as_int64() == -451);
  CHECK(object.at("size").as_uint64() == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(object.at("tls").as_bool());
  CHECK(object.at("to").as_string() == "b@x.test");
}

TEST_CASE("JSON values of any octets stay one line of valid JSON", "[STS-50][OPS-05]") {
  const Captured captured(true);
  const std::string values[] = {
      all_octets(),
      "\x1b[2J\r\n\"}",
      "b\xc3\xbc"
      "cher",
      "\xe2\x82",
      "\xed\xa0\x80",
      "\xf0\x9f\x98\x80",
      "\xc2\x9b"
      "31m",
      "\xc0\xaf",
      "\xf4\x90\x80\x80",
  };
  for (const auto& value : values) Event(Level::info, "x").add("value", value);
  REQUIRE(lines.size() == std::size(values));
  const auto shown = [&](std::size_t i) {
    return std::string(boost::json::parse(lines[i]).as_object().at("value").as_string());
  };
  for (const auto& line : lines) {
    CHECK(std::none_of(line.begin(), line.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
  }
  CHECK(shown(0).find("\\xff") != std::string::npos);
  CHECK(shown(1) == values[1]);
  CHECK(shown(2) == values[2]);
  CHECK(shown(3) == "\\xe2\\x82");
  CHECK(shown(4) == "\\xed\\xa0\\x80");
  CHECK(shown(5) == values[5]);
  CHECK(lines[6].find("\\u009b") != std::string::npos);
  CHECK(shown(7) == "\\xc0\\xaf");
  CHECK(shown(8) == "\\xf4\\x90\\x80\\x80");
}

TEST_CASE("events below the threshold are not written", "[OPS-05]") {
  const Captured captured(false, Level::warn);
  CHECK_FALSE(log::enabled(Level::info));
  CHECK(log::enabled(Level::error));
  Event(Level::debug, "a").add("x", 1);
  Event(Level::info, "b").add("x", "y").add("z", true);
  Event(Level::warn, "c");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with("warn event=c"));
}

TEST_CASE("lines of several threads do not mix and a reader that is gone ends nothing", "[OPS-05][tsan]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  log::configure(false, Level::info);
  std::string read;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) read.append(buffer, static_cast<std::size_t>(n));
  });
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([writer] {
      for (int i = 0; i < 200; ++i)
        Event(Level::info, "line").add("writer", writer).add("text", std::string(200, static_cast<char>('a' + writer)));
    });
  }
  for (auto& writer : writers) writer.join();
  ::dup2(saved, STDERR_FILENO);
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);

  const std::regex whole(R"(\S+ info event=line writer=(\d) text=([a-d])\2{199})");
  std::map<char, int> count;
  std::istringstream stream(read);
  for (std::string line; std::getline(stream, line);) {
    std::smatch match;
    REQUIRE(std::regex_match(line, match, whole));
    ++count[line[line.find("writer=") + 7]];
  }
  CHECK(count == std::map<char, int>{{'0', 200}, {'1', 200}, {'2', 200}, {'3', 200}});

  // The reader is gone: EPIPE; then a full pipe that does not block: the line is lost, nothing else.
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  ::dup2(ends[1], STDERR_FILENO);
  Event(Level::info, "nobody").add("reads", "this");
  ::close(ends[1]);
  REQUIRE(::pipe(ends) == 0);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  ::dup2(ends[1], STDERR_FILENO);
  for (std::string filler(4096, 'x'); ::write(STDERR_FILENO, filler.data(), filler.size()) > 0;) {
  }
  Event(Level::info, "nobody").add("reads", "this");
  ::dup2(saved, STDERR_FILENO);
  ::close(ends[0]);
  ::close(ends[1]);
  ::close(saved);
  SUCCEED();
}
