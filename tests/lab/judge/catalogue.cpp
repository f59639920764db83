// The catalogue put together and printed.
#include "tests/lab/judge/catalogue.hpp"

#include <algorithm>
#include <ostream>
#include <stdexcept>

namespace lab::judge {
namespace {

std::vector<Attack> all() {
  std::vector<Attack> found;
  std::set<std::string> names;
  for (auto part : {controls, policy_attacks, attacks_with_a_past, mx_attacks, dane_attacks, smtp_attacks}) {
    for (auto& attack : part()) {
      if (!names.insert(attack.name).second) throw std::logic_error("two attacks are called " + attack.name);
      found.push_back(std::move(attack));
    }
  }
  return found;
}

}  // namespace

const std::vector<Attack>& catalogue() {
  static const std::vector<Attack> attacks = all();
  return attacks;
}

void list(std::ostream& out) {
  std::size_t width = 0;
  for (const auto& attack : catalogue()) width = std::max(width, attack.name.size());
  for (const auto& attack : catalogue())
    out << attack.name << std::string(width + 2 - attack.name.size(), ' ') << attack.title << " (" << attack.source
        << ")\n";
}

void list_as_markdown(std::ostream& out) {
  out << "# The catalogue of `sts-lab judge`\n"
         "Written by `sts-lab judge --list --markdown`; a test compares. "
      << catalogue().size()
      << " domains, each with one attack or one healthy control. \"Good\" is\n"
         "what a sender may make of it; all else is *leaked*, *lost* or *refused to deliver*.\n\n"
         "The laboratory's DNS server plays the sender's validating resolver: it says of all names that they are\n"
         "secure (AD), and answers SERVFAIL where a validator would find a forgery. For a resolver that validates\n"
         "itself, or a sender that does, it signs what it says: `sts-lab guide unbound`.\n";
  const Attack* before = nullptr;
  for (const auto& attack : catalogue()) {
    if (before == nullptr || before->side != attack.side)
      out << "\n## " << heading(attack.side) << " (`--only " << words(attack.side)
          << "`)\n\n| name | what happens | rule | good |\n|---|---|---|---|\n";
    out << "| `" << attack.name << "` | **" << attack.title << ".** " << attack.deed << " | " << attack.rule << " "
        << attack.source << " | " << words(attack.good) << " |\n";
    before = &attack;
  }
}

}  // namespace lab::judge
