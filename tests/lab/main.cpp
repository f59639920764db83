// sts-lab: the laboratory as a program. The demonstration touches nothing outside a temporary directory and loopback;
// the judge and its servers stay at the addresses and in the directory that their user names.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "tests/lab/demo.hpp"
#include "tests/lab/judge/command.hpp"
#include "tests/lab/judge/lab_config.hpp"

namespace {

/// The sts-relay that was built together with this program.
std::string beside_this_program() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  return (own.parent_path() / "sts-relay").string();
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Laboratory of sts-relay: a small Internet on loopback that misbehaves on request");
  app.require_subcommand(1);
  lab::DemoOptions options;
  options.relay = beside_this_program();
  auto* demo = app.add_subcommand(
      "demo", "attack the relay in each way that MTA-STS is there to stop; exit 0 only if every attack fails");
  demo->add_option("--relay", options.relay, "the sts-relay program")->capture_default_str();
  std::function<int()> chosen = [&options] {
    options.colour = wants_colour();
    return lab::run_demo(options, std::cout) ? 0 : 1;
  };
  lab::judge::add_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return chosen();
  } catch (const CLI::ParseError& error) {
    std::cerr << "sts-lab: " << error.what() << std::endl;
    return 2;
  } catch (const lab::judge::BadConfig& error) {
    std::cerr << "sts-lab: " << error.what() << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "sts-lab: " << error.what() << std::endl;
    return 1;
  }
}
