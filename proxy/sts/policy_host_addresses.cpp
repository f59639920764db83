// The address lookups of a fetch, below its deadline.
#include "proxy/sts/policy_host_addresses.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "protocol/base/text.hpp"
#include "proxy/dns/address_filter.hpp"

namespace proxy {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::array types{dns::Type::a, dns::Type::aaaa};

/// Shared with the lookups, which may outlive whoever waits for them.
struct Lookups {
  explicit Lookups(const asio::any_io_executor& executor) : changed(executor) {}
  asio::steady_timer changed;  ///< cancelled at each answer
  std::array<std::shared_ptr<const dns::Answer>, types.size()> answers;
  std::array<bool, types.size()> ended{};
  bool all_ended() const {
    return std::all_of(ended.begin(), ended.end(), [](bool e) { return e; });
  }
  bool any_address() const {
    return std::any_of(answers.begin(), answers.end(), [](const auto& a) { return a && !a->addresses.empty(); });
  }
};

asio::awaitable<void> look_up(Resolver& resolver, std::string host, std::size_t which, std::shared_ptr<Lookups> into) {
  auto answer = co_await resolver.ask(std::move(host), types[which]);
  into->answers[which] = std::move(answer);
}

/// What the answers hold that may be dialled. Forbidden ones are named in `why`.
PolicyHostAddresses usable(const Lookups& lookups, bool allow_loopback) {
  std::array<std::vector<asio::ip::address>, types.size()> families;
  PolicyHostAddresses result;
  std::string forbidden;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& answer = lookups.answers[i];
    if (!answer) {
      if (result.why.empty()) result.why = "address lookup: no answer in time";
      continue;
    }
    if (dns::failed(answer->status) && result.why.empty()) {
      result.why =
          "address lookup: " + base::printable(answer->text.empty() ? dns::words(answer->status) : answer->text, 120);
    }
    for (const auto& text : answer->addresses) {
      boost::system::error_code error;
      const auto address = asio::ip::make_address(text, error);
      if (error) continue;
      const std::string_view refusal = refusal_to_dial(text, allow_loopback);
      if (refusal.empty()) {
        families[i].push_back(address);
      } else {
        forbidden = text + " is " + std::string(refusal);
      }
    }
  }
  for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i) {
    for (const auto& family : families) {
      if (i < family.size()) result.all.push_back(family[i]);
    }
  }
  if (!forbidden.empty()) result.why = base::printable(forbidden, 100) + " and is not dialled";
  if (result.why.empty()) result.why = "no address";
  return result;
}

}  // namespace

asio::awaitable<PolicyHostAddresses> policy_host_addresses(asio::any_io_executor executor, Resolver& resolver,
                                                           std::string host, bool allow_loopback,
                                                           Clock::time_point deadline) {
  const auto lookups = std::make_shared<Lookups>(executor);
  for (std::size_t i = 0; i < types.size(); ++i) {
    // However it ends, it has ended: without an answer it counts as failed.
    auto end = [lookups, i](std::exception_ptr) {
      lookups->ended[i] = true;
      lookups->changed.cancel();
    };
    asio::co_spawn(executor, look_up(resolver, host, i, lookups), std::move(end));
  }
  const auto patience = Clock::now() + (deadline - Clock::now()) / 4;
  while (!lookups->all_ended()) {
    const auto until = lookups->any_address() ? std::min(patience, deadline) : deadline;
    if (Clock::now() >= until) break;
    lookups->changed.expires_at(until);
    co_await lookups->changed.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return usable(*lookups, allow_loopback);
}

}  // namespace proxy
