// A host's TLSA records, by the road of RFC 7672 §2.2: secure answers at every step, or DANE does not apply. It asks
// and sorts; what follows from it is policy/decision's to say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/facts.hpp"
#include "proxy/dns/resolver.hpp"

namespace proxy {

/// What the host's addresses were learnt from.
struct AddressAnswers {
  std::shared_ptr<const dns::Answer> a, aaaa;
};

/// `further_names`: reference names of usage 2 besides the TLSA base domain. Answers that are not `authentic` prove
/// nothing: with DNSSEC off none is, and no TLSA record is asked for (DANE-01, DANE-03).
boost::asio::awaitable<policy::DaneFacts> find_tlsa(Resolver& resolver, std::string host, std::uint16_t port,
                                                    AddressAnswers addresses, std::vector<std::string> further_names);

}  // namespace proxy
