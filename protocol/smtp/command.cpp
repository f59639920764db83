// Command lines by the grammar of RFC 5321 §4.1. Knows no sequence and keeps no state; a refusal here changes nothing.
#include "protocol/smtp/command.hpp"

#include <algorithm>
#include <limits>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::string_view blanks = " \t";

Reply bad_argument(std::string text) {
  return {501, "5.5.4", std::move(text)};
}

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

/// Takes the next parameter off `text`: false at the end of them.
bool next_parameter(std::string_view& text, std::string_view& keyword, std::optional<std::string_view>& value) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  const auto sign = word.find('=');
  keyword = word.substr(0, sign);
  value = sign == std::string_view::npos ? std::nullopt : std::optional(word.substr(sign + 1));
  return true;
}

/// RFC 5321 §4.1.2 esmtp-keyword and esmtp-value.
bool well_formed(std::string_view keyword, const std::optional<std::string_view>& value) {
  const auto alphanumeric = [](char c) { return base::is_letter(c) || base::is_digit(c); };
  if (keyword.empty() || !alphanumeric(keyword.front())) return false;
  if (!std::all_of(keyword.begin(), keyword.end(), [&](char c) { return alphanumeric(c) || c == '-'; })) return false;
  if (!value) return true;
  return !value->empty() && std::all_of(value->begin(), value->end(),
                                        [](char c) { return base::is_printable(c) && c != ' ' && c != '='; });
}

/// RFC 1870 §4: up to twenty digits, which may be more than 64 bits hold; that is more than any limit, too.
std::optional<std::uint64_t> size_value(std::string_view digits) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (digits.empty() || digits.size() > 20) return std::nullopt;
  std::uint64_t size = 0;
  for (const char c : digits) {
    if (!base::is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    size = size > (most - digit) / 10 ? most : size * 10 + digit;
  }
  return size;
}

/// What stands behind `FROM:` or `TO:`, with the one blank that old firmware puts there removed (SMTP-54); nullopt
/// without keyword.
std::optional<std::string_view> behind_keyword(std::string_view argument, std::string_view keyword) {
  if (!base::starts_with_ignoring_case(argument, keyword)) return std::nullopt;
  argument.remove_prefix(keyword.size());
  if (argument.starts_with(' ')) argument.remove_prefix(1);
  return argument;
}

std::optional<Reply> take_return(std::string_view value, Mail& mail) {
  if (mail.ret != Return::unspecified) return bad_argument("RET was given twice");
  if (base::equals_ignoring_case(value, "FULL")) {
    mail.ret = Return::full;
  } else if (base::equals_ignoring_case(value, "HDRS")) {
    mail.ret = Return::headers;
  } else {
    return bad_argument("RET is FULL or HDRS");
  }
  return std::nullopt;
}

/// RFC 3461 §4.4: at most 100 octets, and printable when the xtext is undone: it will stand in a header.
std::optional<Reply> take_envelope_id(std::string_view value, Mail& mail) {
  if (!mail.envid.empty()) return bad_argument("ENVID was given twice");
  const auto text = base::decoded_xtext(value);
  const bool good = text && !text->empty() && std::all_of(text->begin(), text->end(), base::is_printable);
  if (!good || value.size() > 100) return bad_argument("ENVID needs xtext of at most 100 octets");
  mail.envid = value;
  return std::nullopt;
}

std::optional<Reply> take_notify(std::string_view value, Rcpt& rcpt) {
  if (rcpt.notify.given) return bad_argument("NOTIFY was given twice");
  const auto notify = parse_notify(value);
  if (!notify) return bad_argument("NOTIFY is NEVER alone, or some of SUCCESS, FAILURE, DELAY");
  rcpt.notify = *notify;
  return std::nullopt;
}

/// RFC 3461 §4.2: an address type, which is an atom, and the address as xtext; at most 500 octets.
std::optional<Reply> take_original_recipient(std::string_view value, Rcpt& rcpt) {
  constexpr std::string_view no_atom = "()<>@,;:\\\".[]";
  if (!rcpt.orcpt.empty()) return bad_argument("ORCPT was given twice");
  const auto type = value.substr(0, value.find(';'));
  const bool typed = !type.empty() && type.size() < value.size() && type.find_first_of(no_atom) == type.npos;
  const auto address = base::decoded_xtext(value.substr(typed ? type.size() + 1 : 0));
  if (!typed || !address || address->empty() || value.size() > 500) {
    return bad_argument("ORCPT needs a type, a semicolon and xtext, at most 500 octets");
  }
  rcpt.orcpt = value;
  return std::nullopt;
}

