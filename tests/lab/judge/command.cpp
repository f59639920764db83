// Options of the judge and its servers.
#include "tests/lab/judge/command.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>

#include "protocol/base/text.hpp"
#include "tests/lab/judge/catalogue.hpp"
#include "tests/lab/judge/guide.hpp"
#include "tests/lab/judge/report.hpp"

namespace lab::judge {
namespace {

struct Options {
  std::string config, smtp, wait = "2m", state, json, junit, html, program;
  std::vector<std::string> only, without;
  bool list = false, markdown = false;
};

/// Milliseconds of "500ms", "30s", "5m", "2h". Throws CLI::ValidationError.
std::chrono::milliseconds duration(const std::string& text) {
  for (const auto& [unit, factor] : {std::pair{"ms", 1LL}, {"s", 1000LL}, {"m", 60000LL}, {"h", 3600000LL}}) {
    if (!text.ends_with(unit)) continue;
    const auto number = base::decimal(std::string_view(text).substr(0, text.size() - std::string_view(unit).size()), 6);
    if (number >= 0) return std::chrono::milliseconds(number * factor);
  }
  throw CLI::ValidationError("--wait", text + " is no time, as 30s and 5m are");
}

/// Splits HOST:PORT. Throws CLI::ValidationError.
void endpoint(const std::string& text, RunOptions& options) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos ? -1 : base::decimal(std::string_view(text).substr(colon + 1), 5);
  if (port < 1 || port > 65535) throw CLI::ValidationError("--smtp", text + " is not ADDRESS:PORT");
  options.address = text.substr(0, colon);
  if (options.address.starts_with('[')) options.address = options.address.substr(1, options.address.size() - 2);
  if (options.address == "localhost") options.address = "127.0.0.1";
  options.port = static_cast<std::uint16_t>(port);
}

/// A side's word, or a name with * for anything at its end.
bool fits(const Attack& attack, const std::string& pattern) {
  if (pattern == words(attack.side) || pattern == attack.name) return true;
  return pattern.ends_with('*') && attack.name.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool fits_any(const Attack& attack, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& one) { return fits(attack, one); });
}

void check(const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns)
    if (std::none_of(catalogue().begin(), catalogue().end(), [&](const auto& one) { return fits(one, pattern); }))
      throw CLI::ValidationError("--only", pattern + " fits no attack; see sts-lab judge --list");
}

void write(const std::string& file, const std::string& text) {
  if (file.empty()) return;
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

/// The width of the terminal on standard output; 0: it is none.
std::size_t columns() {
  if (::isatty(STDOUT_FILENO) != 1) return 0;
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Attacks that need a past take longest: how long is said before anybody waits.
void describe_wait(Grounds& grounds, const std::string& wait) {
  const auto& fields = grounds.fields();
  const auto past = std::count_if(fields.begin(), fields.end(), [](const auto& one) { return one.attack.needs_past; });
  std::cout << "messages      one each, " << wait << " at most";
  if (past > 0)
    std::cout << "; " << past << " domains get another one before, in peace, " << wait
              << " at most, and are attacked when it has arrived";
  std::cout << std::endl;
}

int judge_now(const Options& options) {
  if (options.list) {
    options.markdown ? list_as_markdown(std::cout) : list(std::cout);
    return 0;
  }
  if (options.smtp.empty()) throw CLI::RequiredError("--smtp");
  RunOptions how{.wait = duration(options.wait), .state = options.state};
  endpoint(options.smtp, how);
  check(options.only);
  check(options.without);
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  const auto width = columns();
  Reporter reporter(std::cout, width, width > 0 && (no_colour == nullptr || *no_colour == '\0'));

  const About about{.sender = options.smtp, .time = now(), .version = {}};
  Grounds grounds(read_config(options.config), [&](const Attack& attack) {
    return (options.only.empty() || fits_any(attack, options.only)) && !fits_any(attack, options.without);
  });
  grounds.describe(std::cout);
  describe_wait(grounds, options.wait);
  const auto results = run(grounds, how, [&](const Progress& progress) { reporter.tell(progress); });
  reporter.table(results);
  write(options.json, as_json(about, results));
  write(options.junit, as_junit(about, results));
  write(options.html, as_html(about, results));
  return count(results).exit_code();
}

}  // namespace

void add_commands(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<Options>();
  auto* serving = app.add_subcommand("serve", "serve the judge's catalogue: DNS, policy hosts, MX hosts");
  serving->add_option("--config", options->config, "lab.toml: addresses and ports");
  serving->callback(
      [options, &chosen] { chosen = [options] { return serve(read_config(options->config), std::cout); }; });

  auto* judging = app.add_subcommand(
      "judge", "attack the mail sender at --smtp; exit 0 only if nothing leaked, was lost, or was refused wrongly");
  judging->add_option("--smtp", options->smtp, "ADDRESS:PORT of the sender under test");
  judging->add_option("--config", options->config, "lab.toml: addresses and ports of the servers");
  judging->add_option("--wait", options->wait, "how long each message may take")->capture_default_str();
  judging->add_option("--only", options->only, "these alone: control, policy, past, mx, dane, smtp, NAME or NAME*");
  judging->add_option("--without", options->without, "all but these");
  judging->add_option("--state", options->state, "file that an interrupted run goes on from");
  judging->add_option("--json", options->json, "write all as JSON");
  judging->add_option("--junit", options->junit, "write all as JUnit's XML");
  judging->add_option("--html", options->html, "write a report for people: one page, no script, no network");
  judging->add_flag("--list", options->list, "print the catalogue, judge nobody");
  judging->add_flag("--markdown", options->markdown, "with --list: as docs/attacks.md");
  judging->callback([options, &chosen] { chosen = [options] { return judge_now(*options); }; });

  auto* guiding = app.add_subcommand("guide", "how to point a mail sender at the servers");
  guiding->add_option("sender", options->program, "which one")->required()->check(CLI::IsMember(guided()));
  guiding->add_option("--config", options->config, "lab.toml: addresses and ports");
  guiding->callback([options, &chosen] {
    chosen = [options] {
      std::cout << guide(options->program, read_config(options->config));
      return 0;
    };
  });
}

}  // namespace lab::judge
