// The words of every refusal the relay makes itself: one place, so that each says who, what, by whose demand, and what
// to do. ASCII, at most 400 octets of text; text of others comes in cleaned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/smtp/reply.hpp"

namespace policy::reply {

smtp::Reply second_domain(std::string_view first, std::string_view second);  // 452 4.5.3
smtp::Reply no_postmaster();                                                 // 550 5.1.1
smtp::Reply too_busy(std::string_view which_limit);                          // 451 4.3.2
smtp::Reply too_many_connections(std::string_view which_limit);              // 421 4.7.0 as a greeting
smtp::Reply shutting_down();                                                 // 421 4.3.2
smtp::Reply size_exceeds_host(std::string_view host, std::uint64_t limit);   // 552 5.3.4
smtp::Reply eight_bit_refused(std::string_view host);                        // 554 5.6.3
smtp::Reply utf8_address_refused(std::string_view host);                     // 553 5.6.7
smtp::Reply utf8_header_refused(std::string_view host);                      // 554 5.6.9
smtp::Reply too_many_for_host(std::string_view host);                        // 452 4.5.3
smtp::Reply no_room(std::string_view why);                                   // 452 4.3.1
smtp::Reply slow(std::string_view domain);                                   // 451 4.4.1, why a message waits
smtp::Reply internal(std::string_view words);                                // 451 4.3.0

/// With code and enhanced code in front ("451 4.7.5 ") a line stays within the 400 octets of the contract.
constexpr std::size_t text_limit = 390;

/// Cuts and cleans a text to what a reply may hold.
std::string bounded(std::string text);

}  // namespace policy::reply
