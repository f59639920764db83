// Requests checked, run, and answered.
#include "proxy/admin/administration.hpp"

#include "policy/sts/cache_entry.hpp"
#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy {

namespace {

namespace json = boost::json;

constexpr std::size_t longest_reason = 500;
enum Exit { done = 0, not_done = 1, error = 3 };

json::object reply(Exit exit, std::string words) {
  return {{"exit", static_cast<int>(exit)}, {"words", std::move(words)}};
}

std::string text_in(const json::object& request, std::string_view key) {
  const auto* value = request.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t number_in(const json::object& request, std::string_view key) {
  const auto* value = request.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

/// What is wrong with it, or nothing.
std::string fault_of(const Exemption& exemption, const Config& config) {
  if (base::trim(exemption.reason).empty()) return "no reason is given, expected words that say why";
  if (exemption.reason.size() > longest_reason) return "the reason is longer than 500 octets";
  if (exemption.until <= exemption.made || exemption.until - exemption.made > longest_exemption)
    return "expected a time of at most 90 days";
  const auto* destination = destination_for(config, exemption.domain);
  if (destination != nullptr && destination->pin)
    return exemption.domain + " has a pinned policy at " + destination->route.configured_at + ": take it away there";
  return {};
}

}  // namespace

Exemptions by_domain(std::vector<Exemption> exemptions) {
  Exemptions all;
  for (auto& exemption : exemptions) {
    auto domain = exemption.domain;
    all.insert_or_assign(std::move(domain), std::move(exemption));
  }
  return all;
}

awaitable<json::object> Administration::run(json::object request) {
  const auto command = text_in(request, "command");
  json::object answer;
  if (command == "refresh_all") {
    answer = co_await refresh_all();
    co_return answer;
  }
  std::string failure;
  if (parts_.queue != nullptr && QueueOrders::knows(command)) {
    try {
      answer = co_await parts_.queue->run(std::move(request));
    } catch (const std::exception& fault) {
      failure = fault.what();
    }
    if (!failure.empty()) answer = reply(error, failure);
    co_return answer;
  }
  const auto domain = base::canonical_domain(text_in(request, "domain"), base::Alphabet::lookup);
  if (!domain) {
    co_return reply(error, '`' + base::printable(text_in(request, "domain"), 100) + "` is no domain name");
  }
  try {
    if (command == "refresh") {
      answer = co_await refresh(*domain);
    } else if (command == "forget") {
      answer = co_await forget(*domain);
    } else if (command == "exempt") {
      const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      const auto seconds = std::clamp<std::int64_t>(number_in(request, "seconds"), 0, 1'000'000'000);
      Exemption exemption{*domain, text_in(request, "reason"), now, now + std::chrono::seconds(seconds)};
      answer = co_await exempt(std::move(exemption));
    } else if (command == "end_exemption") {
      answer = co_await end_exemption(*domain);
    } else {
      answer = reply(error, "unknown command `" + base::printable(command, 60) + '`');
    }
  } catch (const std::exception& fault) {
    failure = fault.what();
  }
  if (!failure.empty()) answer = reply(error, failure);
  co_return answer;
}

awaitable<json::object> Administration::refresh(std::string domain) {
  auto refreshed = co_await parts_.service.refresh_now(domain);
  if (!refreshed.facts) co_return reply(not_done, domain + ": " + refreshed.why);
  const auto& policy = refreshed.facts->policy;
  auto answer =
      reply(done, domain + ": policy " + refreshed.facts->id + ", " + std::string(policy::sts::words(policy.mode)) +
                      ", expires " + base::rfc3339(refreshed.facts->expires));
  answer["domain"] = domain;
  answer["mode"] = policy::sts::words(policy.mode);
  answer["id"] = refreshed.facts->id;
  co_return answer;
}

awaitable<json::object> Administration::refresh_all() {
  const bool marked = co_await parts_.refresher.make_all_due();
  if (!marked) co_return reply(error, "the database cannot be written");
  co_return reply(done, "every policy in use is being fetched anew; the log names those that fail");
}

awaitable<json::object> Administration::forget(std::string domain) {
  const auto forgotten = co_await parts_.service.forget(domain);
  if (!forgotten.policy && !forgotten.remembered) co_return reply(not_done, "nothing is stored for " + domain);
  if (!forgotten.policy) co_return reply(done, domain + ": dropped that it has no policy");
  auto answer = reply(forgotten.durable ? done : error,
                      domain + ": dropped policy " + forgotten.policy->id + ", " +
                          std::string(policy::sts::words(forgotten.policy->policy.mode)) +
                          (forgotten.durable ? "" : "; the database could not be written, it is tried again"));
  answer["domain"] = domain;
  answer["mode"] = policy::sts::words(forgotten.policy->policy.mode);
  answer["id"] = forgotten.policy->id;
  co_return answer;
}

awaitable<json::object> Administration::exempt(Exemption exemption) {
  if (auto fault = fault_of(exemption, *parts_.config()); !fault.empty()) co_return reply(error, std::move(fault));
  const bool stored = co_await parts_.store.exempt(exemption);
  if (!stored) co_return reply(error, "the database cannot be written; nothing has changed");
  parts_.put_in_force(by_domain(parts_.store.exemptions()));
  log::Event(log::Level::warn, "exemption_made")
      .add("domain", exemption.domain)
      .add("until", base::rfc3339(exemption.until))
      .add("reason", exemption.reason);
  auto answer =
      reply(done, exemption.domain + ": what it publishes is not applied until " + base::rfc3339(exemption.until));
  answer["domain"] = exemption.domain;
  answer["until"] = base::rfc3339(exemption.until);
  co_return answer;
}

awaitable<json::object> Administration::end_exemption(std::string domain) {
  const auto known = by_domain(parts_.store.exemptions());
  if (!known.contains(domain)) co_return reply(not_done, domain + " has no exemption of this command");
  const bool ended = co_await parts_.store.end_exemption(domain);
  if (!ended) co_return reply(error, "the database cannot be written; nothing has changed");
  parts_.put_in_force(by_domain(parts_.store.exemptions()));
  log::Event(log::Level::info, "exemption_ended").add("domain", domain).add("reason", "at an administrator's word");
  co_return reply(done, domain + ": what it publishes is applied again");
}

}  // namespace proxy
