// Configuration files, what they name, and what the system adds.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/cli/config_command.hpp"
#include "proxy/config/config.hpp"
#include "proxy/dns/system_servers.hpp"

using namespace proxy;

namespace {

/// A directory that goes with the test.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "config_test_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string uncommented(const std::string& reference) {
  std::istringstream lines(reference);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool setting = line.starts_with('#') && line.size() > 1 && line[1] != ' ';
    text += (setting ? line.substr(1) : line) + '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("a configuration that is not there or is a directory is an error with its name", "[OPS-15]") {
  const Directory directory;
  for (const auto& file : {directory.path("none.toml"), directory.path("")}) {
    const auto loaded = load_config(file);
    REQUIRE(loaded.errors.size() == 1);
    CHECK(message(loaded.errors[0]).starts_with(file + ": cannot be read"));
  }
}

TEST_CASE("a file that the configuration names must be there", "[OPS-15]") {
  const Directory directory;
  const auto file = directory.write("relay.toml", "hostname = \"relay.test\"\n[tls]\ntrust_anchors = \"ca.pem\"\n");
  const auto missing = load_config(file);
  REQUIRE(missing.errors.size() == 1);
  CHECK(missing.errors[0].line == 3);
  directory.write("ca.pem", "");
  CHECK(load_config(file).errors.size() == 1);
  directory.write("ca.pem", "x");
  const auto loaded = load_config(file);
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.trust_anchors == directory.path("ca.pem"));
  CHECK(run_config_check(file) == 0);
}

TEST_CASE("config check ends with 2 for a bad file", "[OPS-15]") {
  const Directory directory;
  CHECK(run_config_check(directory.write("relay.toml", "hostnam = \"relay.test\"\n")) == 2);
  CHECK(run_config_check(directory.path("none.toml")) == 2);
}

TEST_CASE("the system gives name and DNS servers where the file does not", "[O-1]") {
  const Directory directory;
  const auto loaded = load_config(directory.write("relay.toml", "[dns]\ndnssec = \"off\"\n"));
  REQUIRE(loaded.errors.empty());
  CHECK_FALSE(loaded.config.hostname.empty());
  const auto system = system_servers();
  REQUIRE(loaded.config.dns.servers.size() == system.size());
  CHECK(loaded.config.dns.servers[0].address == system[0].address);
  const auto given =
      load_config(directory.write("relay.toml", "hostname = \"relay.test\"\n[dns]\nservers = [\"[::1]:53\"]\n"));
  REQUIRE(given.config.dns.servers.size() == 1);
  CHECK(given.config.dns.servers[0].address == "::1");
  CHECK(given.config.hostname == "relay.test");
}

TEST_CASE("the reference names every setting and changes nothing as it is", "[OPS-15]") {
  const auto reference = config_reference();
  const auto loaded = parse_config(reference, "reference", "/", false);
  CHECK(loaded.errors.empty());
  CHECK(loaded.warnings.empty());
  CHECK(loaded.config.listeners.size() == 1);
  CHECK(loaded.config.destinations.empty());
  CHECK_FALSE(loaded.config.lab.set);
}

