// Gathers, decides, and with --connect dials, as the relay does; prints, and sends no MAIL.
#include "proxy/cli/check_command.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>

#include "policy/explain.hpp"
#include "policy/memory.hpp"
#include "policy/outcome.hpp"
#include "policy/why.hpp"
#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"
#include "proxy/admin/administration.hpp"
#include "proxy/cli/probe.hpp"
#include "proxy/dns/caching_resolver.hpp"
#include "proxy/dns/dnssec.hpp"
#include "proxy/net/idn.hpp"
#include "proxy/outbound/facts.hpp"
#include "proxy/store/memory_table.hpp"
#include "proxy/store/policy_table.hpp"
#include "proxy/store/state_directory.hpp"
#include "proxy/sts/https_fetcher.hpp"
#include "proxy/sts/mta_sts_service.hpp"
#include "proxy/sts/overridden_policies.hpp"

namespace proxy {

namespace {

enum CheckExit { deliverable = 0, would_defer = 1, would_refuse = 2, check_error = 3 };

/// What the relay has stored, read beside it; nothing is written: `check` changes nothing.
class ReadOnlyStore final : public PolicyStore {
 public:
  explicit ReadOnlyStore(const std::string& file) : file_(file) {
    if (is_policy_database(file)) reader_.emplace(file);
  }
  std::optional<policy::memory::Record> memory(const std::string& domain) const {
    return reader_ ? read_memory(file_, domain) : std::nullopt;
  }
  std::optional<policy::sts::CacheEntry> load(std::string_view domain) override {
    return reader_ ? reader_->load(domain) : std::nullopt;
  }
  std::vector<policy::sts::CacheEntry> load_all() override {
    return reader_ ? reader_->load_all() : std::vector<policy::sts::CacheEntry>();
  }
  awaitable<bool> save(policy::sts::CacheEntry) override { co_return true; }
  awaitable<bool> remove(std::string) override { co_return true; }
  awaitable<bool> used(std::string, policy::sts::Time) override { co_return true; }
  awaitable<bool> keep(std::string, policy::sts::Upkeep) override { co_return true; }
  std::vector<policy::sts::CacheEntry> due(const Cursor&, policy::sts::Time, unsigned) override { return {}; }
  std::optional<policy::sts::Time> next_due() override { return std::nullopt; }
  awaitable<bool> pull_in(policy::sts::Time, policy::sts::Time) override { co_return true; }
  awaitable<bool> tidy(policy::sts::Time, std::uint64_t) override { co_return true; }

