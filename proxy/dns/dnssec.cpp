// The probe of the root, as Postfix's dnssec_probe does it.
#include "proxy/dns/dnssec.hpp"

#include <algorithm>
#include <utility>

#include "proxy/config/values.hpp"
#include "proxy/dns/caching_resolver.hpp"
#include "proxy/runtime/log.hpp"

namespace proxy {

namespace {

using Mode = Config::Dns::Dnssec;
using namespace std::chrono_literals;

constexpr std::chrono::minutes usual_pause(60), short_pause(1);
constexpr Milliseconds probe_wait(3000);

std::string text_of(const HostPort& server) {
  const bool v6 = server.address.find(':') != std::string::npos;
  return (v6 ? '[' + server.address + ']' : server.address) + ':' + std::to_string(server.port);
}

const HostPort* away_from_loopback(const Config::Dns& dns) {
  const auto found = std::find_if(dns.servers.begin(), dns.servers.end(),
                                  [](const auto& server) { return !is_loopback(server.address); });
  return found == dns.servers.end() ? nullptr : &*found;
}

}  // namespace

Dnssec::Dnssec(Config::Dns dns) : dns_(std::move(dns)) {
  const auto verdict = declared(dns_);
  set(verdict.on, verdict.words);
}

Dnssec::Verdict Dnssec::declared(const Config::Dns& dns) {
  const auto* away = away_from_loopback(dns);
  switch (dns.dnssec) {
    case Mode::off: return {false, false, "DANE is off: [dns] dnssec is \"off\""};
    case Mode::on: {
      std::string words = "DANE is on: [dns] dnssec is \"on\"";
      // RFC 7672 §2.1.1: the AD flag says nothing over a path that others can write on.
      if (away) words += "; " + text_of(*away) + " is not on loopback, so the path to it has to be safe";
      return {true, false, std::move(words)};
    }
    case Mode::automatic: break;
  }
  if (!away) return {false, true, "DANE is off: the DNS servers were not probed yet"};
  return {false, false,
          "DANE is off: the DNS server " + text_of(*away) +
              " is not on loopback, and its word for DNSSEC is not believed; a validating resolver on this machine, "
              "such as unbound, turns DANE on"};
}

bool Dnssec::validates(const HostPort& server) const {
  const auto vouched = vouched_.load();
  return vouched && std::find(vouched->begin(), vouched->end(), server) != vouched->end();
}

std::string Dnssec::words() const {
  const std::lock_guard guard(lock_);
  return words_;
}

void Dnssec::set(bool on, std::string words) {
  vouched_.store(on ? std::make_shared<const std::vector<HostPort>>(dns_.servers) : nullptr);
  const std::lock_guard guard(lock_);
  words_ = std::move(words);
}

awaitable<Dnssec::Seen> Dnssec::probe_server(Executor executor, HostPort server) {
  std::vector<HostPort> only{std::move(server)};
  ResolverOptions options;
  options.trust_ad = [](const HostPort&) { return true; };
  options.patience = probe_wait;
  CachingResolver resolver(std::move(executor), only, std::move(options));
  const auto answer = co_await resolver.ask(".", dns::Type::ns, true);
  if (dns::failed(answer->status)) co_return Seen::unsure;
  co_return answer->authentic ? Seen::validates : Seen::does_not;
}

awaitable<Dnssec::Verdict> Dnssec::judge(Executor executor, Config::Dns dns) {
  auto verdict = declared(dns);
  if (!verdict.unsure) co_return verdict;
  for (const auto& server : dns.servers) {
    const auto seen = co_await probe_server(executor, server);
    verdict.unsure = seen == Seen::unsure;
    if (seen == Seen::validates) continue;
    verdict.words = "DANE is off: the DNS server " + text_of(server) +
                    (verdict.unsure ? " did not answer the probe"
                                    : " does not validate (no AD flag on the root); a validating resolver, such as "
                                      "unbound, turns DANE on");
    co_return verdict;
  }
  verdict = {true, false, "DANE is on: the DNS servers validate"};
  co_return verdict;
}

awaitable<void> Dnssec::probe(Executor executor) {
  const auto verdict = co_await judge(executor, dns_);
  unsure_ = verdict.unsure;
  if (verdict.unsure && validates()) co_return;
  set(verdict.on, verdict.words);
}

awaitable<void> Dnssec::change(Executor executor, Config::Dns dns) {
  const auto verdict = co_await judge(executor, dns);
  dns_ = std::move(dns);
  unsure_ = verdict.unsure;
  set(verdict.on, verdict.words);
}

awaitable<void> Dnssec::keep_probing(Executor executor) {
  boost::asio::steady_timer pause(executor);
  for (;;) {
    pause.expires_after(unsure_ ? short_pause : usual_pause);
    boost::system::error_code ignored;
    co_await pause.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    const auto before = words();
    co_await probe(executor);
    if (auto now = words(); now != before)
      log::Event(log::Level::warn, "dane").add("on", validates()).add("reason", now);
  }
}

}  // namespace proxy
