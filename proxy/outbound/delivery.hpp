// One message to one recipient domain: facts -> plan -> a connection that is admitted -> envelope, body, verdict. Walks
// the plan that policy/decision made, never around it. What it answers is fit for the client.
//
//   1. recipients()  the first batch plans and walks; MAIL goes out for a Permit; later batches go to the same host
//   2. body()        the first call sends DATA; while no octet of a body is out, a lost connection is replaced once
//   3. finish()      the MX's final reply
//   abandon()        at any point: RSET where the dialogue is clean, a reset of the connection where a body has begun
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/extensions.hpp"
#include "policy/memory.hpp"
#include "policy/outcome.hpp"
#include "proxy/outbound/connection.hpp"
#include "proxy/outbound/environment.hpp"
#include "proxy/outbound/facts.hpp"
#include "proxy/outbound/pool.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

/// Sets facts.memory: what the domain has proven before, where that is kept.
void recall(Environment& environment, policy::Facts& facts);

/// What is the same for every recipient of a message.
struct MessageFacts {
  std::string id;
  smtp::Mail mail;
  policy::Requirement floor;     ///< of the listener
  policy::MessageDemand demand;  ///< of the message itself
  /// A TLS-Required: No in its header, which is still to come, would count: what it would change is not concluded
  /// before.
  bool waivable = false;
  std::uint64_t added = 0;  ///< octets of the Received field
  std::string client;       ///< address, for the log
  /// Of a message that is there already: then it goes by itself to the host that can take it. Else what take() says.
  std::optional<smtp::ContentFacts> content{};
};

/// Extensions that a message needs and hosts do not offer.
struct Lacked {
  bool smtputf8 = false, eight_bit_mime = false;
};

class Delivery final : private Resting {
 public:
  Delivery(Environment& environment, std::shared_ptr<const MessageFacts> message, Target target);
  ~Delivery();

  /// One reply a recipient, in order.
  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch);
  std::size_t accepted() const { return envelope_.recipients.size(); }
  const std::vector<smtp::Rcpt>& recipients_accepted() const { return envelope_.recipients; }
  /// The first accepted recipient; only when there is one.
  const std::string& first_recipient() const { return envelope_.recipients.front().forward_path.address; }
  const std::string& domain() const { return target_.domain; }
  /// The deferral that recipients() answered, where it depends on a header that is still to come (RTLS-06). It is in no
  /// delivery record yet.
  const std::optional<smtp::Reply>& waivable_deferral() const { return waivable_deferral_; }
  /// The header does not change it: it is the verdict.
  smtp::Reply keep_deferral();

  /// Sends `front` and `part` (canonical wire form) on, with the end marker when `last`. Once the MX has refused or is
  /// lost, it drops what it is given.
  awaitable<void> body(std::string_view front, std::string_view part, bool last);
  /// What the message has turned out to hold, before the part that shows it. False where the host cannot take that; the
  /// verdict is then the refusal.
  bool take(const smtp::ContentFacts& content);
  awaitable<smtp::Reply> finish();
  void abandon();
  /// While recipients() is under way: it answers soon, whatever the answer, and the host is blamed for nothing.
  void give_up();

  /// The MX host whose own reply recipients() or finish() gave last; empty: the words were the relay's.
  const std::string& speaker() const { return speaker_; }
  /// recipients() got 4xx because no host could be had at all: that is no word about this message.
  bool no_host() const { return no_host_; }
  /// What hosts lacked that the message needs, where no host took it.
  Lacked lacked() const { return failed_ ? lacked_ : Lacked(); }
  /// Whether the host that took the message passes on what the sender wants to be told (RFC 3461).
  bool took_over_notices() const { return took_over_notices_; }

 private:
  using What = policy::HostOutcome::What;
  struct Walk;

  awaitable<std::vector<smtp::Reply>> ask(std::vector<smtp::Rcpt> batch);
  awaitable<std::optional<smtp::Reply>> connect();
  void hear(const smtp::Reply& reply, const std::vector<policy::HostOutcome>& outcomes);
  bool header_could_help(policy::Facts facts, const std::vector<policy::HostOutcome>& outcomes) const;
  awaitable<bool> walk(std::vector<policy::HostOutcome>& outcomes);
  awaitable<std::optional<policy::HostOutcome>> try_host(const policy::Attempt& attempt);
  awaitable<std::optional<policy::HostOutcome>> try_address(const policy::Attempt& attempt, const std::string& address);
  awaitable<std::optional<policy::HostOutcome>> try_rung(const policy::Attempt& attempt, const std::string& address,
                                                         int rung);
  awaitable<std::optional<policy::HostOutcome>> try_kept(const policy::Attempt& attempt);
  awaitable<std::optional<policy::HostOutcome>> send_envelope(const policy::Attempt& attempt, policy::Permit permit);
  policy::Used used() const;
  bool says_smtputf8() const;
  const Login* login() const;
  Bucket bucket_of(const policy::Attempt& attempt, const std::string& address) const;
  std::size_t room() const;
  std::optional<policy::HostOutcome> unfit(const policy::Attempt& attempt) const;
  bool is_one_chunk(std::size_t octets, bool last);
  void yield() override;
  awaitable<bool> start_data();
  awaitable<bool> replay();
  void settle(smtp::Reply verdict);
  void lost(const smtp::Failure& failure);
  void record(const smtp::Reply& verdict, const std::string& reason);
  /// What hosts have shown of the domain: kept, and said where it is less than before.
  void observe(policy::memory::Level seen, metrics::Weaker action);
  void count(metrics::Result result, const policy::Proof& proof) const;
  void report_testing(const policy::Attempt& attempt, const policy::Proof& proof, const std::string& words) const;

  Environment& environment_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const TlsContexts> tls_;
  std::shared_ptr<const MessageFacts> message_;
  Target target_;
  Deadline budget_ = never;  // of RCPT (SMTP-44)
  policy::Plan plan_;
  const policy::Attempt* attempt_ = nullptr;  // of plan_: the host that took MAIL
  std::unique_ptr<Connection> connection_;
  Connection* opening_ = nullptr;          // one that has not been admitted yet
  smtp::Envelope pending_;                 // the batch being sent
  std::size_t asked_ = 0;                  // RCPTs of the host's transaction
  smtp::Envelope envelope_;                // what the host has accepted
  std::vector<smtp::Reply> rcpt_replies_;  // of pending_, from the host
  bool planned_ = false, data_started_ = false, body_sent_ = false, replayed_ = false, recorded_ = false;
  smtp::ContentFacts content_;
  std::string speaker_;
  std::vector<std::string> unfit_;  // hosts that were not asked, because they lack what the message needs
  bool utf8_refused_ = false;       // one of them lacks SMTPUTF8, and no other took the batch
  Lacked lacked_;                   // by one of them at least
  bool no_host_ = false, took_over_notices_ = false;
  bool given_up_ = false, yielded_ = false;
  bool remembers_ = false;              // what the domain proves is kept
  std::optional<smtp::Reply> failed_;   // no host could be had: the answer to every RCPT
  std::optional<smtp::Reply> verdict_;  // final, known before the end
  std::optional<smtp::Reply> waivable_deferral_;
};

}  // namespace proxy
