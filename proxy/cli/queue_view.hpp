// Messages of the queue as people and programs read them: values and the time in, text out. Whatever a client or a host
// has said goes through base::printable first: nothing here can move a cursor, end a line or forge one.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/store/queue_store.hpp"

namespace proxy {

/// What is listed goes to a terminal.
struct Screen {
  std::size_t width = 80;
  bool colour = false;
};

/// 42s, 59m, 47h, 5d. Never negative.
std::string span_words(std::chrono::system_clock::duration span);
/// 812, 1.2K, 50M, with 1024.
std::string size_words(std::uint64_t octets);

// ---- the table of a terminal: no line is longer than its width
std::string table_head(const Screen& screen);
/// One message, with its first recipient. On a narrow screen the reason has a line of its own.
std::string table_rows(const Screen& screen, const QueuedMessage& message, QueueTime now);

/// For a pipe: a whole line for each recipient.
std::string plain_lines(const QueuedMessage& message);

/// The end of a list.
struct QueueTotals {
  std::uint64_t messages = 0, held = 0, recipients = 0, octets = 0;
  std::optional<QueueTime> oldest{};
  void add(const QueuedMessage& message);
};
/// `filtered`: only part of the queue was looked for.
std::string words(const QueueTotals& totals, bool filtered, QueueTime now);

boost::json::object json_of(const QueuedMessage& message);

/// From, To, Subject, Date and Message-ID, as far as they are there: name as written here, value unfolded and harmless.
using HeaderLines = std::vector<std::pair<std::string_view, std::string>>;
/// Of a message in wire form, or its first part.
HeaderLines header_lines(std::string_view wire);

// ---- `show`
std::string whole(const QueuedMessage& message, const HeaderLines& header, QueueTime now);
boost::json::object whole_json(const QueuedMessage& message, const HeaderLines& header);

}  // namespace proxy
