// The walk of a plan, up to the host that has taken MAIL and RCPT.
#include "proxy/outbound/delivery.hpp"

#include <algorithm>
#include <iterator>

#include "policy/explain.hpp"
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/net/dialer.hpp"
#include "proxy/outbound/tls_memory.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds slot_wait(15);
constexpr const char* client_left = "the client has left";

policy::HostOutcome outcome(const policy::Attempt& attempt, policy::HostOutcome::What what, std::string words) {
  return {.host = attempt.demand.host, .what = what, .words = std::move(words)};
}

std::string health_key(const std::string& address, std::uint16_t port) {
  return "a " + address + ' ' + std::to_string(port);
}
std::string health_key(const policy::Demand& demand) {
  std::string key = "t " + demand.host + ' ' + std::to_string(demand.port) + ' ' + words(demand.need);
  if (demand.association) {  // other records are another question
    key += ' ' + demand.association->base_domain;
    for (const auto& name : demand.association->names) key += ' ' + name;
    for (const auto& record : demand.association->records) key += ' ' + std::to_string(record.usage) + record.data;
  }
  return key;
}

bool is_tls_verdict(policy::HostOutcome::What what) {
  // That a host does not offer REQUIRETLS is learnt from a dialogue that went well: it costs the next one nothing.
  using What = policy::HostOutcome::What;
  // A password that was refused is not tried again with the next message: accounts are locked for that.
  return (policy::is_demand(what) && what != What::no_requiretls) || what == What::not_authenticated;
}

bool is_address_fault(const policy::HostOutcome& outcome) {
  using What = policy::HostOutcome::What;
  const bool before_mail = outcome.stage < smtp::Stage::mail;
  return outcome.what == What::unreachable ||
         (before_mail && (outcome.what == What::lost || outcome.what == What::nonsense)) ||
         (before_mail && outcome.what == What::refused && outcome.reply.kind() == 4);
}

}  // namespace

Delivery::Delivery(Environment& environment, std::shared_ptr<const MessageFacts> message, Target target)
    : environment_(environment),
      config_(environment.config()),
      tls_(environment.tls()),
      message_(std::move(message)),
      target_(std::move(target)) {
  pending_.mail = envelope_.mail = message_->mail;
  pending_.added = envelope_.added = message_->added;
  content_ = message_->content.value_or(smtp::ContentFacts());
}

Delivery::~Delivery() {
  abandon();
}

// SMTP-24: what a host lacks for some recipients costs the others nothing. All together first, for a host that takes
// them all may be there; then those that any host takes.
awaitable<std::vector<smtp::Reply>> Delivery::recipients(std::vector<smtp::Rcpt> batch) {
  const auto international = [](const smtp::Rcpt& one) { return one.forward_path.international; };
  const bool some = std::any_of(batch.begin(), batch.end(), international);
  if (!some && utf8_refused_ && failed_ && envelope_.recipients.empty()) {
    failed_.reset();
    planned_ = recorded_ = false;
  }
  std::vector<smtp::Rcpt> others;
  if (some && !message_->mail.reverse_path.international)
    std::remove_copy_if(batch.begin(), batch.end(), std::back_inserter(others), international);
  std::vector<bool> is_other;
  for (const auto& one : batch) is_other.push_back(!international(one));
  wake();
  auto answers = co_await ask(std::move(batch));
  // Whatever was answered: from here on the client has the word.
  if (connection_) environment_.pool.rest(*this, connection_->bucket().host);
  if (others.empty() || !utf8_refused_) co_return answers;
  auto of_others = co_await recipients(std::move(others));
  for (std::size_t i = 0, next = 0; i < answers.size(); ++i) {
    if (is_other[i]) answers[i] = std::move(of_others[next++]);
  }
  co_return answers;
}

