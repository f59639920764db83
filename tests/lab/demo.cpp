// The demonstration: a domain for each attack, so that what the relay remembers of one host masks nothing of the next.
#include "tests/lab/demo.hpp"

#include <algorithm>
#include <ostream>

#include "protocol/base/text.hpp"
#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"

namespace lab {
namespace {

constexpr auto patience = std::chrono::seconds(10);

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

class Demo {
 public:
  Demo(const DemoOptions& options, std::ostream& out)
      : out_(out), colour_(options.colour), relay_(lab_, options.relay) {}

  bool run();

 private:
  Domain& enforced(const std::string& name) { return lab_.domain(name, {.sts = "enforce"}); }
  bool arrives(Domain& domain, const std::string& recipient, Outcome& outcome);
  void honest(const std::string& what, Domain& domain);
  void warm_up(Domain& domain);
  /// Sends one message while the attack is on. `met`: the host that the relay must have dialled for the attack to
  /// count, or none.
  void attack(const std::string& what, Domain& domain, const MxHost* met);
  std::string damage(const std::string& recipient, std::size_t mails_before);
  std::size_t mails();
  void line(bool good, const char* word, const std::string& what, const std::string& deed,
            const std::string& own_words);

  std::ostream& out_;
  const bool colour_;
  Laboratory lab_;
  RelayProcess relay_;
  int attacks_ = 0, succeeded_ = 0, messages_ = 0;
  bool honest_failed_ = false;
};

std::size_t Demo::mails() {
  std::size_t count = 0;
  for (const MxHost* host : lab_.hosts()) count += host->mails().size();
  return count;
}

void Demo::line(bool good, const char* word, const std::string& what, const std::string& deed,
                const std::string& own_words) {
  const char* verdict = !colour_ ? "" : good ? "\x1b[1;32m" : "\x1b[1;31m";
  const char *bold = colour_ ? "\x1b[1m" : "", *dim = colour_ ? "\x1b[2m" : "", *plain = colour_ ? "\x1b[0m" : "";
  out_ << verdict << padded(word, 9) << plain << ' ' << bold << padded(what, 60) << plain << ' ' << padded(deed, 44)
       << ' ' << dim << own_words << plain << std::endl;
}

bool Demo::arrives(Domain& domain, const std::string& recipient, Outcome& outcome) {
  outcome = relay_.mail(recipient);
  const auto arrived = lab_.arrived(recipient);
  if (outcome.fate() != Fate::delivered || arrived.size() != 1) return false;
  const Message& message = arrived.front();
  return message.mx == domain.mx.at(0) && !message.tls.empty() && message.server_name == message.mx->host() &&
         message.body->ends_with(letter());
}

void Demo::honest(const std::string& what, Domain& domain) {
  const std::string recipient = "someone@" + domain.name;
  Outcome outcome;
  const bool there = arrives(domain, recipient, outcome);
  // Over TLS is what the MX host has seen; verified is what the relay says, and what the attacks below put to the
  // proof.
  const bool verified =
      there &&
      lab_.watch().until(
          [&] {
            const auto lines = relay_.log_lines({{"event", "delivery"}, {"domain", domain.name}});
            return std::any_of(lines.begin(), lines.end(), [](const LogLine& l) { return l["proof"] == "pkix"; });
          },
          patience);
  honest_failed_ = honest_failed_ || !verified;
  std::string deed = "did not arrive over verified TLS";
  if (verified) deed = "arrived over verified " + lab_.arrived(recipient).front().tls;
  line(verified, verified ? "DELIVERED" : "LOST", what, deed, words(outcome.reply()));
}

void Demo::warm_up(Domain& domain) {
  Outcome outcome;
  if (!arrives(domain, "first@" + domain.name, outcome))
    throw std::runtime_error("the first message to " + domain.name +
                             ", before any attack, did not arrive: " + words(outcome));
  // The relay writes what it has learnt behind the message; a kill before that would prove nothing.
  const bool stored = lab_.watch().until(
      [&] {
        return relay_.cli({"policy", "show", domain.name}).status == 0;
      },
      patience);
  if (!stored) throw std::runtime_error("the relay did not store the policy of " + domain.name);
}

std::string Demo::damage(const std::string& recipient, std::size_t mails_before) {
  for (const auto& message : lab_.seen())
    if (std::find(message.recipients.begin(), message.recipients.end(), recipient) != message.recipients.end())
      return "MESSAGE WENT TO " + message.mx->host() + (message.tls.empty() ? " IN PLAINTEXT" : " OVER UNPROVEN TLS");
  if (mails() != mails_before) return "SENDER AND RECIPIENT WERE REVEALED";
  return "";
}

void Demo::attack(const std::string& what, Domain& domain, const MxHost* met) {
  ++attacks_;
  const std::string recipient = "victim" + std::to_string(++messages_) + "@" + domain.name;
  const std::size_t mails_before = mails(), sessions_before = met == nullptr ? 0 : met->sessions().size();
  const Outcome outcome = relay_.mail(recipient);
  std::string deed = damage(recipient, mails_before);
  if (deed.empty() && outcome.fate() == Fate::refused) deed = "BOUNCED, though the fault may pass";
  if (deed.empty() && outcome.fate() != Fate::deferred) deed = "LOST: " + std::string(words(outcome.fate()));
  if (deed.empty() && met != nullptr && met->sessions().size() == sessions_before)
    deed = "NOT MET: the relay did not come";
  const bool held = deed.empty();
  if (!held) ++succeeded_;
  line(held, held ? "HELD" : "BROKEN", what, held ? "deferred; the attacker saw no MAIL command" : deed,
       words(outcome.reply()));
}

bool Demo::run() {
  relay_.start();
  honest("no attack", enforced("good.test"));

  // At first contact: the policy is fetched for this very message.
  Domain& stripped = enforced("stripped.test");
  stripped.mx[0]->starttls(Starttls::stripped);
  attack("STARTTLS stripped", stripped, stripped.mx[0]);

  Domain& swapped = enforced("swapped.test");
  swapped.mx[0]->certificate(lab_.ca().issue({"mx1.attacker.test"}).path);
  attack("certificate swapped for a valid one of another name", swapped, swapped.mx[0]);

  Domain& expired = enforced("expired.test");
  expired.mx[0]->certificate(lab_.ca().issue({expired.mx[0]->host()}, {.days_from = -30, .days_to = -1}).path);
  attack("certificate expired", expired, expired.mx[0]);

  Domain& forged = enforced("forged-mx.test");
  lab_.mx("mx.attacker.test");  // with a certificate that is valid for its own name
  forged.hosts({"mx.attacker.test"});
  attack("MX record forged", forged, nullptr);

  Domain& injected = enforced("injected.test");
  injected.mx[0]->starttls(Starttls::inject);
  attack("plaintext injected after STARTTLS", injected, injected.mx[0]);

  // With a policy in the relay's cache.
  Domain& blocked = enforced("blocked.test");
  Domain& new_id = enforced("new-id.test");
  warm_up(blocked);
  warm_up(new_id);
  blocked.block();
  lab_.web().stop();
  blocked.mx[0]->starttls(Starttls::stripped);
  attack("DNS and policy host blocked, STARTTLS stripped", blocked, blocked.mx[0]);
  relay_.kill();
  relay_.start();
  attack("the same, after kill -9 and a restart of the relay", blocked, blocked.mx[0]);

  new_id.txt({sts_record("20990101")});
  new_id.mx[0]->starttls(Starttls::stripped);
  attack("new policy id forged, policy host blocked, STARTTLS stripped", new_id, new_id.mx[0]);

  // All attacks are lifted.
  lab_.web().start();
  blocked.unblock();
  honest("no attack any more", enforced("fresh.test"));

  if (const auto crash = relay_.crash(); !crash.empty())
    throw std::runtime_error("the relay ended by itself: " + crash);
  const int status = relay_.stop();
  if (status != 0) throw std::runtime_error("the relay ended with status " + std::to_string(status));
  out_ << attacks_ << " attacks, ";
  if (succeeded_ == 0) {
    out_ << "all held";
  } else {
    out_ << succeeded_ << " SUCCEEDED";
  }
  if (honest_failed_) out_ << "; an honest message did not arrive";
  out_ << std::endl;
  return succeeded_ == 0 && !honest_failed_;
}

}  // namespace

bool run_demo(const DemoOptions& options, std::ostream& out) {
  return Demo(options, out).run();
}

}  // namespace lab
