// Parameters of MAIL and RCPT by the grammar of the extension that each belongs to. Never passes over one that is
// unknown, never takes one twice.
#include "protocol/smtp/command_parameters.hpp"

#include <algorithm>
#include <limits>

#include "protocol/base/text.hpp"
#include "protocol/base/utf8_address.hpp"

namespace smtp {
namespace {

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

/// RFC 5321 §4.1.2 esmtp-keyword and esmtp-value; with `utf8` the value of RFC 6531 §3.3.
bool well_formed(std::string_view keyword, const std::optional<std::string_view>& value, bool utf8 = false) {
  const auto alphanumeric = [](char c) { return base::is_letter(c) || base::is_digit(c); };
  if (keyword.empty() || !alphanumeric(keyword.front())) return false;
  if (!std::all_of(keyword.begin(), keyword.end(), [&](char c) { return alphanumeric(c) || c == '-'; })) return false;
  if (!value) return true;
  if (utf8 ? !base::is_utf8(*value) : base::has_eight_bit(*value)) return false;
  return !value->empty() && std::all_of(value->begin(), value->end(), [](char c) {
    return static_cast<unsigned char>(c) > 127 || (base::is_printable(c) && c != ' ' && c != '=');
  });
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

std::optional<Reply> take_body(std::string_view value, Mail& mail) {
  if (mail.body != Body::unspecified) return bad_argument("BODY was given twice");
  if (base::equals_ignoring_case(value, "7BIT")) {
    mail.body = Body::seven_bit;
  } else if (base::equals_ignoring_case(value, "8BITMIME")) {
    mail.body = Body::eight_bit;
  } else {
    return bad_argument("BODY is 7BIT or 8BITMIME");
  }
  return std::nullopt;
}

/// RFC 4954 §5: a mailbox as xtext, or <>.
std::optional<Reply> take_auth(std::string_view value, Mail& mail) {
  if (mail.auth) return bad_argument("AUTH was given twice");
  if (value == "<>") {
    mail.auth = "";
    return std::nullopt;
  }
  const auto address = base::decoded_xtext(value);
  std::string_view rest;
  const auto path = parse_path("<" + address.value_or("") + ">", false, rest);
  if (!path || path->address != *address || path->postmaster || !rest.empty())
    return bad_argument("AUTH needs a mailbox as xtext, or <>");
  mail.auth = *address;
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
  const bool typed = !type.empty() && type.size() < value.size() && type.find_first_of(no_atom) == type.npos &&
                     !base::has_eight_bit(type);
  const auto text = value.substr(typed ? type.size() + 1 : 0);
  const auto address = base::decoded_xtext(text);
  // RFC 6533 §3: of type utf-8 there are two forms more; the one in UTF-8 comes with SMTPUTF8 only.
  const bool utf8 = base::equals_ignoring_case(type, "utf-8") && base::decoded_utf8_address(text);
  if (!typed || !(utf8 || (address && !address->empty())) || value.size() > 500) {
    return bad_argument("ORCPT needs a type, a semicolon and xtext, at most 500 octets");
  }
  rcpt.orcpt = value;
  return std::nullopt;
}

}  // namespace

Reply bad_argument(std::string text) {
  return {501, "5.5.4", std::move(text)};
}

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
      if (auto refusal = take_body(value.value_or(""), mail)) return refusal;
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
    } else if (offer.auth && base::equals_ignoring_case(keyword, "AUTH")) {
      if (auto refusal = take_auth(value.value_or(""), mail)) return refusal;
    } else {
      return Reply{555, "5.5.4", "a parameter is not known here"};  // RFC 5321 §4.1.1.11
    }
  }
  return std::nullopt;
}

std::optional<Reply> take_parameters(std::string_view text, const Offer& offer, Rcpt& rcpt) {
  std::string_view keyword;
  std::optional<std::string_view> value;
  while (next_parameter(text, keyword, value)) {
    const bool utf8 = offer.utf8_addresses && base::equals_ignoring_case(keyword, "ORCPT");
    if (!well_formed(keyword, value, utf8)) return bad_argument("a parameter is malformed");
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

}  // namespace smtp
