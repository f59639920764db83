// What old clients do against the standards and a listener may let them do: the `devices` profile, each part by itself.
// Never loosens where a command or a message ends (SMTP-01, SMTP-02).
#pragma once

#include <array>
#include <string_view>

namespace smtp {

/// As options: what is let through. As a fact: what was needed and let through.
struct Leniency {
  bool bare_newlines = false;           ///< in a message, each made CRLF; as BareNewline::normalize does
  bool helo_names = false;              ///< EHLO and HELO without a name; odd names are taken anyway (SMTP-64)
  bool blanks_in_paths = false;         ///< `MAIL FROM : < a@b >`, more than the one blank of SMTP-54
  bool paths_without_brackets = false;  ///< `MAIL FROM: a@b`
  bool inline_auth_login = false;       ///< `AUTH LOGIN dXNlcg==` (A-1)
  bool no_quit = false;                 ///< the end of the connection between transactions is as good as QUIT
  bool missing_fields = false;          ///< Date and Message-ID: the owner's to add, nothing that the machine knows of

  bool operator==(const Leniency&) const = default;
};

struct NamedLeniency {
  std::string_view name;
  bool Leniency::*member;
};
/// All of them, as configuration and log call them.
inline constexpr std::array<NamedLeniency, 7> leniencies{{{"bare_newlines", &Leniency::bare_newlines},
                                                          {"helo_names", &Leniency::helo_names},
                                                          {"blanks_in_paths", &Leniency::blanks_in_paths},
                                                          {"paths_without_brackets", &Leniency::paths_without_brackets},
                                                          {"inline_auth_login", &Leniency::inline_auth_login},
                                                          {"no_quit", &Leniency::no_quit},
                                                          {"missing_fields", &Leniency::missing_fields}}};

}  // namespace smtp
