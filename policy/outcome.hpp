// What happened at a host, what follows from it, and what the client is told when no host is left. Pure tables over RFC
// 5321 §4.2.1, §5.1 and the contract's reply table; every refusal explains itself in words.
#pragma once

#include <span>
#include <string>

#include "policy/decision.hpp"
#include "protocol/smtp/client_step.hpp"
#include "protocol/smtp/reply.hpp"

namespace policy {

/// The end of the try at one host.
struct HostOutcome {
  std::string host;
  enum class What {
    unreachable,  ///< refused, no route, connect timeout
    blocked,      ///< not tried: it failed a moment ago; `words` is the remembered reason, `remembered` what it was
    congested,    ///< not tried: as many connections as allowed are open (4.4.5)
    lost,         ///< the connection ended, or a reply did not come in time (4.4.2)
    nonsense,     ///< no SMTP reply, or one that fits nothing (4.5.0)
    refused,      ///< its reply says no: `reply`, at `stage`
    no_starttls,  ///< demanded, and not offered or refused (4.7.4)
    handshake_failed,   ///< demanded, and it failed (4.7.5)
    not_admitted,       ///< the proof is not enough (4.7.5); `words` say what failed
    no_requiretls,      ///< the message demands REQUIRETLS and the host does not offer it (5.7.30)
    out_of_time,        ///< rcpt_budget ended before or during the try (4.4.1)
    not_authenticated,  ///< our credentials do not serve there (4.7.0): never for good, for they are ours to mend
  } what = What::unreachable;
  smtp::Stage stage = smtp::Stage::connect;
  smtp::Reply reply{};  ///< the host's own, with `refused`, `no_starttls`, `nonsense` where there was one
  std::string words{};  ///< for people, printable
  What remembered = What::unreachable;  ///< with `blocked`
};

/// Whether that is a demand which the host did not meet.
bool is_demand(HostOutcome::What what);
/// A connection that admit did not let pass.
HostOutcome outcome_of(const std::string& host, const NotAdmitted& refusal);
/// Whether what the host failed at is demanded by the message's REQUIRETLS alone: then it fails for good (RTLS-04).
bool fails_requiretls_alone(const Plan& plan, const HostOutcome& outcome);
/// What an outcome counts as for this plan: of a host that was not tried, what is remembered of it.
HostOutcome::What what_counts(const Plan& plan, const HostOutcome& outcome);

/// Translates a client machine's failure.
HostOutcome outcome_of(const std::string& host, const smtp::Failure& failure);

/// SMTP-17: whether the next host may be tried after this. A 5xx to MAIL (or later) is final; all else before RCPT goes
/// on.
bool next_host_may_be_tried(const HostOutcome& outcome);

/// The reply to the client when the walk is over without a host that took MAIL: each refusal said so itself -> its 5xx;
/// a final refusal -> that; else 4xx by the contract's table, in words: who, what and by whose demand, which host, what
/// happened.
smtp::Reply conclude(const Plan& plan, std::span<const HostOutcome> outcomes);

/// Whether a fresh look at the record and the policy could change the verdict: a host was left out, or failed, by
/// demand of a stored policy (STS-24, STS-47).
bool policy_stands_in_the_way(const Plan& plan, std::span<const HostOutcome> outcomes);

/// What a reply of the MX to RCPT, DATA or the final dot becomes for the client: 421 and lost connections become 451,
/// odd classes 451 4.5.0, all else goes through cleaned (SMTP-17, SMTP-66, SMTP-27).
smtp::Reply passed_on(const std::string& host, smtp::Stage stage, const smtp::Reply& from_mx);
/// The same of a reply to RCPT. Behind recipients that were accepted, 552 is the old word for too many of them
/// (SMTP-46); 452 there says that the rest may be sent in further transactions.
smtp::Reply rcpt_passed_on(const std::string& host, const smtp::Reply& from_mx, bool some_accepted);
/// The reply for an exchange that failed at RCPT or later: 451 4.4.2 ... (after the final dot: "may have been
/// delivered").
smtp::Reply after_failure(const std::string& host, const smtp::Failure& failure);

}  // namespace policy
