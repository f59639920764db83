// Command lines by the grammar of RFC 5321 §4.1. Knows no sequence and keeps no state; a refusal here changes nothing.
#include "protocol/smtp/command.hpp"

#include "protocol/base/text.hpp"
#include "protocol/smtp/command_parameters.hpp"

namespace smtp {
namespace {

constexpr std::string_view blanks = " \t";

enum class Verb {
  helo,
  ehlo,
  lhlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  help,
  quit,
  vrfy,
  starttls,
  auth,
  unserved,
  unknown
};

Verb verb_of(std::string_view word) {
  struct Row {
    std::string_view word;
    Verb verb;
  };
  static constexpr Row rows[] = {
      {"RCPT", Verb::rcpt},     {"MAIL", Verb::mail},         {"DATA", Verb::data},     {"EHLO", Verb::ehlo},
      {"QUIT", Verb::quit},     {"RSET", Verb::rset},         {"NOOP", Verb::noop},     {"HELO", Verb::helo},
      {"LHLO", Verb::lhlo},     {"VRFY", Verb::vrfy},         {"HELP", Verb::help},     {"EXPN", Verb::unserved},
      {"AUTH", Verb::auth},     {"STARTTLS", Verb::starttls}, {"BDAT", Verb::bdat},     {"TURN", Verb::unserved},
      {"ETRN", Verb::unserved}, {"ATRN", Verb::unserved},     {"SEND", Verb::unserved}, {"SOML", Verb::unserved},
      {"SAML", Verb::unserved},
  };
  for (const Row& row : rows) {
    if (base::equals_ignoring_case(word, row.word)) return row.verb;
  }
  return Verb::unknown;
}

/// What stands behind `FROM:` or `TO:`, with the one blank that old firmware puts there removed (SMTP-54); nullopt
/// without keyword.
std::optional<std::string_view> behind_keyword(std::string_view argument, std::string_view keyword) {
  if (!base::starts_with_ignoring_case(argument, keyword)) return std::nullopt;
  argument.remove_prefix(keyword.size());
  if (argument.starts_with(' ')) argument.remove_prefix(1);
  return argument;
}

/// Grammar beyond the standard, and what of it was needed.
struct Tolerance {
  const Leniency& allowed;
  Leniency& used;
};

/// Where in `text` the first of `ends` stands outside a quoted string; its size when there is none.
std::size_t end_of_word(std::string_view text, std::string_view ends) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && ends.find(text[at]) != ends.npos) {
      return at;
    }
  }
  return text.size();
}

/// A path as old firmware writes it: blanks around it and inside its brackets, or no brackets. Nothing where that is
/// not allowed or does not help.
std::optional<Path> tolerated_path(std::string_view text, bool null_allowed, bool needs_blanks, Tolerance tolerance,
                                   std::string_view& rest) {
  Leniency needed;
  const auto trimmed = base::trim(text);
  std::string_view inside;
  if (trimmed.starts_with('<')) {
    const auto end = end_of_word(trimmed, ">");
    if (end == trimmed.size()) return std::nullopt;
    const auto whole = trimmed.substr(1, end - 1);
    inside = base::trim(whole);
    needed.blanks_in_paths = inside.size() != whole.size();
    rest = trimmed.substr(end + 1);
  } else {
    inside = trimmed.substr(0, end_of_word(trimmed, blanks));
    if (inside.empty()) return std::nullopt;  // the null path has its brackets
    needed.paths_without_brackets = true;
    rest = trimmed.substr(inside.size());
  }
  if (needs_blanks || trimmed.size() != text.size()) needed.blanks_in_paths = true;
  const auto& allowed = tolerance.allowed;
  if (needed.blanks_in_paths && !allowed.blanks_in_paths) return std::nullopt;
  if (needed.paths_without_brackets && !allowed.paths_without_brackets) return std::nullopt;
  std::string_view left;
  auto path = parse_path("<" + std::string(inside) + ">", null_allowed, left);
  if (!path || !left.empty()) return std::nullopt;
  tolerance.used.blanks_in_paths |= needed.blanks_in_paths;
  tolerance.used.paths_without_brackets |= needed.paths_without_brackets;
  return std::move(*path);
}

/// The path behind `FROM:` or `TO:`, and what stands behind it; or the refusal.
std::optional<Reply> take_path(std::string_view argument, std::string_view keyword, Tolerance tolerance, Path& path,
                               std::string_view& rest) {
  const bool from = keyword == "FROM:";
  auto text = behind_keyword(argument, keyword);
  const bool spaced = !text;
  if (spaced && base::starts_with_ignoring_case(argument, keyword.substr(0, keyword.size() - 1))) {
    const auto colon = base::trim(argument.substr(keyword.size() - 1));
    if (colon.starts_with(':') && tolerance.allowed.blanks_in_paths) text = base::trim(colon.substr(1));
  }
  if (!text) return bad_argument((from ? "MAIL FROM" : "RCPT TO") + std::string(":<address> was expected"));
  auto parsed = parse_path(*text, from, rest);
  if (parsed && !spaced) {
    path = std::move(*parsed);
  } else if (auto tolerated = tolerated_path(*text, from, spaced, tolerance, rest)) {
    path = std::move(*tolerated);
  } else {
    return Reply{501, from ? "5.1.7" : "5.1.3", parsed ? "the address is not valid" : parsed.error().what};
  }
  if (!rest.empty() && !rest.starts_with(' ')) return bad_argument("a blank is missing behind the address");
  return std::nullopt;
}

