// What the domain has proven before, before a plan is made, and what a delivery or a deferral has shown of it
// afterwards. Nothing here decides: policy/memory has the rules, policy/decision joins what is insisted on.
#include "policy/memory.hpp"
#include "proxy/outbound/delivery.hpp"
#include "proxy/outbound/domain_memory.hpp"

namespace proxy {

namespace {

using policy::memory::Change;

std::chrono::seconds believe_after(const Config& config) {
  return std::chrono::duration_cast<std::chrono::seconds>(config.delivery.believe_after);
}

}  // namespace

void recall(Environment& environment, policy::Facts& facts) {
  const auto config = environment.config();
  const auto remember = config->delivery.remember;
  if (environment.memory == nullptr || remember == policy::memory::Remember::off || !policy::memory::is_kept(facts)) {
    return;
  }
  facts.memory = policy::memory::counts(environment.memory->find(facts.domain), remember,
                                        std::chrono::system_clock::now(), believe_after(*config));
}

void Delivery::observe(policy::memory::Level seen, metrics::Weaker action) {
  if (!remembers_) return;
  const auto now = std::chrono::system_clock::now();
  const auto was = plan_.memory;
  const auto change = environment_.memory->observe(target_.domain, seen, now, believe_after(*config_));
  const bool believed = change.what == Change::What::believed;
  if (change.what != Change::What::weaker && !believed) return;
  if (believed) action = metrics::Weaker::believed;
  metrics::all.outbound.weaker[action].add();
  log::Event(log::Level::warn, "weaker_than_before")
      .add("id", message_->id)
      .add("domain", target_.domain)
      .add("was", words(was.proven))
      .add("now", policy::memory::words(seen))
      .add("since", was.since)
      .add("action", metrics::word(action));
}

}  // namespace proxy
