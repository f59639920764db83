// Configuration, start, log and end of the relay under test.
#include "tests/lab/relay_process.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "protocol/base/text.hpp"

namespace lab {
namespace {

constexpr auto start_limit = std::chrono::seconds(30);
constexpr auto stop_limit = std::chrono::seconds(40);
constexpr auto tool_limit = std::chrono::seconds(30);

std::string table(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += name + " = " + value + "\n";
  return text;
}

Settings over(Settings settings, const Settings& others) {
  for (const auto& [name, value] : others) settings[name] = value;
  return settings;
}

}  // namespace

std::string toml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string_view words(Fate fate) {
  switch (fate) {
    case Fate::delivered: return "delivered";
    case Fate::deferred: return "deferred";
    case Fate::refused: return "refused";
    case Fate::accepted: return "accepted";
    case Fate::nonsense: break;
  }
  return "neither delivered nor deferred nor refused";
}

const Reply& Outcome::reply(const std::string& recipient) const {
  for (const auto& [name, reply] : replies)
    if (name == recipient) return reply;
  throw std::logic_error("no recipient " + recipient);
}

std::string words(const Outcome& outcome) {
  std::string text;
  for (const auto& [recipient, reply] : outcome.replies)
    text += (text.empty() ? "" : ", ") + recipient + ": " + std::string(words(outcome.fates.at(recipient))) + " (" +
            words(reply) + ")";
  return text;
}

RelayProcess::RelayProcess(Laboratory& laboratory, const std::string& program, RelayOptions options)
    : laboratory_(laboratory), program_(std::filesystem::absolute(program).string()), options_(std::move(options)) {
  if (::access(program_.c_str(), X_OK) != 0)
    throw std::runtime_error("no relay to test: there is no program " + program_);
  std::filesystem::path folder;
  for (int number = 0; folder.empty() || std::filesystem::exists(folder); ++number)
    folder = std::filesystem::path(laboratory_.directory()) / ("relay" + std::to_string(number));
  std::filesystem::create_directory(folder);
  directory_ = folder.string();
  file_ = directory_ + "/relay.toml";
  write_configuration();
}

RelayProcess::~RelayProcess() {
  kill();
}

void RelayProcess::write_configuration() {
  const RelayOptions& o = options_;
  std::string text = table(over({{"hostname", "\"relay.test\""}, {"state_dir", "\"state\""}}, o.top));
  const Settings listener{{"address", "\"127.0.0.1:0\""},
                          {"allow", "[\"127.0.0.0/8\"]"},
                          {"on_defer", toml(o.on_defer)},
                          {"bare_newline", toml(o.bare_newline)}};
  text += "\n[[listener]]\n" + table(over(listener, o.listener));
  for (const auto& more : o.more_listeners) text += "\n[[listener]]\n" + table(over(listener, more));

  Settings sts{{"fetch_timeout", toml(o.fetch_timeout)},
               {"retry_after", toml(o.retry_after)},
               {"refresh_every", toml(o.refresh_every)}};
  if (!o.lookup_grace.empty()) sts["lookup_grace"] = toml(o.lookup_grace);
  std::map<std::string, Settings> tables{
      {"dns", {{"servers", "[" + toml(laboratory_.dns_server()) + "]"}, {"dnssec", toml(o.dnssec)}}},
      {"tls", {{"trust_anchors", toml(o.trust_anchors.empty() ? laboratory_.trust_anchors() : o.trust_anchors)}}},
      {"mta_sts", std::move(sts)},
      {"delivery", {{"security", toml(o.security)}}},
      {"lab",
       {{"smtp_port", std::to_string(laboratory_.smtp_port())},
        {"https_port", std::to_string(laboratory_.https_port())},
        {"allow_loopback", "true"}}}};
  for (const auto& [name, settings] : o.tables) tables[name] = over(tables[name], settings);
  for (const auto& [name, settings] : tables) text += "\n[" + name + "]\n" + table(settings);
  for (const auto& destination : o.destinations) text += "\n[[destination]]\n" + table(destination);
  std::ofstream(file_) << text;
}

std::string RelayProcess::configuration() const {
  std::ostringstream text;
  text << std::ifstream(file_).rdbuf();
  return text.str();
}

std::vector<std::string> RelayProcess::command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program_);
  arguments.insert(arguments.end(), {"--config", file_});
  // The relay serves as root only when told so; containers that build and test are often root.
  if (arguments[1] == "serve" && ::geteuid() == 0) arguments.emplace_back("--allow-root");
  return arguments;
}

void RelayProcess::start() {
  kill();
  {
    auto guard = laboratory_.watch().lock();
    log_.clear();
    ports_.clear();
    ready_ = log_ended_ = false;
  }
  ended_by_us_ = false;
  process_ = std::make_unique<ChildProcess>(command({"serve"}), directory_);
  reader_ = std::thread([this, descriptor = process_->errors()] { read_log(descriptor); });
  bool ready = false;
  laboratory_.watch().until(
      [&] {
        auto guard = laboratory_.watch().lock();
        ready = ready_ && ports_.contains(0);
        return ready || log_ended_;
      },
      start_limit);
  if (ready) return;
  const auto status = process_->wait(std::chrono::seconds(1));
  const std::string how = status ? "ended with status " + std::to_string(*status) : "does not listen";
  kill();
  throw std::runtime_error("the relay " + how + ": " + last_words());
}

