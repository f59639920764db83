// Asks the running relay, or is one for a moment.
#include "proxy/cli/admin_command.hpp"

#include <cstdio>

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"
#include "proxy/admin/administration.hpp"
#include "proxy/admin/control_socket.hpp"
#include "proxy/config/values.hpp"
#include "proxy/dns/caching_resolver.hpp"
#include "proxy/store/policy_table.hpp"
#include "proxy/store/sqlite_policy_store.hpp"
#include "proxy/store/state_directory.hpp"
#include "proxy/sts/https_fetcher.hpp"

namespace proxy {

namespace {

namespace json = boost::json;

constexpr int command_error = 3, in_use = 4;
constexpr std::chrono::seconds beside_the_fetch(60);  // lookups, and a fetch that waits for its turn

int print(const json::object& answer, bool as_json) {
  const auto exit = static_cast<int>(answer.at("exit").to_number<int>());
  const auto words = base::printable(std::string(answer.at("words").as_string()), 1000);
  if (as_json) {
    std::printf("%s\n", json::serialize(answer).c_str());
  } else if (exit == 0) {
    std::printf("%s\n", words.c_str());
  } else {
    std::fprintf(stderr, "sts-relay: %s\n", words.c_str());
  }
  return exit;
}

awaitable<json::object> order(Administration& administration, Refresher& refresher, json::object request, bool all) {
  auto answer = co_await administration.run(std::move(request));
  if (all) co_await refresher.round();
  co_return answer;
}

/// What `serve` has of all this, without listeners. Prints, and ends the process.
[[noreturn]] void run_alone(const Config& config, json::object request, bool as_json) {
  const auto state = StateDirectory::open(config.state_dir);
  boost::asio::io_context context(1);
  const auto tls = std::make_shared<const TlsContexts>(config.trust_anchors, trust_anchors_of_next_hops(config));
  SqlitePolicyStore store(database_file(config.state_dir));
  CachingResolver resolver(context.get_executor(), config.dns.servers);
  HttpsFetcher fetcher(context.get_executor(), resolver, [&] { return tls; },
                       {.timeout = config.mta_sts.fetch_timeout,
                        .port = config.lab.https_port,
                        .allow_loopback = config.lab.allow_loopback});
  MtaStsService service(context.get_executor(), resolver, fetcher, store, config.mta_sts);
  Refresher refresher(context.get_executor(), service, store, config.mta_sts.refresh_every);
  const auto shared = std::make_shared<const Config>(config);
  Administration administration({.service = service,
                                 .refresher = refresher,
                                 .store = store,
                                 .config = [&] { return shared; },
                                 .put_in_force = [](const Exemptions&) {}});
  const bool all = request["command"] == "refresh_all";
  std::exception_ptr failure;
  json::object answer;
  bool ended = false;
  boost::asio::co_spawn(context, order(administration, refresher, std::move(request), all),
                        [&](std::exception_ptr error, json::object result) {
                          failure = std::move(error);
                          answer = std::move(result);
                          ended = true;
                        });
  while (!ended && context.run_one() > 0) {
  }
  // What was fetched is being written.
  context.poll();
  while (!failure && service.unsaved() > 0 && context.run_one_for(std::chrono::seconds(5)) > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  if (!ended) throw std::runtime_error("nothing came of it");
  const int exit = print(answer, as_json);
  std::fflush(stdout);
  // The context holds questions that nobody waits for any more; the process ends here, they with it.
  std::_Exit(exit);
}

int run(const Config& config, const json::object& request, bool as_json) {
  try {
    const auto answer = ask_relay(config.state_dir, request, config.mta_sts.fetch_timeout + beside_the_fetch);
    if (!answer) run_alone(config, request, as_json);
    return print(*answer, as_json);
  } catch (const StateInUse& error) {
    std::fprintf(stderr, "sts-relay: %s, and its control socket does not answer\n",
                 base::printable(error.what(), 300).c_str());
    return in_use;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sts-relay: %s\n", base::printable(error.what(), 300).c_str());
    return command_error;
  }
}

int list_exemptions(const Config& config, bool as_json) {
  std::vector<Exemption> all;
  try {
    const auto file = database_file(config.state_dir);
    if (is_policy_database(file)) all = PolicyReader(file).exemptions();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sts-relay: %s\n", base::printable(error.what(), 300).c_str());
    return command_error;
  }
  const auto now = std::chrono::system_clock::now();
  json::array listed;
  for (const auto& exemption : all) {
    const bool over = now >= exemption.until;
    if (as_json) {
      listed.push_back(json::object{{"domain", exemption.domain},
                                    {"reason", exemption.reason},
                                    {"made", base::rfc3339(exemption.made)},
                                    {"until", base::rfc3339(exemption.until)},
                                    {"in_force", !over}});
    } else {
      std::printf("%-40s until %s%s  %s\n", exemption.domain.c_str(), base::rfc3339(exemption.until).c_str(),
                  over ? " (past)" : "", base::printable(exemption.reason, 200).c_str());
    }
  }
  if (as_json) std::printf("%s\n", json::serialize(listed).c_str());
  return 0;
}

}  // namespace

int run_policy_refresh(const Config& config, const std::string& domain, bool all, bool json) {
  if (all) return run(config, {{"command", "refresh_all"}}, json);
  return run(config, {{"command", "refresh"}, {"domain", domain}}, json);
}

int run_policy_forget(const Config& config, const std::string& domain, bool json) {
  return run(config, {{"command", "forget"}, {"domain", domain}}, json);
}

int run_exempt(const Config& config, const ExemptOptions& options) {
  if (options.list) return list_exemptions(config, options.json);
  if (options.end) return run(config, {{"command", "end_exemption"}, {"domain", options.domain}}, options.json);
  const auto time = parse_duration(options.time);
  if (!time || *time < std::chrono::seconds(1) || *time > longest_exemption) {
    std::fprintf(stderr, "sts-relay: --for %s: expected a time such as 12h or 7d, at most 90d\n",
                 base::printable(options.time, 60).c_str());
    return command_error;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*time).count();
  return run(config,
             {{"command", "exempt"},
              {"domain", options.domain},
              {"seconds", static_cast<std::int64_t>(seconds)},
              {"reason", options.reason}},
             options.json);
}

}  // namespace proxy
