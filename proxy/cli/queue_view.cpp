// Rows, lines, words. Everything is ASCII by then, so that octets are columns.
#include "proxy/cli/queue_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy {

namespace {

namespace json = boost::json;

constexpr std::size_t address_limit = 320, reason_limit = 500, header_limit = 400;
constexpr std::size_t age_width = 4, size_width = 6, id_width = 16, next_width = 6;
constexpr std::size_t before_path = age_width + 1 + size_width + 2 + id_width + 2;
constexpr std::size_t wide = 120;  // from here on the reason stands in the same line
constexpr std::size_t path_width_when_wide = 46;

std::string left(std::string text, std::size_t width) {
  if (text.size() > width) return base::printable(text, width);
  text.resize(width, ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  if (text.size() >= width) return base::printable(text, width);
  return std::string(width - text.size(), ' ') + text;
}

std::string painted(const Screen& screen, const char* code, const std::string& text) {
  return screen.colour ? std::string("\x1b[") + code + 'm' + text + "\x1b[0m" : text;
}

std::string in_brackets(const std::string& address) {
  return '<' + base::printable(address, address_limit) + '>';
}

std::size_t path_width(const Screen& screen) {
  if (screen.width >= wide) return path_width_when_wide;
  const auto taken = before_path + 2 + next_width;
  return screen.width > taken ? screen.width - taken : 0;
}

/// Sender and recipient share what room there is; neither takes more than half while the other needs it.
std::string path_words(const QueuedMessage& message, std::size_t width) {
  const auto& address = message.mail.reverse_path.address;
  auto sender = message.mail.reverse_path.null() ? "<>" : base::printable(address, address_limit);
  auto recipient = message.recipients.empty()
                       ? std::string()
                       : base::printable(message.recipients.front().rcpt.forward_path.address, address_limit);
  const std::string arrow = " -> ";
  const auto more = message.recipients.size() > 1 ? " +" + std::to_string(message.recipients.size() - 1) : "";
  const auto besides = arrow.size() + more.size();
  if (sender.size() + recipient.size() + besides > width && width > besides) {
    const auto room = width - besides;
    const auto rest = room > recipient.size() ? room - recipient.size() : 0;
    sender = base::printable(sender, std::max(room / 2, rest));
    recipient = base::printable(recipient, room - std::min(room, sender.size()));
  }
  return sender + arrow + recipient + more;
}

std::string next_words(const QueuedMessage& message, QueueTime now) {
  if (message.held) return "held";
  if (message.recipients.empty()) return "";
  const auto next = message.recipients.front().next_attempt;
  return next <= now ? "due" : "in " + span_words(next - now);
}

std::string reason_words(const QueuedRecipient& recipient, std::size_t limit) {
  return recipient.reason.empty() ? base::printable("not tried yet", limit) : base::printable(recipient.reason, limit);
}

const char* state_of(const QueuedMessage& message) {
  return message.held ? "held" : "waiting";
}

std::string_view words(smtp::Return ret) {
  return ret == smtp::Return::full ? "FULL" : ret == smtp::Return::headers ? "HDRS" : "";
}

}  // namespace

std::string span_words(std::chrono::system_clock::duration span) {
  const auto seconds = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(span).count(), 0);
  if (seconds < 60) return std::to_string(seconds) + 's';
  if (seconds < 60 * 60) return std::to_string(seconds / 60) + 'm';
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + 'h';
  return std::to_string(seconds / 86400) + 'd';
}

std::string size_words(std::uint64_t octets) {
  if (octets < 1024) return std::to_string(octets);
  double value = static_cast<double>(octets);
  const char* unit = "KMGTPE";
  for (value /= 1024; value >= 1023.5 && unit[1] != '\0'; value /= 1024) ++unit;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f%c" : "%.0f%c", value, *unit);
  return text.data();
}

std::string table_head(const Screen& screen) {
  auto line = right("AGE", age_width) + ' ' + right("SIZE", size_width) + "  " + left("ID", id_width) + "  " +
              left("SENDER -> RECIPIENT", path_width(screen)) + "  NEXT  ";
  if (screen.width >= wide) line += "  REASON";
  line.resize(std::min(line.find_last_not_of(' ') + 1, screen.width));
  return painted(screen, "1", line) + '\n';
}

std::string table_rows(const Screen& screen, const QueuedMessage& message, QueueTime now) {
  const auto path = path_width(screen);
  auto line = right(span_words(now - message.received), age_width) + ' ' + right(size_words(message.size), size_width) +
              "  " + left(base::printable(message.id, id_width), id_width) + "  " +
              left(path_words(message, path), path) + "  ";
  const auto next = left(next_words(message, now), next_width);
  if (line.size() + next_width > screen.width) {
    line += next;
    line.resize(screen.width);
  } else {
    line += message.held ? painted(screen, "33", next) : next;
  }
  std::string reason;
  if (!message.recipients.empty()) {
    const auto indent = screen.width >= wide ? before_path + path + 2 + next_width + 2 : age_width + 1 + size_width + 2;
    const auto room = screen.width > indent ? screen.width - indent : 0;
    reason = (screen.width >= wide ? std::string("  ") : '\n' + std::string(std::min(indent, screen.width), ' ')) +
             painted(screen, "2", reason_words(message.recipients.front(), room));
  }
  return line + reason + '\n';
}

