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

Command parse_mail(std::string_view argument, const Offer& offer) {
  const auto text = behind_keyword(argument, "FROM:");
  if (!text) return bad_argument("MAIL FROM:<address> was expected");
  std::string_view rest;
  auto path = parse_path(*text, true, rest);
  if (!path) return Reply{501, "5.1.7", path.error().what};
  if (!rest.empty() && !rest.starts_with(' ')) return bad_argument("a blank is missing behind the address");
  Mail mail;
  mail.reverse_path = std::move(*path);
  if (auto refusal = take_parameters(rest, offer, mail)) return std::move(*refusal);
  if (mail.reverse_path.international && !mail.smtputf8)
    return Reply{550, "5.6.7", "an address that is not ASCII needs SMTPUTF8"};  // RFC 6531 §3.5
  return mail;
}

Command parse_rcpt(std::string_view argument, const Offer& offer) {
  const auto text = behind_keyword(argument, "TO:");
  if (!text) return bad_argument("RCPT TO:<address> was expected");
  std::string_view rest;
  auto path = parse_path(*text, false, rest);
  if (!path) return Reply{501, "5.1.3", path.error().what};
  if (!rest.empty() && !rest.starts_with(' ')) return bad_argument("a blank is missing behind the address");
  Rcpt rcpt;
  rcpt.forward_path = std::move(*path);
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

Command parse_hello(command::Hello::Verb verb, std::string_view argument) {
  // SMTP-64: any argument will do, none will not.
  if (argument.empty()) return bad_argument("the name of the client is missing");
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

}  // namespace

Command parse_command(std::string_view line, const Offer& offer) {
  constexpr std::string_view never("\0\r\n", 3);
  if (line.find_first_of(never) != std::string_view::npos) {
    return Reply{500, "5.5.2", "a command line ends in CRLF and holds no other CR, LF or NUL"};
  }
  // RFC 5321 §4.1.1: blanks before the CRLF are tolerated.
  line = line.substr(0, line.find_last_not_of(blanks) + 1);
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  const std::string_view argument = base::trim(line.substr(word.size()));
  switch (verb_of(word)) {
    case Verb::helo: return parse_hello(command::Hello::Verb::helo, argument);
    case Verb::ehlo: return parse_hello(command::Hello::Verb::ehlo, argument);
    case Verb::lhlo: return parse_hello(command::Hello::Verb::lhlo, argument);
    case Verb::mail: return parse_mail(argument, offer);
    case Verb::rcpt: return parse_rcpt(argument, offer);
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

}  // namespace smtp
