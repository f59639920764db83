// The server machine against a plain model of SMTP: the model reads the whole input and the whole output side by side,
// one reply for each line and one (after LHLO one for each accepted recipient) for each message. What follows STARTTLS
// in another read is inside TLS. The first three octets pick options, read sizes and the owner's answers; the top bit
// of the third says that a fourth picks AUTH and leniencies.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/text.hpp"
#include "tests/fuzz/must.hpp"
#include "tests/unit/protocol/smtp/data_scanner_reference.hpp"
#include "tests/unit/protocol/smtp/server_session_driver.hpp"

namespace {

using smtp::testing::Driver;

/// Takes one reply off the output; its code, and whether there was one.
class Replies {
 public:
  explicit Replies(std::string_view output) : left_(output) {}
  bool empty() const { return left_.empty(); }
  int next() {
    for (;;) {
      const auto end = left_.find("\r\n");
      MUST(end != std::string_view::npos && end >= 4 && end <= 510);
      const auto line = left_.substr(0, end);
      left_.remove_prefix(end + 2);
      for (const char c : line) MUST(base::is_printable(c));
      const auto code = static_cast<int>(base::decimal(line.substr(0, 3)));
      MUST(code >= 200 && code < 600 && (line[3] == ' ' || line[3] == '-'));
      if (line[3] == ' ') return code;
    }
  }

 private:
  std::string_view left_;
};

/// What the whole dialogue must have been.
void check_dialogue(std::string_view input, const Driver& driver, smtp::BareNewline mode) {
  Replies replies(driver.output);
  MUST(replies.next() / 100 % 3 == 2);  // 220 or 554
  bool lmtp = false;
  std::size_t accepted = 0, messages = 0;
  while (!replies.empty()) {
    std::size_t end = input.find("\r\n");
    MUST(end != std::string_view::npos);
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end + 2);
    const int code = replies.next();
    const auto verb = base::lower(line.substr(0, 4));
    if (verb == "star" && code == 503 && driver.events.back() == "close injected") {
      MUST(driver.closed && replies.empty());
      break;
    }
    if (verb == "bdat") return;  // tests/unit/protocol/smtp/server_session_bdat_test.cpp has a model of chunks
    if (verb == "star" && code == 220) {
      lmtp = false;
      accepted = 0;
    }
    if (code == 421 || code == 221) {
      MUST(driver.closed && replies.empty());
      break;
    }
    if (verb == "lhlo" && code == 250) lmtp = true;
    if (verb == "rcpt" && code == 250) ++accepted;
    if (code == 250 && (verb == "mail" || verb == "rset" || verb == "ehlo" || verb == "helo" || verb == "lhlo"))
      accepted = 0;
    if (code != 354) continue;
    MUST(verb == "data" && accepted > 0);
    const auto message = reference::decode(input, mode);
    if (!message) {
      MUST(replies.empty());
      break;
    }
    input.remove_prefix(message->consumed);
    int verdict = 0;
    for (std::size_t i = lmtp ? accepted : 1; i > 0; --i) verdict = replies.next();
    accepted = 0;
    MUST((verdict == 550) == (message->bare_newline && mode == smtp::BareNewline::reject) || verdict == 552 ||
         verdict == 554);
    if (verdict != 250 && verdict != 451) continue;
    MUST(messages < driver.messages.size());
    MUST(driver.messages[messages++] == reference::stuffed(message->content));
  }
  MUST(messages == driver.messages.size());
}