 private:
  std::string file_;
  std::optional<PolicyReader> reader_;
};

std::shared_ptr<const Exemptions> stored_exemptions(const Config& config) {
  const auto file = database_file(config.state_dir);
  if (!is_policy_database(file)) return nullptr;
  return std::make_shared<const Exemptions>(by_domain(PolicyReader(file).exemptions()));
}

std::optional<Target> target_of_argument(std::string argument) {
  if (const auto at = argument.rfind('@'); at != std::string::npos) argument.erase(0, at + 1);
  if (argument.size() > 2 && argument.front() == '[' && argument.back() == ']') return Target{argument, true};
  auto domain = to_ascii(argument);
  if (!domain) return std::nullopt;
  return Target{std::move(*domain), false};
}

struct Checked {
  policy::Facts facts;
  policy::Plan plan;          ///< made of `facts`
  std::vector<Probe> probes;  ///< one an attempt, with --connect
  std::string dnssec;         ///< whether DANE is on, and why not
  smtp::Reply reply;          ///< what a client would be told; 250 when it is deliverable
};

/// What the relay would know of the domain's past.
policy::Memory recalled(const Config& config, const ReadOnlyStore& store, const policy::Facts& facts) {
  if (!policy::memory::is_kept(facts)) return {};
  return policy::memory::counts(store.memory(facts.domain), config.delivery.remember, std::chrono::system_clock::now(),
                                std::chrono::duration_cast<std::chrono::seconds>(config.delivery.believe_after));
}

awaitable<Checked> check(Environment& environment, const ReadOnlyStore& store, Dnssec& dnssec, Target target,
                         bool connect) {
  Checked checked;
  co_await dnssec.probe(environment.executor);
  checked.dnssec = dnssec.words();
  const auto floor = policy::requirement_of(environment.config()->delivery.security);
  for (bool fresh = false;; fresh = true) {
    std::shared_ptr<const policy::StsFacts> learnt;
    if (fresh) {
      learnt = co_await environment.policies.ask_before_deferral(policy_domain(checked.plan.route, target));
      const auto& sts = checked.plan.sts;
      if (learnt->state == sts.state && learnt->id == sts.id && learnt->policy == sts.policy) break;
    }
    checked.facts = co_await gather(environment, target, floor, learnt);
    checked.facts.memory = recalled(*environment.config(), store, checked.facts);
    checked.plan = policy::decide(checked.facts);
    checked.probes.clear();
    std::vector<policy::HostOutcome> outcomes;
    bool usable = !checked.plan.attempts.empty();
    if (connect) {
      usable = false;
      for (const auto& attempt : checked.plan.attempts) {
        auto probe = co_await probe_host(environment, attempt);
        usable = usable || !probe.failed;
        if (probe.failed) outcomes.push_back(*probe.failed);
        checked.probes.push_back(std::move(probe));
      }
    }
    checked.reply = usable ? smtp::Reply{250, "2.0.0", ""} : policy::conclude(checked.plan, outcomes);
    if (usable || fresh || !policy::policy_stands_in_the_way(checked.plan, outcomes)) break;
  }
  co_return checked;
}

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(base::printable(text, 1000));
}

std::vector<policy::Rule> rules_of(const Checked& checked) {
  return policy::rules(checked.facts, checked.plan, {std::chrono::system_clock::now(), checked.dnssec});
}

std::string fix_of(const Checked& checked, const Probe& probe) {
  return policy::fix(checked.plan, *probe.failed, probe.proof ? probe.proof->fault : policy::CertificateFault::none);
}

std::string_view words(policy::StsFacts::Source source) {
  using Source = policy::StsFacts::Source;
  switch (source) {
    case Source::fetched: return "fetched";
    case Source::stored: return "stored";
    case Source::pin: return "pin";
    case Source::preload: return "preload";
    case Source::none: break;
  }
  return "none";
}

boost::json::object json_of(const Checked& checked, const Target& target, const char* verdict, bool why) {
  namespace json = boost::json;
  const auto& plan = checked.plan;
  json::object result;
  result["domain"] = target.domain;
  json::object policy;
  const bool has_policy = plan.sts.state == policy::StsFacts::State::policy;
  policy["source"] = words(plan.sts.source);
  using Source = policy::StsFacts::Source;
  policy["mode"] = has_policy ? json::value(policy::sts::words(plan.sts.policy.mode)) : json::value(nullptr);
  policy["id"] = has_policy ? json::value(plan.sts.id) : json::value(nullptr);
  json::array patterns;
  if (has_policy) {
    for (const auto& pattern : plan.sts.policy.mx) patterns.emplace_back(pattern);
  }
  policy["mx"] = std::move(patterns);
  const bool of_a_file = plan.sts.source == Source::pin || plan.sts.source == Source::preload;
  const bool has_times = has_policy && !of_a_file;
  policy["fetched"] = has_times ? json::value(base::rfc3339(plan.sts.fetched)) : json::value(nullptr);
  policy["expires"] = has_times ? json::value(base::rfc3339(plan.sts.expires)) : json::value(nullptr);
  policy["error"] = text_or_null(plan.sts.error);
  result["policy"] = std::move(policy);
  result["need"] = words(plan.strongest());
  result["dnssec"] = checked.dnssec;
  const auto& memory = plan.memory;
  result["memory"] = memory.proven.nothing()
                         ? json::value(nullptr)
                         : json::value(json::object{{"proven", words(memory.proven)},
                                                    {"since", memory.since},
                                                    {"weaker_since", text_or_null(memory.weaker_since)},
                                                    {"demanded", memory.insists}});
  result["exempt"] = plan.route.exempt
                         ? json::value(json::object{{"reason", base::printable(plan.route.reason, 500)},
                                                    {"by", base::printable(plan.route.configured_at, 500)}})
                         : json::value(nullptr);
  json::array attempts;
  for (std::size_t i = 0; i < plan.attempts.size(); ++i) {
    const auto& attempt = plan.attempts[i];
    json::object one;
    one["host"] = attempt.demand.host;
    one["port"] = attempt.demand.port;
    one["addresses"] = json::array(attempt.addresses.begin(), attempt.addresses.end());
    one["need"] = words(attempt.demand.need);
    one["preference"] = attempt.preference;
    json::array records;
    if (attempt.demand.association) {
      for (const auto& record : attempt.demand.association->records) records.emplace_back(policy::dane::words(record));
    }
    one["tlsa"] = std::move(records);
    const auto* probe = i < checked.probes.size() ? &checked.probes[i] : nullptr;
    one["proof"] = probe != nullptr && probe->proof ? json::value(words(*probe->proof)) : json::value(nullptr);
    one["error"] = probe != nullptr && probe->failed ? text_or_null(probe->failed->words) : json::value(nullptr);
    if (why && probe != nullptr && probe->failed) one["fix"] = fix_of(checked, *probe);
    attempts.push_back(std::move(one));
  }
  result["attempts"] = std::move(attempts);
  json::array left_out;
  for (const auto& host : plan.left_out) {
    json::object one{{"host", host.host}, {"reason", host.words}};
    if (why) one["fix"] = policy::fix(plan, host);
    left_out.push_back(std::move(one));
  }
  result["left_out"] = std::move(left_out);
  if (why) {
    json::array rules;
    for (const auto& rule : rules_of(checked))
      rules.push_back(json::object{{"rule", rule.words}, {"source", rule.source}});
    result["rules"] = std::move(rules);
  }
  result["verdict"] = verdict;
  result["reason"] = text_or_null(checked.reply.text);
  return result;
}

void print(const Checked& checked, bool why, bool colour) {
  const auto& plan = checked.plan;
  const char* good = colour ? "\033[32m" : "";
  const char* bad = colour ? "\033[31m" : "";
  const char* plain = colour ? "\033[0m" : "";
  std::printf("%s\n", policy::policy_line(plan, std::chrono::system_clock::now()).c_str());
  std::printf("%s\n", checked.dnssec.c_str());
  if (const auto line = policy::memory::line(plan.memory); !line.empty()) std::printf("%s\n", line.c_str());
  if (plan.route.exempt)
    std::printf("exempt: what the domain publishes is not applied (%s; %s)\n",
                base::printable(plan.route.reason, 300).c_str(),
                base::printable(plan.route.configured_at, 300).c_str());
  for (std::size_t i = 0; i < plan.attempts.size(); ++i) {
    std::printf("%s\n", policy::attempt_line(plan.attempts[i]).c_str());
    if (i >= checked.probes.size()) continue;
    const auto& probe = checked.probes[i];
    if (probe.failed) {
      std::printf("   %sfailed:%s %s\n", bad, plain, probe.failed->words.c_str());
      if (why) std::printf("   to be used: %s\n", fix_of(checked, probe).c_str());
    } else {
      std::printf("   %sproven:%s %s\n", good, plain, words_of(probe).c_str());
    }
  }
  for (const auto& host : plan.left_out) {
    std::printf("%s\n", policy::left_out_line(host).c_str());
    if (why) std::printf("   to be used: %s\n", policy::fix(plan, host).c_str());
  }
  if (why) {
    std::printf("why:\n");
    for (const auto& rule : rules_of(checked)) std::printf("  - %s\n", policy::rule_line(rule).c_str());
  }
  std::printf("%s%s%s\n", checked.reply.positive() ? good : bad, policy::sentence(plan, checked.reply).c_str(), plain);
}

}  // namespace

