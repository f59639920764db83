// A count a client, and its end.
#include "proxy/inbound/failure_limit.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace proxy {
namespace {

constexpr std::chrono::milliseconds first_wait(500), longest_wait(8000);

std::string key_of(const std::string& client) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(client, error);
  if (error || !address.is_v6()) return client;
  const auto octets = address.to_v6().to_bytes();
  return {octets.begin(), octets.begin() + 8};
}

}  // namespace

bool FailureLimit::is_blocked(const std::string& client, Time now) const {
  const auto found = clients_.find(key_of(client));
  return found != clients_.end() && found->second.count >= failures_at_most && now - found->second.since < window;
}

std::chrono::milliseconds FailureLimit::failed(const std::string& client, Time now) {
  if (clients_.size() >= clients_at_most) sweep(now);
  auto& failures = clients_[key_of(client)];
  if (failures.count == 0 || now - failures.since >= window) failures = {0, now};
  auto wait = first_wait;
  for (unsigned i = 0; i < failures.count && wait < longest_wait; ++i) wait *= 2;
  ++failures.count;
  return std::min(wait, longest_wait);
}

void FailureLimit::succeeded(const std::string& client) {
  clients_.erase(key_of(client));
}

// Where none is over, all go: a memory that only grows would serve those who fill it.
void FailureLimit::sweep(Time now) {
  std::erase_if(clients_, [&](const auto& one) { return now - one.second.since >= window; });
  if (clients_.size() >= clients_at_most) clients_.clear();
}

}  // namespace proxy