/// A transaction that was begun ends in BodyEnd or Abandon, once, and Close is the last.
/// MAIL comes from whom the listener serves, and AUTH where it is offered; `granted` says how each was answered.
void check_events(const Driver& driver, const smtp::ServerOptions& options, bool must_authenticate,
                  const std::vector<bool>& granted) {
  const auto offered = options.tls;
  using Auth = smtp::ServerOptions::Auth;
  bool authenticated = false;
  std::size_t asked = 0;
  using Tls = smtp::ServerOptions::Tls;
  bool open = false, tls = offered == Tls::implicit;
  std::size_t mails = 0;
  for (const auto& event : driver.events) {
    if (event == "starttls") {
      MUST(!open && !tls && offered != Tls::none);
      tls = true;
      authenticated = false;
    }
    if (event.starts_with("plain") || event.starts_with("login")) {
      MUST(!open && !authenticated && asked < granted.size());
      MUST(options.auth == Auth::always || (options.auth == Auth::over_tls && tls));
      authenticated = granted[asked++];
    }
    if (event.starts_with("mail")) {
      MUST(authenticated || !must_authenticate);
      MUST(tls || offered != Tls::require_starttls);
      MUST(tls || !driver.mails[mails].requiretls);
      ++mails;
    }
    if (event.starts_with("abandon") || event == "end") {
      MUST(open);
      open = false;
    }
    if (event.starts_with("mail")) open = driver.answer_mail.positive();
    if (event.starts_with("close")) MUST(!open && &event == &driver.events.back());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  auto options = Driver::defaults();
  options.bare_newline = data[0] & 1 ? smtp::BareNewline::normalize : smtp::BareNewline::reject;
  options.lmtp = (data[0] & 2) == 0;
  options.message_size = data[0] & 4 ? 200 : 1u << 20;
  options.recipients = data[0] & 8 ? 2 : 1000;
  options.received_limit = 3;
  options.errors = data[0] & 16 ? 3 : 1000;
  options.tls = static_cast<smtp::ServerOptions::Tls>(data[2] >> 4 & 3);
  auto admission = (data[0] & 0xe0) == 0xe0 ? smtp::Admission::refused : smtp::Admission::served;
  std::size_t begin = 3;
  if (data[2] & 128 && size > 3) {
    const unsigned more = data[begin++];
    options.auth = static_cast<smtp::ServerOptions::Auth>(std::min(more & 3, 2u));
    if (more & 4 && admission == smtp::Admission::served) admission = smtp::Admission::must_authenticate;
    options.leniency.helo_names = more & 8;
    options.leniency.blanks_in_paths = options.leniency.paths_without_brackets = more & 16;
    options.leniency.inline_auth_login = more & 32;
    options.leniency.no_quit = more & 64;
    options.leniency.bare_newlines = more & 128;
  }

  Driver driver(options, admission, options.auth == smtp::ServerOptions::Auth::none ? 4096 : 16384);
  driver.read_size = data[1] == 0 ? 4096 : data[1];
  // The owner's answers: a recipient with an x is refused where the third octet says so, and so on.
  driver.answer_rcpt = [choice = data[2]](const smtp::Rcpt& rcpt) {
    const bool refused = choice & 1 && rcpt.forward_path.address.find('x') != std::string::npos;
    return refused ? smtp::Reply{550, "5.1.1", "no"} : smtp::Reply{250, "2.1.5", "ok"};
  };
  if (data[2] & 2) {
    driver.answer_end = [](std::size_t count) { return std::vector<smtp::Reply>(count, {451, "4.7.5", "later"}); };
  }
  if (data[2] & 4) driver.answer_mail = {452, "4.3.1", "no room"};
  driver.handshake_works = (data[2] & 64) == 0;
  if (data[2] & 8) driver.answer_data = {451, "4.3.0", "later"};

  std::vector<bool> granted;
  driver.answer_auth = [&granted](const smtp::Credentials& given) {
    MUST(!given.user.empty() && !given.password.empty());
    MUST(given.identity.empty() || given.identity == given.user);
    for (const auto* text : {&given.user, &given.password}) MUST(text->find('\0') == std::string::npos);
    granted.push_back(given.password.front() == 's');
    if (given.password.front() == 't') return smtp::Reply{454, "4.7.0", "later"};
    return granted.back() ? smtp::Reply{235, "2.7.0", "welcome"} : smtp::Reply{535, "5.7.8", "no"};
  };

  const std::string_view input(reinterpret_cast<const char*>(data + begin), size - begin);
  driver.feed(input);
  if (!driver.closed) {
    driver.hang_up();
    MUST(driver.closed);
    const bool as_good_as_quit = driver.session.leniencies_used().no_quit;
    MUST(driver.events.back() == (as_good_as_quit ? "close quit" : "close client gone"));
  }
  const auto used = driver.session.leniencies_used();
  for (const auto& part : smtp::leniencies) {
    const bool mended =
        part.member == &smtp::Leniency::bare_newlines && options.bare_newline != smtp::BareNewline::reject;
    MUST(!(used.*part.member) || options.leniency.*part.member || mended);
  }
  if (options.leniency.bare_newlines) options.bare_newline = smtp::BareNewline::normalize;
  check_dialogue(input, driver, options.bare_newline);
  check_events(driver, options, admission == smtp::Admission::must_authenticate, granted);
  return 0;
}
