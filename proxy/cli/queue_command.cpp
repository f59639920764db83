// The options, the screen, and the loop over what is listed.
#include "proxy/cli/queue_command.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "protocol/base/text.hpp"
#include "proxy/cli/queue_order_command.hpp"
#include "proxy/cli/queue_view.hpp"
#include "proxy/runtime/log.hpp"
#include "proxy/store/queue_table.hpp"

namespace proxy {

namespace {

constexpr int not_there = 1, command_error = 3;
constexpr std::size_t header_at_most = 65536;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Of the terminal that reads standard output; nullopt: nobody does but a program.
std::optional<Screen> screen() {
  if (::isatty(STDOUT_FILENO) == 0) return std::nullopt;
  Screen found;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) found.width = size.ws_col;
  if (const auto columns = base::decimal(environment("COLUMNS"), 4); columns > 0)
    found.width = static_cast<std::size_t>(columns);
  found.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  return found;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int guarded(const std::function<int()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "sts-relay: %s\n", base::printable(error.what(), 300).c_str());
    return command_error;
  }
}

int list_as_json(const Config& config, const QueueFilter& filter) {
  bool first = true;
  print("[");
  each_queued(config.state_dir, filter, [&](const QueuedMessage& message) {
    print((first ? "" : ",\n") + boost::json::serialize(json_of(message)));
    first = false;
    return true;
  });
  print("]\n");
  return 0;
}

int list(const Config& config, const QueueFilter& filter) {
  const auto terminal = screen();
  const auto now = std::chrono::system_clock::now();
  QueueTotals totals;
  each_queued(config.state_dir, filter, [&](QueuedMessage message) {
    if (terminal) {
      if (totals.messages == 0) print(table_head(*terminal));
      // The table has room for one of them: one that was asked for.
      std::stable_partition(message.recipients.begin(), message.recipients.end(),
                            [&](const auto& recipient) { return matches(filter, recipient); });
      print(table_rows(*terminal, message, now));
    } else {
      print(plain_lines(message));
    }
    totals.add(message);
    return true;
  });
  print(words(totals, !filter.empty(), now) + '\n');
  return 0;
}

int show(const Config& config, const std::string& id, bool json) {
  std::optional<QueuedMessage> message;
  HeaderLines header;
  if (is_queue_database(queue_file(config.state_dir))) {
    QueueReader reader(config.state_dir);
    if (const auto number = reader.number_of(id)) message = reader.load(*number, "");
    // What no client was promised yet is none of the queue's.
    if (message && !message->accepted) message.reset();
    if (message) {
      const auto octets = reader.octets(*message);
      std::string begin(header_at_most, '\0');
      begin.resize(octets ? octets->read(0, begin) : 0);
      header = header_lines(begin);
    }
  }
  if (!message) {
    std::fprintf(stderr, "sts-relay: %s is not in the queue\n", base::printable(id, 100).c_str());
    return not_there;
  }
  if (json) {
    print(boost::json::serialize(whole_json(*message, header)) + '\n');
  } else {
    print(whole(*message, header, std::chrono::system_clock::now()));
  }
  return 0;
}

/// What the options of all subcommands are written to.
struct Options {
  QueueSelection selection;
  std::string id;
  bool json = false;
};

void add_filter(CLI::App* command, QueueFilter& filter) {
  command->add_option("--sender", filter.sender, "from this sender; <> for reports; @DOMAIN for all of a domain");
  command->add_option("--recipient", filter.recipient, "to this recipient");
  command->add_option("--domain", filter.domain, "to a recipient of this domain");
}

}  // namespace

void add_queue_command(CLI::App& app, const CommandLine& line) {
  auto* queue = app.add_subcommand("queue", "the messages that wait");
  queue->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* words, const char* json_words) {
    auto* command = queue->add_subcommand(name, words);
    command->add_option("--config", line.file, "configuration file")->capture_default_str();
    command->add_flag("--json", options->json, json_words);
    return command;
  };

  auto* list_command = add("list", "those that wait, and why", "a JSON array");
  add_filter(list_command, options->selection.filter);
  list_command->callback([line, options] {
    const auto config = line.settings();
    if (!config) return;
    const auto& filter = options->selection.filter;
    line.result = guarded([&] { return options->json ? list_as_json(*config, filter) : list(*config, filter); });
  });

  auto* show_command = add("show", "all about one of them", "a JSON object");
  show_command->add_option("id", options->id)->required();
  show_command->callback([line, options] {
    if (const auto config = line.settings())
      line.result = guarded([&] { return show(*config, options->id, options->json); });
  });

  const std::pair<Queue::Order, std::pair<const char*, const char*>> orders[] = {
      {Queue::Order::retry, {"retry", "try them again now, and forget what their hosts have failed at"}},
      {Queue::Order::remove, {"remove", "take them away; nobody is told"}},
      {Queue::Order::hold, {"hold", "keep them, and do not try them"}},
      {Queue::Order::release, {"release", "end a hold"}}};
  for (const auto& [order, names] : orders) {
    auto* command = add(names.first, names.second, "a JSON object");
    auto* ids = command->add_option("id", options->selection.ids, "as `queue list` shows them");
    add_filter(command, options->selection.filter);
    command->add_flag("--all", options->selection.all, "every message")->excludes(ids);
    command->callback([line, options, ordered = order] {
      const auto& selection = options->selection;
      if (!selection.all && selection.ids.empty() && selection.filter.empty())
        throw CLI::RequiredError("ids, --sender, --recipient, --domain, or --all");
      if (!selection.filter.empty() && (selection.all || !selection.ids.empty()))
        throw CLI::ExcludesError("--sender, --recipient and --domain", "ids and --all");
      const auto config = line.settings();
      if (!config) return;
      log::configure(false, log::Level::error);
      line.result = run_queue_order(*config, ordered, selection, options->json);
    });
  }
}

}  // namespace proxy
