// What the laboratory saw of one attack. Never judges.
#pragma once

#include <string>
#include <vector>

#include "tests/lab/judge/verdict.hpp"

namespace lab::judge {

// The addresses of an attack's messages: by them what arrives is told apart.
std::string sender_of(const Field& field);
std::string victim_of(const Field& field);
std::string first_sender_of(const Field& field);
std::string first_recipient_of(const Field& field);

/// All that reached an MX host of the attack's message.
std::vector<Sighting> sightings(const Field& field);
/// The first message has arrived.
bool first_has_arrived(const Field& field);
/// The domain was asked for in DNS, or one of its hosts was visited.
bool was_asked(const Field& field);
/// Connections to the domain's hosts.
int visits(const Field& field);
/// How the laboratory itself kept the policy from the sender, or "".
std::string starved(const Field& field);
/// A notice of failure for the attack's message has come back.
bool was_returned(const Field& field);

/// What happened, for a reader: DNS questions, HTTPS requests, SMTP dialogues. "C:" is the sender under test.
std::vector<std::string> transcript(const Field& field);

}  // namespace lab::judge
