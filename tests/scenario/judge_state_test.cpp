// A judgement that was killed goes on from its state file: what is judged is not sent again, what was met in peace is
// attacked at once, and where all is judged there need not be a sender any more.
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/lab/child_process.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/scenario/support/world.hpp"

namespace {

/// Defers every message; from a certain one on it hangs instead.
class Sink {
 public:
  explicit Sink(std::size_t answers) : answers_(answers), server_("127.0.0.1", 0, [this](auto& c) { serve(c); }) {}

  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  std::vector<std::string> recipients() {
    std::lock_guard guard(mutex_);
    return recipients_;
  }

 private:
  void serve(lab::Channel& channel) {
    channel.write("220 sink\r\n");
    for (std::string recipient;;) {
      const std::string line(channel.read_line());
      if (line.starts_with("RCPT TO:<")) recipient = line.substr(9, line.find('>') - 9);
      if (line.starts_with("DATA")) {
        channel.write("354 go on\r\n");
        while (channel.read_to_crlf() != ".\r\n") {  // no line of the letters that smuggle is taken for the end
        }
        if (!take(recipient)) channel.hang();
        channel.write("451 4.3.0 later\r\n");
      } else {
        channel.write("250 ok\r\n");
      }
      if (line.starts_with("QUIT")) return;
    }
  }

  bool take(const std::string& recipient) {
    std::lock_guard guard(mutex_);
    recipients_.push_back(recipient);
    return recipients_.size() <= answers_;
  }

  const std::size_t answers_;
  std::mutex mutex_;
  std::vector<std::string> recipients_;  ///< below mutex_
  lab::Server server_;                   ///< last: its threads use what is above
};

struct Judge {
  lab::Laboratory folder;  // its directory alone is wanted
  lab::ReservedPort dns, smtp, https;
  const std::string state = folder.directory() + "/state.json", result = folder.directory() + "/result.json";

  Judge() {
    std::ofstream(folder.directory() + "/lab.toml")
        << "dns_port = " << dns.number() << "\nsmtp_port = " << smtp.number() << "\nhttps_port = " << https.number()
        << "\n";
  }

  std::vector<std::string> command(const std::string& sender) const {
    return {STS_LAB_PROGRAM, "judge", "--config", folder.directory() + "/lab.toml",
            "--smtp",        sender,  "--wait",   "5s",
            "--state",       state,   "--json",   result};
  }

  boost::json::object read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return boost::json::parse(text.str()).as_object();
  }
};

/// Reads what the judge says until it has told of this many verdicts.
void read_verdicts(int output, int wanted) {
  std::string said;
  for (int seen = 0; seen < wanted;) {
    char data[4096];
    const auto got = ::read(output, data, sizeof data);
    if (got <= 0) FAIL("the judge ended before its verdicts: " << said);
    said.append(data, static_cast<std::size_t>(got));
    seen = 0;
    for (const auto* verdict : {"\nnot reached", "\nrefused to deliver"})
      for (std::size_t at = 0; (at = said.find(verdict, at)) != std::string::npos; ++at) ++seen;
  }
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("a judge that was killed goes on where it was", "[scenario]") {
  const std::string met = "past-record-removed";
  Judge judge;
  boost::json::object state;
  {
    Sink sink(20);
    lab::ChildProcess interrupted(judge.command(sink.address()), judge.folder.directory(), true);
    read_verdicts(interrupted.output(), 20);
    interrupted.signal(SIGKILL);
    CHECK(interrupted.wait(std::chrono::seconds(30)) == -SIGKILL);
    state = judge.read(judge.state);
    CHECK(state.at("judged").as_object().size() == 20);
  }
  // As if the first message of an attack with a past had arrived.
  state.at("judged").as_object().erase(met);
  state.at("met").as_array().emplace_back(met);
  std::ofstream(judge.state) << boost::json::serialize(state);

  Sink sink(1000);
  const auto resumed =
      lab::run_program(judge.command(sink.address()), judge.folder.directory(), std::chrono::minutes(2));
  INFO(resumed.out << resumed.err);
  const auto whole = judge.read(judge.result);
  const auto sent = sink.recipients();
  const auto& judged = state.at("judged").as_object();
  const auto& attacks = whole.at("attacks").as_array();
  CHECK(attacks.size() == sent.size() + judged.size());
  for (const auto& attack : attacks) {
    const std::string name(attack.at("name").as_string()), domain(attack.at("domain").as_string());
    INFO(name);
    const bool again = has(sent, "victim@" + domain) || has(sent, "first@" + domain);
    if (name != "past-cohosted") CHECK(again != judged.contains(name));  // its first message goes elsewhere
  }
  CHECK(has(sent, "victim@" + met + ".judge.test"));
  CHECK_FALSE(has(sent, "first@" + met + ".judge.test"));

  // All is judged: nobody listens there, and nobody need.
  const auto ended = lab::run_program(judge.command("127.0.0.1:1"), judge.folder.directory(), std::chrono::minutes(1));
  INFO(ended.out << ended.err);
  CHECK(ended.err == "");
  const auto again = judge.read(judge.result);
  for (std::size_t i = 0; i < attacks.size(); ++i)
    CHECK(again.at("attacks").at(i).at("verdict") == attacks.at(i).at("verdict"));
}
