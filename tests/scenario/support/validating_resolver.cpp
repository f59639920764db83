// The guide's configuration at a port of the test's own; questions by ldns's drill.
#include "tests/scenario/support/validating_resolver.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/lab/judge/guide.hpp"

namespace scenario {

ValidatingResolver::ValidatingResolver(const lab::DnsServer& server) : port_(free_port()) {
  lab::judge::LabConfig config;
  config.directory = directory_.path();
  config.servers.dns_address = server.address();
  config.servers.dns_port = server.port();
  directory_.write("root.key", server.trust_anchor());
  std::string text = lab::judge::guide("unbound", config);
  const std::string address = "interface: 127.0.0.54\n  port: 53\n";
  REQUIRE(text.find(address) != std::string::npos);
  text.replace(text.find(address), address.size(), "interface: 127.0.0.1\n  port: " + std::to_string(port_) + "\n");
  text += "server:\n  num-threads: 1\n  logfile: \"" + directory_.path() + "/unbound.log\"\n";
  const auto file = directory_.write("unbound.conf", text);
  process_ = std::make_unique<lab::ChildProcess>(std::vector<std::string>{"/usr/sbin/unbound", "-d", "-c", file},
                                                 directory_.path());
  wait_for_listener("127.0.0.1", port_);
}

std::string ValidatingResolver::ask(const std::string& name, const std::string& type) const {
  const auto asked = lab::run_program({"/usr/bin/drill", "-D", "-p", std::to_string(port_), "@127.0.0.1", name, type},
                                      directory_.path(), std::chrono::seconds(60));
  std::smatch found;
  std::string said = "no answer: " + asked.out + asked.err;
  if (std::regex_search(asked.out, found, std::regex("rcode: ([A-Z]+)"))) said = found[1];
  if (std::regex_search(asked.out, std::regex(";; flags:[a-z ]* ad "))) said += " ad";
  std::istringstream lines(asked.out);
  std::set<std::string> records;  // unbound turns their order
  bool in_answer = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(";;")) in_answer = line.find("ANSWER SECTION") != std::string::npos;
    if (in_answer && std::regex_search(line, found, std::regex("\tIN\t([A-Z]+\t.*)")) &&
        !found[1].str().starts_with("RRSIG"))
      records.insert(std::regex_replace(found[1].str(), std::regex("\\s+"), " "));
  }
  for (const auto& record : records) said += ' ' + record.substr(0, record.find_last_not_of(' ') + 1);
  return said;
}

std::string ValidatingResolver::log() const {
  std::ostringstream text;
  text << std::ifstream(directory_.path() + "/unbound.log").rdbuf();
  return text.str();
}

}  // namespace scenario