TEST_CASE("the defaults that the reference shows are the defaults", "[OPS-15]") {
  auto text = uncommented(config_reference());
  // Some examples need TLS, some exclude others.
  for (const auto* name : {"\nauth_users =", "\nallow_keys =", "\nuntil =", "\npin ="}) {
    const auto at = text.find(name);
    REQUIRE(at != std::string::npos);
    text.insert(at + 1, "#");
  }
  const auto loaded = parse_config(text, "reference", "/etc", false);
  for (const auto& error : loaded.errors) FAIL_CHECK(message(error));
  const auto& shown = loaded.config;
  const auto plain = parse_config("", "reference", "/etc", false).config;
  CHECK(shown.hostname == "relay.example.net");
  CHECK(shown.state_dir == plain.state_dir);
  CHECK(shown.workers == plain.workers);
  CHECK(shown.drain == plain.drain);
  CHECK(shown.own_names == plain.own_names);
  REQUIRE(shown.listeners.size() == 1);
  CHECK(shown.listeners[0].address.address == plain.listeners[0].address.address);
  CHECK(shown.listeners[0].address.port == plain.listeners[0].address.port);
  CHECK(shown.listeners[0].security == plain.listeners[0].security);
  CHECK(shown.listeners[0].bare_newline == plain.listeners[0].bare_newline);
  REQUIRE(shown.listeners[0].allow.size() == plain.listeners[0].allow.size());
  CHECK(shown.listeners[0].allow[0].text == plain.listeners[0].allow[0].text);
  CHECK(shown.listeners[0].allow[1].text == plain.listeners[0].allow[1].text);
  CHECK(shown.limits.message_size == plain.limits.message_size);
  CHECK(shown.limits.connections == plain.limits.connections);
  CHECK(shown.limits.connections_per_client == plain.limits.connections_per_client);
  CHECK(shown.limits.recipients == plain.limits.recipients);
  CHECK(shown.limits.client_timeout == plain.limits.client_timeout);
  CHECK(shown.dns.dnssec == plain.dns.dnssec);
  CHECK(shown.mta_sts.fetch_timeout == plain.mta_sts.fetch_timeout);
  CHECK(shown.mta_sts.retry_after == plain.mta_sts.retry_after);
  CHECK(shown.mta_sts.refresh_every == plain.mta_sts.refresh_every);
  CHECK(shown.mta_sts.lookup_grace == plain.mta_sts.lookup_grace);
  CHECK(shown.mta_sts.memory == plain.mta_sts.memory);
  CHECK(shown.mta_sts.enabled == plain.mta_sts.enabled);
  CHECK(shown.delivery.security == plain.delivery.security);
  CHECK(shown.delivery.connect_timeout == plain.delivery.connect_timeout);
  CHECK(shown.delivery.rcpt_budget == plain.delivery.rcpt_budget);
  CHECK(shown.delivery.remember == plain.delivery.remember);
  CHECK(shown.delivery.believe_after == plain.delivery.believe_after);
  CHECK(shown.delivery.connections_per_host == plain.delivery.connections_per_host);
  CHECK(shown.log.json == plain.log.json);
  CHECK(shown.log.level == plain.log.level);
  CHECK(shown.lab.smtp_port == plain.lab.smtp_port);
  CHECK(shown.lab.https_port == plain.lab.https_port);
  CHECK(shown.lab.allow_loopback == plain.lab.allow_loopback);
}

TEST_CASE("the sample configuration is the reference", "[OPS-15]") {
  std::ifstream file(STS_RELAY_SOURCE "/conf/sts-relay.toml");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  CHECK(text.str() == config_reference());
}

TEST_CASE("a password file holds one line and a warning tells who can read it", "[OPS-15][SMTP-32]") {
  const Directory directory;
  const auto file =
      directory.write("relay.toml",
                      "hostname = \"relay.test\"\n[[destination]]\ndomain = \"a.test\"\nhost = \"b.test\"\n"
                      "user = \"u\"\npassword_file = \"secret\"\n");
  for (const std::string text : {"", "\n", "two\nlines\n", "tab\there\n"}) {
    directory.write("secret", text);
    CAPTURE(text);
    const auto loaded = load_config(file);
    REQUIRE_FALSE(loaded.errors.empty());
    CHECK(loaded.errors[0].line == 6);
  }
  CHECK(load_config(file).errors[0].words.find("tab") == std::string::npos);
  directory.write("secret", "open sesame\r\n");
  std::filesystem::permissions(directory.path("secret"), std::filesystem::perms::owner_read);
  auto loaded = load_config(file);
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.warnings.empty());
  REQUIRE(loaded.config.destinations[0].login);
  CHECK(loaded.config.destinations[0].login->password == "open sesame");
  std::filesystem::permissions(directory.path("secret"), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  loaded = load_config(file);
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0].find("everyone on this machine can read") != std::string::npos);
}

TEST_CASE("faults of a users file are told with its own lines", "[OPS-15][SMTP-32]") {
  const Directory directory;
  const auto file = directory.write(
      "relay.toml", "hostname = \"relay.test\"\n[[listener]]\nauth_without_tls = true\nauth_users = \"users.toml\"\n");
  directory.write("users.toml", "[users]\na = \"plain\"\n");
  auto loaded = load_config(file);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(message(loaded.errors[0]).starts_with(directory.path("users.toml") + ":2: "));
  CHECK(message(loaded.errors[0]).find("plain") == std::string::npos);
  directory.write("users.toml", "[users]\n");
  loaded = load_config(file);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0].words.find("holds no user") != std::string::npos);
}
