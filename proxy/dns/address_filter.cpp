// The address classes, by their numbers.
#include "proxy/dns/address_filter.hpp"

#include <boost/asio/ip/address.hpp>
#include <string>

namespace proxy {
namespace {

std::string_view refusal(const boost::asio::ip::address_v4& address, bool allow_loopback) {
  const auto octets = address.to_bytes();
  if (address.is_loopback()) return allow_loopback ? "" : "a loopback address";
  if (octets[0] == 0)
    return "an unspecified address";  // RFC 1122 §3.2.1.3: "this" network; Linux dials itself at 0.0.0.0
  if (octets[0] == 169 && octets[1] == 254) return "a link-local address";
  if (address.is_multicast()) return "a multicast address";
  if (address == boost::asio::ip::address_v4::broadcast()) return "the broadcast address";
  return "";
}

}  // namespace

std::string_view refusal_to_dial(std::string_view text, bool allow_loopback) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(text), error);
  if (error) return "not an address";
  if (address.is_v4()) return refusal(address.to_v4(), allow_loopback);
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return refusal(make_address_v4(boost::asio::ip::v4_mapped, v6), allow_loopback);
  if (v6.is_loopback()) return allow_loopback ? "" : "a loopback address";
  if (v6.is_unspecified()) return "an unspecified address";
  if (v6.is_link_local()) return "a link-local address";
  if (v6.is_multicast()) return "a multicast address";
  return "";
}

}  // namespace proxy