awaitable<std::vector<smtp::Reply>> Delivery::ask(std::vector<smtp::Rcpt> batch) {
  std::vector<smtp::Reply> answers;
  const auto count = batch.size();
  if (!failed_) utf8_refused_ = false;
  budget_ = given_up_ ? Deadline{} : after(config_->delivery.rcpt_budget);
  if (yielded_ && envelope_.recipients.empty()) {
    yielded_ = planned_ = recorded_ = false;
  } else if (yielded_) {
    const bool again = co_await replay();
    if (!again) {
      answers.assign(count, *verdict_);
      co_return answers;
    }
  }
  pending_.recipients = std::move(batch);
  rcpt_replies_.clear();
  speaker_.clear();
  if (!failed_ && !planned_) {
    failed_ = co_await connect();
  } else if (!failed_ && connection_ && used().international_address && !connection_->capabilities().smtputf8) {
    utf8_refused_ = true;
    answers.assign(count, policy::reply::utf8_address_refused(attempt_->demand.host));
    co_return answers;
  } else if (!failed_ && connection_) {
    pending_.recipients.resize(std::min(room(), count));
    if (pending_.recipients.empty()) {
      answers.assign(count, policy::reply::too_many_for_host(attempt_->demand.host));
      co_return answers;
    }
    asked_ += pending_.recipients.size();
    auto result = co_await connection_->more_recipients(pending_, budget_);
    if (auto* verdicts = std::get_if<smtp::Verdicts>(&result)) {
      rcpt_replies_ = std::move(verdicts->rcpt);
      if (verdicts->lost) connection_.reset();
    } else {
      // The recipients accepted before are not lost: they are replayed at DATA. These ones wait.
      const auto& failure = std::get<smtp::Failure>(result);
      failed_ = policy::after_failure(attempt_->demand.host, failure);
      connection_.reset();
    }
  } else if (!failed_) {
    failed_ = policy::reply::internal("the connection to the host was lost");
  }
  if (failed_ && rcpt_replies_.empty()) {
    answers.assign(count, *failed_);
    if (!envelope_.recipients.empty()) failed_.reset();
    co_return answers;
  }
  utf8_refused_ = false;  // another host takes them
  for (std::size_t i = 0; i < rcpt_replies_.size(); ++i) {
    const auto& reply = rcpt_replies_[i];
    answers.push_back(policy::rcpt_passed_on(attempt_->demand.host, reply, !envelope_.recipients.empty()));
    if (reply.positive()) envelope_.recipients.push_back(pending_.recipients[i]);
  }
  if (answers.size() < count) answers.resize(count, policy::reply::too_many_for_host(attempt_->demand.host));
  // Its 421 became words of ours.
  const auto closes = [](const smtp::Reply& one) { return one.code == 421; };
  if (std::none_of(rcpt_replies_.begin(), rcpt_replies_.end(), closes)) speaker_ = attempt_->demand.host;
  if (envelope_.recipients.empty()) record(answers.back(), smtp::on_one_line(answers.back()));
  recorded_ = recorded_ && envelope_.recipients.empty();
  co_return answers;
}

// Facts, plan, walk; once more when a fresh look at the policy changes the plan. The reply is set when no host took
// MAIL.
awaitable<std::optional<smtp::Reply>> Delivery::connect() {
  planned_ = true;
  unfit_.clear();
  const auto floor = policy::join(message_->floor, policy::requirement_of(config_->delivery.security));
  auto facts = co_await gather(environment_, target_, floor);
  facts.message = message_->demand;
  std::vector<policy::HostOutcome> outcomes;
  for (bool fresh = false;; fresh = true) {
    outcomes.clear();
    recall(environment_, facts);
    remembers_ = environment_.memory != nullptr && policy::memory::is_kept(facts) &&
                 config_->delivery.remember != policy::memory::Remember::off;
    plan_ = policy::decide(facts);
    for (const auto& left_out : plan_.left_out) {
      log::Event(log::Level::info, "left_out")
          .add("id", message_->id)
          .add("domain", target_.domain)
          .add("mx", left_out.host)
          .add("reason", left_out.words);
    }
    const bool open = co_await walk(outcomes);
    if (open) co_return std::nullopt;
    if (fresh || !policy::policy_stands_in_the_way(plan_, outcomes)) break;
    // RFC 8461 §5.1: before a message waits because of a cached policy, see whether the domain has published another
    // one.
    const auto asked = policy_domain(plan_.route, target_);
    auto learnt = co_await environment_.policies.ask_before_deferral(asked);
    if (learnt->state == plan_.sts.state && learnt->id == plan_.sts.id && learnt->policy == plan_.sts.policy) break;
    facts = co_await gather(environment_, target_, floor, std::move(learnt));
    facts.message = message_->demand;
  }
  auto reply = policy::conclude(plan_, outcomes);
  hear(reply, outcomes);
  if (const auto seen = policy::memory::seen_failing(plan_, outcomes)) observe(*seen, metrics::Weaker::deferred);
  if (message_->waivable && reply.kind() == 4 && header_could_help(std::move(facts), outcomes)) {
    waivable_deferral_ = reply;
    co_return reply;
  }
  record(reply, reply.text);
  co_return reply;
}

