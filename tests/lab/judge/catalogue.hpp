// The catalogue: all attacks and healthy controls, in the order in which they are listed. Never holds two of one name.
#pragma once

#include <iosfwd>
#include <vector>

#include "tests/lab/judge/attack.hpp"

namespace lab::judge {

const std::vector<Attack>& catalogue();

// Its parts.
std::vector<Attack> controls();
std::vector<Attack> policy_attacks();
std::vector<Attack> attacks_with_a_past();
std::vector<Attack> mx_attacks();
std::vector<Attack> dane_attacks();
std::vector<Attack> smtp_attacks();

/// One line each.
void list(std::ostream& out);
/// docs/attacks.md.
void list_as_markdown(std::ostream& out);

}  // namespace lab::judge
