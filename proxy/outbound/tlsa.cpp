// The TLSA base domain, the question, the sorting.
#include "proxy/outbound/tlsa.hpp"

#include "protocol/base/text.hpp"
#include "proxy/tls/dane.hpp"

namespace proxy {

namespace {

using boost::asio::awaitable;
using policy::DaneFacts;
using State = DaneFacts::State;

DaneFacts not_applicable(std::string words) {
  return {.state = State::not_applicable, .association = nullptr, .words = std::move(words)};
}

DaneFacts failed(std::string what, const dns::Answer& answer) {
  what += " failed: " + (answer.text.empty() ? std::string(dns::words(answer.status)) : answer.text);
  return {.state = State::failed, .association = nullptr, .words = std::move(what)};
}

/// The answers that gave the addresses to dial.
std::vector<const dns::Answer*> that_have_addresses(const AddressAnswers& answers) {
  std::vector<const dns::Answer*> those;
  for (const auto* answer : {answers.a.get(), answers.aaaa.get()}) {
    if (!answer->addresses.empty()) those.push_back(answer);
  }
  return those;
}

/// A TLSA answer with records, secure.
DaneFacts sorted(std::string base_domain, const dns::Answer& answer, const std::vector<std::string>& further_names) {
  auto records = policy::dane::sort_out(answer.tlsa).usable;
  // DANE-05: full data that is no certificate or key is malformed, which only the TLS library can tell.
  std::erase_if(records, [](const auto& record) { return !is_well_formed(record); });
  DaneFacts facts;
  if (records.empty()) {
    facts.state = State::unusable;
    facts.words = "no TLSA record at " + base_domain + " is usable";
    return facts;
  }
  facts.state = State::usable;
  facts.association = std::make_shared<const policy::dane::Association>(
      policy::dane::association(std::move(base_domain), further_names, std::move(records)));
  return facts;
}

}  // namespace

awaitable<DaneFacts> find_tlsa(Resolver& resolver, std::string host, std::uint16_t port, AddressAnswers addresses,
                               std::vector<std::string> further_names) {
  const auto given = that_have_addresses(addresses);
  if (given.empty()) co_return not_applicable("no address");
  bool secure = true;
  for (const auto* answer : given) secure = secure && answer->authentic;

  // DANE-10: the fully expanded name first, where all of the way to it is secure; then the name itself, where its own
  // alias is. Names in between never.
  std::vector<std::string> bases;
  const auto& first = *given.front();
  if (secure && first.alias) bases.push_back(first.canonical);
  if (!secure && first.alias) {
    // DANE-18: the last step alone may be what is not secure; the alias is asked for by itself.
    const auto alias = co_await resolver.ask(host, dns::Type::cname);
    if (dns::failed(alias->status)) co_return failed("CNAME lookup of " + host, *alias);
    if (!alias->authentic) co_return not_applicable("its alias is not secure (DNSSEC)");
  } else if (!secure) {
    co_return not_applicable("its addresses are not secure (DNSSEC)");
  }
  bases.push_back(host);

  std::string why = "no TLSA record";
  for (const auto& base : bases) {
    const auto name = '_' + std::to_string(port) + "._tcp." + base;
    const auto answer = co_await resolver.ask(name, dns::Type::tlsa);
    if (dns::failed(answer->status)) co_return failed("TLSA lookup of " + name, *answer);
    if (answer->tlsa.empty()) continue;
    if (answer->authentic) co_return sorted(base, *answer, further_names);
    why = "its TLSA records are not secure (DNSSEC)";  // DANE-21
  }
  co_return not_applicable(why);
}

}  // namespace proxy
