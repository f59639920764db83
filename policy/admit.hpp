// The gate. MAIL can be sent only by handing over a Permit; only admit makes one; one transaction spends it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "policy/proof.hpp"
#include "policy/requirement.hpp"

namespace policy {

/// What must hold on the connection for this message. Made by decision; see there for the rest of an attempt.
struct Demand {
  std::string host;  ///< the MX host name as in the MX record: the identity to prove
  std::uint16_t port = 25;
  Requirement need;
  std::uint64_t anchors = 0;                             ///< the trust anchors now in force
  std::shared_ptr<const dane::Association> association;  ///< with need.dane: the TLSA records now in force
};

struct NotAdmitted;
class Permit;

std::variant<Permit, NotAdmitted> admit(const Proof& proof, const Demand& demand,
                                        std::chrono::system_clock::time_point now);

class Permit {
 public:
  Permit(Permit&& other) noexcept : spent_(other.spent_) { other.spent_ = true; }
  Permit& operator=(Permit&&) = delete;
  /// Called by the one place that sends MAIL. False when it was spent already: then nothing may be sent.
  bool spend() { return !std::exchange(spent_, true); }

 private:
  Permit() = default;
  friend std::variant<Permit, NotAdmitted> admit(const Proof&, const Demand&, std::chrono::system_clock::time_point);
  bool spent_ = false;
};

/// Why a connection may not carry a message.
struct NotAdmitted {
  enum class Reason {
    other_host,     ///< the proof is of another host or port
    not_encrypted,  ///< TLS is demanded
    weak_tls,       ///< made with the weak context
    certificate,    ///< pkix is demanded and failed; `words` say how
    dane,           ///< dane is demanded and did not pass
    no_requiretls,
    stale,  ///< trust anchors or TLSA records changed, or the certificate ran out since: dial anew
  } reason;
  std::string words;
};

}  // namespace policy