// Whose word the reply is, and whether any host had a word about this message.
void Delivery::hear(const smtp::Reply& reply, const std::vector<policy::HostOutcome>& outcomes) {
  no_host_ = reply.kind() == 4;
  for (const auto& one : outcomes) {
    // Our own limits, and a look at this message, say nothing of the domain.
    if (one.what == What::congested) no_host_ = false;
    if (one.what != What::refused) continue;
    if (one.stage >= smtp::Stage::mail || one.reply.kind() == 5) no_host_ = false;
    const bool is_ours = std::find(unfit_.begin(), unfit_.end(), one.host) != unfit_.end();
    if (one.reply.code == reply.code && one.reply.code != 421 && !is_ours) speaker_ = one.host;
  }
}

awaitable<bool> Delivery::walk(std::vector<policy::HostOutcome>& outcomes) {
  if (plan_.refusal) co_return false;
  for (const auto& attempt : plan_.attempts) {
    if (passed(budget_)) {
      outcomes.push_back(outcome(attempt, What::out_of_time, "no time left to try it"));
      co_return false;
    }
    attempt_ = &attempt;
    auto failed = co_await try_host(attempt);
    if (!failed) co_return true;
    connection_.reset();
    if (passed(budget_) && failed->what == What::lost) failed->what = What::out_of_time;
    log::Event(log::Level::info, "attempt_failed")
        .add("id", message_->id)
        .add("domain", target_.domain)
        .add("mx", failed->host)
        .add("need", words(attempt.demand.need))
        .add("reason", failed->words);
    outcomes.push_back(std::move(*failed));
    if (!policy::next_host_may_be_tried(outcomes.back())) co_return false;
  }
  attempt_ = nullptr;
  co_return false;
}

awaitable<std::optional<policy::HostOutcome>> Delivery::try_host(const policy::Attempt& attempt) {
  auto kept = co_await try_kept(attempt);
  if (connection_ || kept) co_return kept;

  auto health = environment_.destinations.may_try(health_key(attempt.demand));
  if (auto* remembered = std::get_if<policy::HostOutcome>(&health)) co_return std::move(*remembered);
  auto& ticket = std::get<Destinations::Ticket>(health);

  std::optional<policy::HostOutcome> last;
  for (const auto& address : attempt.addresses) {
    if (passed(budget_)) break;
    auto failed = co_await try_address(attempt, address);
    if (!failed) {
      ticket.succeeded();
      co_return failed;
    }
    last = std::move(failed);
    if (last->stage >= smtp::Stage::mail && last->what == What::refused)
      break;  // it said so itself: no other address is asked
  }
  if (!last) last = outcome(attempt, What::out_of_time, "no time left to try it");
  if (is_tls_verdict(last->what)) ticket.failed(*last, last->what == What::not_authenticated);
  co_return last;
}

// A kept connection first. One that fails is replaced by a fresh dial before anything is answered: that costs the
// client nothing.
awaitable<std::optional<policy::HostOutcome>> Delivery::try_kept(const policy::Attempt& attempt) {
  for (const auto& address : attempt.addresses) {
    const auto bucket = bucket_of(attempt, address);
    for (;;) {
      connection_ = environment_.pool.take(bucket);
      if (!connection_) break;
      auto admitted = policy::admit(connection_->proof(), attempt.demand, std::chrono::system_clock::now());
      auto* permit = std::get_if<policy::Permit>(&admitted);
      if (permit == nullptr) {
        environment_.pool.end(std::move(connection_));  // it was made for those who demand less; dial anew
        continue;
      }
      auto failed = co_await send_envelope(attempt, std::move(*permit));
      if (!failed || given_up_) co_return failed;
      const bool gone = failed->what == What::lost || failed->what == What::nonsense || failed->reply.code == 421;
      if (!gone) co_return failed;
      connection_.reset();
      environment_.pool.drop(bucket);
      break;
    }
  }
  co_return std::nullopt;
}