Command parse_mail(std::string_view argument, const Offer& offer, Tolerance tolerance) {
  Mail mail;
  std::string_view rest;
  if (auto refusal = take_path(argument, "FROM:", tolerance, mail.reverse_path, rest)) return std::move(*refusal);
  if (auto refusal = take_parameters(rest, offer, mail)) return std::move(*refusal);
  if (mail.reverse_path.international && !mail.smtputf8)
    return Reply{550, "5.6.7", "an address that is not ASCII needs SMTPUTF8"};  // RFC 6531 §3.5
  return mail;
}

Command parse_rcpt(std::string_view argument, const Offer& offer, Tolerance tolerance) {
  Rcpt rcpt;
  std::string_view rest;
  if (auto refusal = take_path(argument, "TO:", tolerance, rcpt.forward_path, rest)) return std::move(*refusal);
  if (auto refusal = take_parameters(rest, offer, rcpt)) return std::move(*refusal);
  if (rcpt.forward_path.international && !offer.utf8_addresses)
    return Reply{553, "5.6.7", "an address that is not ASCII needs SMTPUTF8"};
  return rcpt;
}

/// RFC 3030 §2: a size in digits, and LAST.
Command parse_bdat(std::string_view argument) {
  const auto digits = argument.substr(0, argument.find(' '));
  const auto rest = base::trim(argument.substr(digits.size()));
  const auto octets = size_value(digits);
  if (!octets || !(rest.empty() || base::equals_ignoring_case(rest, "LAST")))
    return bad_argument("BDAT needs a number of octets, and LAST or nothing");
  return command::Bdat{*octets, !rest.empty()};
}

Command parse_hello(command::Hello::Verb verb, std::string_view argument, Tolerance tolerance) {
  // SMTP-64: any argument will do, none will not.
  if (argument.empty()) {
    if (!tolerance.allowed.helo_names || verb == command::Hello::Verb::lhlo)
      return bad_argument("the name of the client is missing");
    tolerance.used.helo_names = true;
  }
  return command::Hello{verb, std::string(argument)};
}

Command parse_auth(std::string_view argument) {
  command::Auth auth;
  auth.mechanism = argument.substr(0, argument.find(' '));
  const auto rest = base::trim(argument.substr(auth.mechanism.size()));
  if (!rest.empty()) auth.initial = rest;
  return auth;
}

template <class Value>
Command without_argument(std::string_view argument) {
  if (!argument.empty()) return bad_argument("no argument was expected");
  return Value{};
}

Command parse_line(std::string_view line, const Offer& offer, Tolerance tolerance) {
  constexpr std::string_view never("\0\r\n", 3);
  if (line.find_first_of(never) != std::string_view::npos) {
    return Reply{500, "5.5.2", "a command line ends in CRLF and holds no other CR, LF or NUL"};
  }
  // RFC 5321 §4.1.1: blanks before the CRLF are tolerated.
  line = line.substr(0, line.find_last_not_of(blanks) + 1);
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  const std::string_view argument = base::trim(line.substr(word.size()));
  switch (verb_of(word)) {
    case Verb::helo: return parse_hello(command::Hello::Verb::helo, argument, tolerance);
    case Verb::ehlo: return parse_hello(command::Hello::Verb::ehlo, argument, tolerance);
    case Verb::lhlo: return parse_hello(command::Hello::Verb::lhlo, argument, tolerance);
    case Verb::mail: return parse_mail(argument, offer, tolerance);
    case Verb::rcpt: return parse_rcpt(argument, offer, tolerance);
    case Verb::data: return without_argument<command::Data>(argument);
    case Verb::bdat: return parse_bdat(argument);
    case Verb::rset: return without_argument<command::Rset>(argument);
    case Verb::quit: return without_argument<command::Quit>(argument);
    case Verb::noop: return command::Noop{};
    case Verb::help: return command::Help{};
    case Verb::vrfy:
      if (argument.empty()) return bad_argument("an address is missing");
      return command::Vrfy{};
    case Verb::starttls: return without_argument<command::StartTls>(argument);  // RFC 3207 §4: 501 with one
    case Verb::auth: return parse_auth(argument);
    case Verb::unserved: return Reply{502, "5.5.1", "this command is not served here"};
    case Verb::unknown: break;
  }
  return Reply{500, "5.5.1", "this command is not known"};
}

}  // namespace

Command parse_command(std::string_view line, const Offer& offer) {
  Leniency none;
  return parse_line(line, offer, {none, none});
}

Command parse_command(std::string_view line, const Offer& offer, const Leniency& allowed, Leniency& used) {
  Leniency needed;
  auto command = parse_line(line, offer, {allowed, needed});
  if (std::holds_alternative<Reply>(command)) return command;  // it helped nobody
  for (const auto& part : leniencies) used.*part.member |= needed.*part.member;
  return command;
}

}  // namespace smtp