std::string plain_lines(const QueuedMessage& message) {
  std::string text;
  for (const auto& recipient : message.recipients) {
    text += base::printable(message.id, 100) + "  " + base::rfc3339(message.received) + "  " +
            std::to_string(message.size) + "  " + in_brackets(message.mail.reverse_path.address) + "  " +
            in_brackets(recipient.rcpt.forward_path.address) + "  " + state_of(message) + "  attempts " +
            std::to_string(recipient.attempts) + "  next " + base::rfc3339(recipient.next_attempt) + "  " +
            reason_words(recipient, reason_limit) + '\n';
  }
  return text;
}

void QueueTotals::add(const QueuedMessage& message) {
  ++messages;
  held += message.held ? 1 : 0;
  recipients += message.recipients.size();
  octets += message.size;
  if (!oldest || message.received < *oldest) oldest = message.received;
}

std::string words(const QueueTotals& totals, bool filtered, QueueTime now) {
  if (totals.messages == 0) return filtered ? "nothing in the queue matches" : "the queue is empty";
  return std::to_string(totals.messages) + (totals.messages == 1 ? " message" : " messages") +
         (totals.held > 0 ? " (" + std::to_string(totals.held) + " held)" : "") + " for " +
         std::to_string(totals.recipients) + (totals.recipients == 1 ? " recipient, " : " recipients, ") +
         size_words(totals.octets) + (totals.octets < 1024 ? " octets" : "") + ", the oldest " +
         span_words(now - *totals.oldest) + " old";
}

json::object json_of(const QueuedMessage& message) {
  json::array recipients;
  for (const auto& recipient : message.recipients) {
    recipients.push_back(json::object{
        {"address", base::printable(recipient.rcpt.forward_path.address, address_limit)},
        {"state", state_of(message)},
        {"attempts", recipient.attempts},
        {"next_attempt", base::rfc3339(recipient.next_attempt)},
        {"reason", recipient.reason.empty() ? json::value(nullptr)
                                            : json::value(base::printable(recipient.reason, reason_limit))}});
  }
  return {{"id", base::printable(message.id, 100)},
          {"sender", base::printable(message.mail.reverse_path.address, address_limit)},
          {"size", message.size},
          {"received", base::rfc3339(message.received)},
          {"expires", base::rfc3339(message.expires)},
          {"held", message.held},
          {"recipients", std::move(recipients)}};
}

HeaderLines header_lines(std::string_view wire) {
  static constexpr std::string_view names[] = {"From", "To", "Subject", "Date", "Message-ID"};
  std::array<std::optional<std::string>, std::size(names)> found;
  std::optional<std::string>* open = nullptr;  // the field that a folded line continues
  while (!wire.empty()) {
    const auto end = wire.find('\n');
    auto line = wire.substr(0, end);
    wire.remove_prefix(end == wire.npos ? wire.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t') {
      if (open != nullptr && (*open)->size() <= header_limit) **open += ' ' + std::string(base::trim(line));
      continue;
    }
    open = nullptr;
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    const auto name = base::trim(line.substr(0, colon));
    for (std::size_t i = 0; i < std::size(names); ++i) {
      // The first one is what a reader's program shows, too.
      if (found[i] || !base::equals_ignoring_case(name, names[i])) continue;
      found[i] = std::string(base::trim(line.substr(colon + 1)));
      open = &found[i];
    }
  }
  HeaderLines lines;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (found[i]) lines.emplace_back(names[i], base::printable(*found[i], header_limit));
  }
  return lines;
}

std::string whole(const QueuedMessage& message, const HeaderLines& header, QueueTime now) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += left(std::string(name), 15) + ' ' + value + '\n';
  };
  const auto until = [&](QueueTime at) {
    return base::rfc3339(at) + (at <= now ? " (due)" : " (in " + span_words(at - now) + ')');
  };
  line("id", base::printable(message.id, 100));
  line("sender", in_brackets(message.mail.reverse_path.address));
  line("size", std::to_string(message.size) + " octets");
  line("received", base::rfc3339(message.received) + " (" + span_words(now - message.received) + " ago)");
  line("expires", until(message.expires));
  line("held", message.held ? "yes" : "no");
  line("client", base::printable(message.client, 100));
  line("requiretls", message.mail.requiretls ? "yes" : "no");
  line("tls_required_no", message.tls_required_no ? "yes" : "no");
  line("ret", std::string(words(message.mail.ret)));
  line("envid", base::printable(message.mail.envid, 100));
  for (const auto& [name, value] : header) line(name, value);
  for (const auto& recipient : message.recipients) {
    text += '\n';
    line("recipient", in_brackets(recipient.rcpt.forward_path.address));
    line("state", state_of(message));
    line("attempts", std::to_string(recipient.attempts));
    line("next_attempt", until(recipient.next_attempt));
    line("reason", reason_words(recipient, reason_limit));
  }
  return text;
}

json::object whole_json(const QueuedMessage& message, const HeaderLines& header) {
  auto object = json_of(message);
  const auto text_or_null = [](std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(base::printable(text, 100));
  };
  object["client"] = text_or_null(message.client);
  object["requiretls"] = message.mail.requiretls;
  object["tls_required_no"] = message.tls_required_no;
  object["ret"] = text_or_null(words(message.mail.ret));
  object["envid"] = text_or_null(message.mail.envid);
  json::object lines;
  for (const auto& [name, value] : header) lines[name] = value;
  object["header"] = std::move(lines);
  return object;
}

}  // namespace proxy