awaitable<std::optional<policy::HostOutcome>> Delivery::try_address(const policy::Attempt& attempt,
                                                                    const std::string& address) {
  auto health = environment_.destinations.may_try(health_key(address, attempt.demand.port));
  if (auto* remembered = std::get_if<policy::HostOutcome>(&health)) {
    remembered->host = attempt.demand.host;
    co_return std::move(*remembered);
  }
  auto& ticket = std::get<Destinations::Ticket>(health);

  // Where nothing at all is demanded, weak TLS beats none, and plaintext beats silence: each on a connection of its own
  // (SMTP-56).
  const bool opportunistic = attempt.demand.need.nothing();
  int rung = opportunistic ? static_cast<int>(environment_.tls_memory.recall(attempt.demand.host)) : 0;
  const int last_rung = !opportunistic ? 0 : attempt.implicit_tls ? 1 : 2;
  if (rung > last_rung) rung = last_rung;
  std::optional<policy::HostOutcome> failed;
  for (;; ++rung) {
    failed = co_await try_rung(attempt, address, rung);
    // T-2: garbage in place of the handshake may arrive together with the 220; where nothing is demanded that is the
    // same trouble.
    const bool trouble = failed && (failed->what == What::handshake_failed ||
                                    (failed->what == What::nonsense && failed->stage == smtp::Stage::starttls));
    if (!trouble || rung == last_rung) break;
    environment_.tls_memory.remember(attempt.demand.host, static_cast<Rung>(rung + 1));
    log::Event(log::Level::warn, "tls_trouble")
        .add("id", message_->id)
        .add("mx", attempt.demand.host)
        .add("next", rung == 0 ? "weak TLS" : "plaintext")
        .add("reason", failed->words);
  }
  if (failed && is_address_fault(*failed)) {
    ticket.failed(*failed, failed->what == What::unreachable && failed->words.find("timed out") != std::string::npos);
  } else if (failed && (failed->what == What::congested || failed->what == What::out_of_time)) {
    co_return failed;  // nothing was learnt of the address
  } else {
    ticket.succeeded();
  }
  co_return failed;
}

awaitable<std::optional<policy::HostOutcome>> Delivery::try_rung(const policy::Attempt& attempt,
                                                                 const std::string& address, int rung) {
  const auto& demand = attempt.demand;
  auto slot = co_await environment_.destinations.acquire(demand.host, earlier(budget_, after(slot_wait)));
  if (!slot) co_return outcome(attempt, What::congested, "as many connections to it as allowed are in use");

  const auto connect_end = earlier(budget_, after(config_->delivery.connect_timeout));
  auto dialled = co_await dial(address, demand.port, environment_.watchdog, connect_end);
  if (!dialled.socket) co_return outcome(attempt, What::unreachable, address + ": " + dialled.words);

  auto connection = std::make_unique<Connection>(bucket_of(attempt, address), std::move(*slot),
                                                 std::move(*dialled.socket), environment_.watchdog);
  smtp::TlsUse use = smtp::TlsUse::required;
  if (attempt.implicit_tls)
    use = smtp::TlsUse::established;
  else if (demand.need.nothing())
    use = rung == 2 ? smtp::TlsUse::none : smtp::TlsUse::opportunistic;
  const auto strength = rung == 0 ? Strength::strong : Strength::weak;
  // Of its own trust anchors, where the route has some; they live as long as the others.
  const std::shared_ptr<const TlsContexts> tls(tls_, &tls_->with(plan_.route.trust_anchors));
  opening_ = connection.get();
  auto failure = co_await connection->open(config_->hostname, use, strength, tls, budget_, demand.association);
  opening_ = nullptr;
  if (given_up_) co_return outcome(attempt, What::out_of_time, client_left);
  if (failure) {
    auto result = policy::outcome_of(demand.host, *failure);
    if (failure->cause == smtp::Cause::refused || failure->cause == smtp::Cause::no_starttls) {
      environment_.pool.end(std::move(connection));
    }
    co_return result;
  }

  auto admitted = policy::admit(connection->proof(), demand, std::chrono::system_clock::now());
  auto* permit = std::get_if<policy::Permit>(&admitted);
  if (permit == nullptr) {
    auto refused = policy::outcome_of(demand.host, std::get<policy::NotAdmitted>(admitted));
    // What does not do for this message may do for one that demands less (RTLS-11).
    if (refused.what == What::no_requiretls)
      environment_.pool.keep(std::move(connection));
    else
      environment_.pool.end(std::move(connection));
    co_return refused;
  }
  if (const auto* as = login()) {
    opening_ = connection.get();
    failure = co_await connection->log_in(*as, budget_);
    opening_ = nullptr;
    if (given_up_) co_return outcome(attempt, What::out_of_time, client_left);
    if (failure) co_return policy::outcome_of(demand.host, *failure);
  }
  connection_ = std::move(connection);
  auto failed = co_await send_envelope(attempt, std::move(*permit));
  co_return failed;
}