void RelayProcess::read_log(int descriptor) {
  std::string text;
  char data[8192];
  for (;;) {
    const auto got = ::read(descriptor, data, sizeof data);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(data, static_cast<std::size_t>(got));
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      LogLine line = parse_log_line(text.substr(0, end));
      text.erase(0, end + 1);
      auto guard = laboratory_.watch().lock();
      if (line["event"] == "ready") ready_ = true;
      if (line["event"] == "listening" && !line["listener"].empty()) {
        const std::string address = line["address"];
        const auto number = static_cast<std::size_t>(std::max(0LL, base::decimal(line["listener"])));
        ports_[number] =
            static_cast<std::uint16_t>(std::max(0LL, base::decimal(address.substr(address.rfind(':') + 1))));
      }
      log_.push_back(std::move(line));
    }
    laboratory_.watch().changed();
  }
  {
    auto guard = laboratory_.watch().lock();
    if (!text.empty()) log_.push_back(parse_log_line(text));
    log_ended_ = true;
  }
  laboratory_.watch().changed();
}

int RelayProcess::stop() {
  if (!process_) throw std::logic_error("the relay was not started");
  ended_by_us_ = true;
  process_->signal(SIGTERM);
  const auto status = process_->wait(stop_limit);
  if (!status) {
    kill();
    throw std::runtime_error("SIGTERM does not end the relay; its last words: " + last_words());
  }
  kill();
  return *status;
}

void RelayProcess::kill() {
  if (process_) {
    if (!process_->ended()) ended_by_us_ = true;
    process_->signal(SIGKILL);
    process_->wait(stop_limit);
  }
  if (reader_.joinable()) reader_.join();
  process_.reset();
}

void RelayProcess::reload() {
  process_->signal(SIGHUP);
}

std::string RelayProcess::crash() {
  const auto status = process_ ? process_->ended() : std::nullopt;
  if (!status || ended_by_us_) return "";
  return *status < 0 ? "signal " + std::to_string(-*status) : "status " + std::to_string(*status);
}

std::uint16_t RelayProcess::port(std::size_t listener) const {
  auto guard = laboratory_.watch().lock();
  return ports_.at(listener);
}

int RelayProcess::process_id() const {
  return process_ ? process_->id() : -1;
}

SmtpClient RelayProcess::client(bool lmtp, SmtpClient::Options options) {
  SmtpClient client("127.0.0.1", port(), std::move(options));
  const Reply reply = client.ehlo("client.sender.test", lmtp ? "LHLO" : "EHLO");
  if (reply.code != 250)
    throw std::runtime_error("the relay does not greet: " + words(reply) + " (" + words(client.greeting()) + ")");
  return client;
}

Outcome RelayProcess::mail(const std::vector<std::string>& recipients, std::string_view body, const std::string& sender,
                           const std::string& parameters) {
  SmtpClient connection = client();
  Replies replies = connection.send(sender, recipients, body, parameters);
  connection.quit();
  return outcome(std::move(replies));
}

Outcome RelayProcess::lmtp(const std::vector<std::string>& recipients, std::string_view body,
                           const std::string& sender) {
  SmtpClient connection = client(true);
  Replies replies = connection.send_lmtp(sender, recipients, body);
  connection.quit();
  return outcome(std::move(replies));
}

Outcome RelayProcess::outcome(Replies replies) const {
  Outcome result{std::move(replies), {}};
  for (const auto& [recipient, reply] : result.replies) {
    Fate fate = Fate::nonsense;
    if (reply.kind() == 2) fate = options_.on_defer == "reply" ? Fate::delivered : Fate::accepted;
    if (reply.kind() == 4) fate = Fate::deferred;
    if (reply.kind() == 5) fate = Fate::refused;
    result.fates[recipient] = fate;
  }
  return result;
}

Finished RelayProcess::cli(std::vector<std::string> arguments) const {
  return run_program(command(std::move(arguments)), directory_, tool_limit);
}

std::vector<LogLine> RelayProcess::log() const {
  auto guard = laboratory_.watch().lock();
  return log_;
}

std::vector<LogLine> RelayProcess::log_lines(const std::map<std::string, std::string>& fields) const {
  std::vector<LogLine> found;
  for (auto& line : log()) {
    bool fits = true;
    for (const auto& [name, value] : fields) fits = fits && line[name] == value;
    if (fits) found.push_back(std::move(line));
  }
  return found;
}

std::string RelayProcess::last_words() const {
  std::string text;
  const auto lines = log();
  for (std::size_t i = lines.size() > 5 ? lines.size() - 5 : 0; i < lines.size(); ++i)
    text += (text.empty() ? "" : " | ") + lines[i].text;
  return text;
}

}  // namespace lab