/// The parameters of MAIL: nullopt when all are good, and in `mail`.
std::optional<Reply> take_parameters(std::string_view text, const Offer& offer, Mail& mail) {
  std::string_view keyword;
  std::optional<std::string_view> value;
  while (next_parameter(text, keyword, value)) {
    if (!well_formed(keyword, value)) return bad_argument("a parameter is malformed");
    if (base::equals_ignoring_case(keyword, "SIZE")) {
      if (mail.size) return bad_argument("SIZE was given twice");
      mail.size = size_value(value.value_or(""));
      if (!mail.size) return bad_argument("SIZE needs a number of at most twenty digits");
    } else if (base::equals_ignoring_case(keyword, "BODY")) {
      if (mail.body != Body::unspecified) return bad_argument("BODY was given twice");
      if (base::equals_ignoring_case(value.value_or(""), "7BIT")) {
        mail.body = Body::seven_bit;
      } else if (base::equals_ignoring_case(value.value_or(""), "8BITMIME")) {
        mail.body = Body::eight_bit;
      } else {
        return bad_argument("BODY is 7BIT or 8BITMIME");
      }
    } else if (offer.smtputf8 && base::equals_ignoring_case(keyword, "SMTPUTF8")) {
      if (mail.smtputf8) return bad_argument("SMTPUTF8 was given twice");
      if (value) return bad_argument("SMTPUTF8 has no value");  // RFC 6531 §3.4
      mail.smtputf8 = true;
    } else if (offer.requiretls && base::equals_ignoring_case(keyword, "REQUIRETLS")) {
      if (mail.requiretls) return bad_argument("REQUIRETLS was given twice");
      if (value) return bad_argument("REQUIRETLS has no value");  // RFC 8689 §2
      mail.requiretls = true;
    } else if (offer.dsn && base::equals_ignoring_case(keyword, "RET")) {
      if (auto refusal = take_return(value.value_or(""), mail)) return refusal;
    } else if (offer.dsn && base::equals_ignoring_case(keyword, "ENVID")) {
      if (auto refusal = take_envelope_id(value.value_or(""), mail)) return refusal;
    } else {
      return Reply{555, "5.5.4", "a parameter is not known here"};  // RFC 5321 §4.1.1.11
    }
  }
  return std::nullopt;
}

/// The same of RCPT.
std::optional<Reply> take_parameters(std::string_view text, const Offer& offer, Rcpt& rcpt) {
  std::string_view keyword;
  std::optional<std::string_view> value;
  while (next_parameter(text, keyword, value)) {
    if (!well_formed(keyword, value)) return bad_argument("a parameter is malformed");
    if (offer.dsn && base::equals_ignoring_case(keyword, "NOTIFY")) {
      if (auto refusal = take_notify(value.value_or(""), rcpt)) return refusal;
    } else if (offer.dsn && base::equals_ignoring_case(keyword, "ORCPT")) {
      if (auto refusal = take_original_recipient(value.value_or(""), rcpt)) return refusal;
    } else {
      return Reply{555, "5.5.4", "a parameter is not known here"};
    }
  }
  return std::nullopt;
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

std::optional<Notify> parse_notify(std::string_view value) {
  Notify notify{.given = true};
  if (base::equals_ignoring_case(value, "NEVER")) {
    notify.never = true;
    return notify;
  }
  for (;;) {
    const auto word = value.substr(0, value.find(','));
    if (base::equals_ignoring_case(word, "SUCCESS")) {
      notify.success = true;
    } else if (base::equals_ignoring_case(word, "FAILURE")) {
      notify.failure = true;
    } else if (base::equals_ignoring_case(word, "DELAY")) {
      notify.delay = true;
    } else {
      return std::nullopt;
    }
    if (word.size() == value.size()) return notify;
    value.remove_prefix(word.size() + 1);
  }
}

std::string notify_value(const Notify& notify) {
  if (notify.never) return "NEVER";
  std::string value;
  const auto add = [&value](bool wanted, std::string_view word) {
    if (!wanted) return;
    if (!value.empty()) value += ',';
    value += word;
  };
  add(notify.success, "SUCCESS");
  add(notify.failure, "FAILURE");
  add(notify.delay, "DELAY");
  return value;
}

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
