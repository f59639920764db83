// Command lines, with every extension offered: a refusal is a proper one, and what is taken reads the same when it is
// sent on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/text.hpp"
#include "protocol/smtp/command.hpp"
#include "tests/fuzz/must.hpp"

namespace {

void check_path(const smtp::Path& path, bool null_allowed) {
  MUST(path.address.size() <= 254 && path.local.size() <= 64 && path.domain.size() <= 255);
  for (const char c : path.address) MUST(base::is_printable(c) || path.international);
  MUST(path.international == base::has_eight_bit(path.address));
  std::string_view rest;
  const auto again = smtp::parse_path("<" + path.address + ">", null_allowed, rest);
  MUST(again.has_value() && *again == path && rest.empty());
  if (path.null()) return;
  MUST(path.postmaster || path.address.size() >= path.local.size() + 1 + path.domain.size());
}

/// RFC 3461 §4.1: NEVER stands alone, and what is written reads the same.
void check_notify(const smtp::Notify& notify) {
  const bool any = notify.success || notify.failure || notify.delay;
  MUST(notify.given ? notify.never != any : notify == smtp::Notify{});
  if (notify.given) MUST(smtp::parse_notify(smtp::notify_value(notify)) == notify);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto command = smtp::parse_command(
      line, {.requiretls = true, .dsn = true, .smtputf8 = true, .auth = true, .utf8_addresses = true});
  if (const auto* refusal = std::get_if<smtp::Reply>(&command)) {
    MUST(refusal->code == 500 || refusal->code == 501 || refusal->code == 502 || refusal->code == 550 ||
         refusal->code == 555);
    MUST(refusal->enhanced.starts_with("5.") && !refusal->text.empty());
    for (const char c : refusal->text) MUST(base::is_printable(c));
    return 0;
  }
  MUST(line.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos);
  if (const auto* mail = std::get_if<smtp::Mail>(&command)) {
    check_path(mail->reverse_path, true);
    MUST(mail->smtputf8 || !mail->reverse_path.international);
    MUST(mail->envid.size() <= 100 && base::decoded_xtext(mail->envid));
    if (mail->auth && !mail->auth->empty()) {
      std::string_view rest;
      MUST(smtp::parse_path("<" + *mail->auth + ">", false, rest).has_value() && rest.empty());
    }
  }
  if (const auto* rcpt = std::get_if<smtp::Rcpt>(&command)) {
    MUST(!rcpt->forward_path.null());
    check_path(rcpt->forward_path, false);
    check_notify(rcpt->notify);
    MUST(rcpt->orcpt.size() <= 500);
    for (const char c : rcpt->orcpt) MUST(base::is_printable(c) && c != ' ');
  }
  return 0;
}
