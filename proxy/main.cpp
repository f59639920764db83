// sts-relay: the command line, and nothing else.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "proxy/cli/admin_command.hpp"
#include "proxy/cli/check_command.hpp"
#include "proxy/cli/config_command.hpp"
#include "proxy/cli/password_command.hpp"
#include "proxy/cli/policy_command.hpp"
#include "proxy/cli/queue_command.hpp"
#include "proxy/config/config.hpp"
#include "proxy/runtime/app.hpp"
#include "proxy/runtime/log.hpp"

namespace {

constexpr int usage_error = 3;

/// The configuration, or its errors on standard error.
std::optional<proxy::Config> configuration(const std::string& file) {
  auto loaded = proxy::load_config(file);
  for (const auto& error : loaded.errors) std::fprintf(stderr, "%s\n", message(error).c_str());
  if (!loaded.errors.empty()) return std::nullopt;
  return std::move(loaded.config);
}

int serve(const std::string& file, bool allow_root) {
  auto loaded = proxy::load_config(file);
  for (const auto& error : loaded.errors) std::fprintf(stderr, "%s\n", message(error).c_str());
  if (!loaded.errors.empty()) return proxy::exit_configuration;
  if (geteuid() == 0 && !allow_root) {
    std::fprintf(stderr,
                 "sts-relay: started as root; run it as a user of its own (CAP_NET_BIND_SERVICE gives it low ports), "
                 "or say --allow-root\n");
    return proxy::exit_error;
  }
  proxy::log::configure(loaded.config.log.json, static_cast<proxy::log::Level>(loaded.config.log.level));
  for (const auto& warning : loaded.warnings)
    proxy::log::Event(proxy::log::Level::warn, "configuration").add("reason", warning);
  return proxy::serve(loaded.config);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("sts-relay: an outbound SMTP relay that enforces MTA-STS; it defers rather than downgrades");
  app.set_version_flag("--version", "sts-relay " STS_RELAY_VERSION);
  app.require_subcommand(1);
  std::string file = "/etc/sts-relay/sts-relay.toml";
  bool allow_root = false, json = false;
  int result = usage_error;
  const auto with_file = [&](CLI::App* command) {
    return command->add_option("--config", file, "configuration file")->capture_default_str();
  };

  auto* serve_command = app.add_subcommand("serve", "run the relay in the foreground");
  with_file(serve_command);
  serve_command->add_flag("--allow-root", allow_root, "run although started as root");
  serve_command->callback([&] { result = serve(file, allow_root); });

  proxy::CheckOptions check;
  auto* check_command = app.add_subcommand("check", "print the plan that the relay would follow for a domain");
  with_file(check_command);
  check_command->add_option("domain", check.domain, "a domain or an address")->required();
  check_command->add_flag("--connect", check.connect, "dial each host to the EHLO after TLS");
  check_command->add_flag("--why", check.why, "each rule that decided and where it stands; what would have to change");
  check_command->add_flag("--json", check.json, "one JSON object");
  check_command->callback([&] {
    const auto config = configuration(file);
    if (!config) return;
    proxy::log::configure(false, proxy::log::Level::error);
    result = proxy::run_check(*config, check);
  });

  auto* config_command = app.add_subcommand("config", "check the configuration, or print every setting");
  config_command->require_subcommand(1);
  auto* config_check = config_command->add_subcommand("check", "say what is wrong with the file");
  with_file(config_check);
  config_check->callback([&] { result = proxy::run_config_check(file); });
  auto* config_reference = config_command->add_subcommand("reference", "every setting, its meaning and default");
  with_file(config_reference);
  config_reference->callback([&] { result = proxy::run_config_reference(); });

  app.add_subcommand("password", "hash a password for a users file; it is read from the terminal or standard input")
      ->callback([&] { result = proxy::run_password(); });

  std::string policy_domain;
  auto* policy_command = app.add_subcommand("policy", "the policies that are stored");
  policy_command->require_subcommand(1);
  auto* policy_list = policy_command->add_subcommand("list", "all of them");
  with_file(policy_list);
  policy_list->add_flag("--json", json, "a JSON array");
  policy_list->callback([&] {
    if (const auto config = configuration(file)) result = proxy::run_policy_list(*config, json);
  });
  auto* policy_show = policy_command->add_subcommand("show", "one domain's");
  with_file(policy_show);
  policy_show->add_option("domain", policy_domain)->required();
  policy_show->add_flag("--json", json, "a JSON object");
  policy_show->callback([&] {
    if (const auto config = configuration(file)) result = proxy::run_policy_show(*config, policy_domain, json);
  });

  bool all = false;
  auto* policy_refresh = policy_command->add_subcommand("refresh", "fetch a domain's policy now");
  with_file(policy_refresh);
  auto* refresh_domain = policy_refresh->add_option("domain", policy_domain);
  policy_refresh->add_flag("--all", all, "every policy in use")->excludes(refresh_domain);
  policy_refresh->add_flag("--json", json, "a JSON object");
  policy_refresh->callback([&] {
    if (!all && policy_domain.empty()) throw CLI::RequiredError("a domain, or --all");
    if (const auto config = configuration(file)) {
      proxy::log::configure(false, proxy::log::Level::error);
      result = proxy::run_policy_refresh(*config, policy_domain, all, json);
    }
  });
  auto* policy_forget = policy_command->add_subcommand("forget", "drop what is stored of a domain");
  with_file(policy_forget);
  policy_forget->add_option("domain", policy_domain)->required();
  policy_forget->add_flag("--json", json, "a JSON object");
  policy_forget->callback([&] {
    if (const auto config = configuration(file)) result = proxy::run_policy_forget(*config, policy_domain, json);
  });

  proxy::add_queue_command(app, {file, [&file] { return configuration(file); }, result});

  proxy::ExemptOptions exempt;
  auto* exempt_command = app.add_subcommand("exempt", "for a time, do not apply what a domain publishes");
  with_file(exempt_command);
  auto* exempt_domain = exempt_command->add_option("domain", exempt.domain);
  auto* exempt_for = exempt_command->add_option("--for", exempt.time, "how long: 12h, 7d; at most 90d");
  auto* exempt_reason = exempt_command->add_option("--reason", exempt.reason, "why");
  auto* exempt_end = exempt_command->add_flag("--end", exempt.end, "end it now");
  auto* exempt_list = exempt_command->add_flag("--list", exempt.list, "those that there are");
  exempt_command->add_flag("--json", exempt.json, "JSON");
  exempt_list->excludes(exempt_domain)->excludes(exempt_end)->excludes(exempt_for)->excludes(exempt_reason);
  exempt_end->excludes(exempt_for)->excludes(exempt_reason);
  exempt_command->callback([&] {
    if (!exempt.list && exempt.domain.empty()) throw CLI::RequiredError("a domain, or --list");
    if (!exempt.list && !exempt.end && (exempt.time.empty() || exempt.reason.empty()))
      throw CLI::RequiredError("--for and --reason");
    if (const auto config = configuration(file)) result = proxy::run_exempt(*config, exempt);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : usage_error;
  }
  return result;
}