int run_check(const Config& config, const CheckOptions& options) {
  const auto target = target_of_argument(options.domain);
  if (!target) {
    std::fprintf(stderr, "sts-relay: `%s` is no domain name\n", base::printable(options.domain, 100).c_str());
    return check_error;
  }
  try {
    boost::asio::io_context context(1);
    auto with_exemptions = config;
    with_exemptions.exemptions = stored_exemptions(config);
    const auto shared_config = std::make_shared<const Config>(std::move(with_exemptions));
    const auto tls = std::make_shared<const TlsContexts>(config.trust_anchors, trust_anchors_of_next_hops(config));
    ReadOnlyStore store(database_file(config.state_dir));
    Dnssec dnssec(config.dns);
    CachingResolver resolver(context.get_executor(), config.dns.servers,
                             {.trust_ad = [&](const HostPort& server) { return dnssec.validates(server); }});
    HttpsFetcher fetcher(context.get_executor(), resolver, [&] { return tls; },
                         {.timeout = config.mta_sts.fetch_timeout,
                          .port = config.lab.https_port,
                          .allow_loopback = config.lab.allow_loopback});
    MtaStsService policies(context.get_executor(), resolver, fetcher, store, config.mta_sts);
    OverriddenPolicies overridden(policies, [&] { return shared_config; });
    ProbeEnvironment probing(context, resolver, overridden, shared_config, tls);

    std::optional<Checked> checked;
    std::exception_ptr failure;
    boost::asio::co_spawn(context, check(probing.environment(), store, dnssec, *target, options.connect),
                          [&](std::exception_ptr error, Checked result) {
                            failure = std::move(error);
                            if (!failure) checked = std::move(result);
                            context.stop();
                          });
    context.run();
    if (failure) std::rethrow_exception(failure);
    const int verdict = checked->reply.positive()    ? deliverable
                        : checked->reply.kind() == 4 ? would_defer
                                                     : would_refuse;
    if (options.json) {
      static constexpr const char* verdicts[] = {"deliver", "defer", "refuse"};
      std::printf("%s\n", boost::json::serialize(json_of(*checked, *target, verdicts[verdict], options.why)).c_str());
    } else {
      print(*checked, options.why, isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nullptr);
    }
    std::fflush(stdout);
    // The context holds questions that nobody waits for any more; the process ends here, they with it.
    std::_Exit(verdict);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sts-relay: %s\n", base::printable(error.what(), 300).c_str());
    return check_error;
  }
}

}  // namespace proxy