const Login* Delivery::login() const {
  if (!plan_.route.login) return nullptr;
  const auto* destination = destination_for(*config_, target_.domain);
  return destination != nullptr && destination->login ? &*destination->login : nullptr;
}

Bucket Delivery::bucket_of(const policy::Attempt& attempt, const std::string& address) const {
  const auto* as = login();
  return {attempt.demand.host, address, attempt.demand.port, attempt.implicit_tls, as != nullptr ? as->user : ""};
}

/// How many RCPTs more the host takes in this transaction (RFC 9422 §4.2).
std::size_t Delivery::room() const {
  const auto most = connection_->capabilities().limits.recipients;
  if (!most) return pending_.recipients.size();
  return *most > asked_ ? *most - asked_ : 0;
}

// A host that cannot take the message as the client declared it (SMTP-21, SMTP-22, SMTP-24).
std::optional<policy::HostOutcome> Delivery::unfit(const policy::Attempt& attempt) const {
  auto refusal = policy::cannot_take(attempt.demand.host, connection_->capabilities(), used());
  if (!refusal) return std::nullopt;
  policy::HostOutcome refused{.host = attempt.demand.host, .what = What::refused, .stage = smtp::Stage::ehlo};
  refused.words = refusal->text;
  refused.reply = std::move(*refusal);
  return refused;
}

awaitable<std::optional<policy::HostOutcome>> Delivery::send_envelope(const policy::Attempt& attempt,
                                                                      policy::Permit permit) {
  if (auto cannot = unfit(attempt)) {
    unfit_.push_back(attempt.demand.host);
    const auto& offers = connection_->capabilities();
    const auto needs = used();
    utf8_refused_ = utf8_refused_ || (needs.international_address && !offers.smtputf8);
    lacked_.smtputf8 |= (needs.international_address || needs.utf8_header) && !offers.smtputf8;
    lacked_.eight_bit_mime |= needs.eight_bit && !offers.eight_bit_mime;
    environment_.pool.keep(std::move(connection_));
    co_return cannot;
  }
  asked_ = 0;
  pending_.mail.smtputf8 = says_smtputf8();
  std::optional<smtp::Envelope> fewer;  // another host may take them all
  if (const auto most = room(); most < pending_.recipients.size()) {
    fewer = pending_;
    fewer->recipients.resize(most);
  }
  const auto& envelope = fewer ? *fewer : pending_;
  asked_ = envelope.recipients.size();
  auto result = co_await connection_->envelope(std::move(permit), envelope, budget_);
  if (given_up_) {
    connection_.reset();  // a reply of its own may still be on its way
    co_return outcome(attempt, What::out_of_time, client_left);
  }
  if (auto* failure = std::get_if<smtp::Failure>(&result)) co_return policy::outcome_of(attempt.demand.host, *failure);

  auto& verdicts = std::get<smtp::Verdicts>(result);
  if (!verdicts.mail.positive()) {
    policy::HostOutcome refused{.host = attempt.demand.host, .what = What::refused, .stage = smtp::Stage::mail};
    refused.reply = verdicts.mail;
    refused.words = smtp::on_one_line(verdicts.mail);
    if (verdicts.mail.kind() == 3) refused.what = What::nonsense;
    if (!verdicts.lost && verdicts.mail.code != 421 && refused.what == What::refused) {
      environment_.pool.reset_and_keep(std::move(connection_));
    }
    co_return refused;
  }
  if (verdicts.lost && !verdicts.rcpt.empty() && verdicts.rcpt.back().code == 421) {
    policy::HostOutcome lost{.host = attempt.demand.host, .what = What::lost, .stage = smtp::Stage::rcpt};
    lost.reply = verdicts.rcpt.back();
    lost.words = smtp::on_one_line(lost.reply);
    co_return lost;
  }
  rcpt_replies_ = std::move(verdicts.rcpt);
  report_testing(attempt, connection_->proof(),
                 connection_->starttls_refusal().code != 0 ? "STARTTLS was refused" : "");
  co_return std::nullopt;
}

}  // namespace proxy
