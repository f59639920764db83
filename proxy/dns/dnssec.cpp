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
  switch (dns_.dnssec) {
    case Mode::off: words_ = "DANE is off: [dns] dnssec is \"off\""; break;
    case Mode::on:
      on_.store(true);
      words_ = "DANE is on: [dns] dnssec is \"on\"";
      if (const auto* server = away_from_loopback(dns_)) {
        // RFC 7672 §2.1.1: the AD flag says nothing over a path that others can write on.
        words_ += "; " + text_of(*server) + " is not on loopback, so the path to it has to be safe";
      }
      break;
    case Mode::automatic: words_ = "DANE is off: the DNS servers were not probed yet"; break;
  }
}

std::string Dnssec::words() const {
  const std::lock_guard guard(lock_);
  return words_;
}

void Dnssec::set(bool on, std::string words) {
  on_.store(on, std::memory_order_relaxed);
  const std::lock_guard guard(lock_);
  words_ = std::move(words);
}

awaitable<Dnssec::Seen> Dnssec::probe_server(Executor executor, HostPort server) {
  std::vector<HostPort> only{std::move(server)};
  ResolverOptions options;
  options.trust_ad = [] { return true; };
  options.patience = probe_wait;
  CachingResolver resolver(std::move(executor), only, std::move(options));
  const auto answer = co_await resolver.ask(".", dns::Type::ns, true);
  if (dns::failed(answer->status)) co_return Seen::unsure;
  co_return answer->authentic ? Seen::validates : Seen::does_not;
}

awaitable<void> Dnssec::probe(Executor executor) {
  if (dns_.dnssec != Mode::automatic) co_return;
  unsure_ = false;
  if (const auto* server = away_from_loopback(dns_)) {
    set(false, "DANE is off: the DNS server " + text_of(*server) +
                   " is not on loopback, and its word for DNSSEC is not believed; a validating resolver on this "
                   "machine, such as unbound, turns DANE on");
    co_return;
  }
  for (const auto& server : dns_.servers) {
    const auto seen = co_await probe_server(executor, server);
    if (seen == Seen::does_not) {
      set(false, "DANE is off: the DNS server " + text_of(server) +
                     " does not validate (no AD flag on the root); a validating resolver, such as unbound, turns "
                     "DANE on");
      co_return;
    }
    if (seen == Seen::unsure) {
      unsure_ = true;
      if (!validates()) set(false, "DANE is off: the DNS server " + text_of(server) + " did not answer the probe");
      co_return;
    }
  }
  set(true, "DANE is on: the DNS servers validate");
}

awaitable<void> Dnssec::keep_probing(Executor executor) {
  if (dns_.dnssec != Mode::automatic) co_return;
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
