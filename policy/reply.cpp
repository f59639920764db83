// The words of the relay's own refusals. Never lets a name or a text of others through uncleaned or unbounded.
#include "policy/reply.hpp"

#include "protocol/base/text.hpp"

namespace policy::reply {

namespace {
std::string name(std::string_view text) {
  return base::printable(text, 100);
}
}  // namespace

std::string bounded(std::string text) {
  return base::printable(text, text_limit);
}

smtp::Reply second_domain(std::string_view first, std::string_view second) {
  return {452, "4.5.3",
          bounded("one recipient domain per transaction here (first was " + name(first) + "); send " + name(second) +
                  " next, or use LMTP")};
}
smtp::Reply no_postmaster() {
  return {550, "5.1.1", "no address is configured for <postmaster> (postmaster = \"...\")"};
}
smtp::Reply too_busy(std::string_view which_limit) {
  return {451, "4.3.2", bounded("too busy: " + name(which_limit) + "; try again later")};
}
smtp::Reply too_many_connections(std::string_view which_limit) {
  return {421, "4.7.0", bounded("too many connections (limit " + name(which_limit) + "); try again later")};
}
smtp::Reply shutting_down() {
  return {421, "4.3.2", "shutting down, try again soon"};
}
smtp::Reply size_exceeds_host(std::string_view host, std::uint64_t limit) {
  return {552, "5.3.4",
          bounded(name(host) + " takes messages of at most " + std::to_string(limit) +
                  " octets; this one is declared larger")};
}
smtp::Reply eight_bit_refused(std::string_view host) {
  return {554, "5.6.3", bounded(name(host) + " does not take 8-bit content (8BITMIME), and nothing is converted here")};
}
smtp::Reply utf8_address_refused(std::string_view host) {
  return {553, "5.6.7", bounded(name(host) + " does not take addresses that are not ASCII (SMTPUTF8)")};
}
smtp::Reply utf8_header_refused(std::string_view host) {
  return {554, "5.6.9", bounded(name(host) + " does not take a header that is not ASCII (SMTPUTF8)")};
}
smtp::Reply too_many_for_host(std::string_view host) {
  return {452, "4.5.3",
          bounded(std::string(host) + " takes no more recipients in one transaction, send to the rest in another")};
}

smtp::Reply no_room(std::string_view why) {
  return {452, "4.3.1", bounded("no room to keep the message, try later: " + std::string(why))};
}

smtp::Reply slow(std::string_view domain) {
  return {451, "4.4.1", bounded(std::string(domain) + ": its host had not answered when the client's time was over")};
}

smtp::Reply internal(std::string_view words) {
  return {451, "4.3.0", bounded("internal: " + std::string(words))};
}

}  // namespace policy::reply
