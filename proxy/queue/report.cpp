// What goes into a report, and how it is sent.
#include "proxy/queue/report.hpp"

#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/net/idn.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

namespace {

constexpr std::size_t header_at_most = 65536;
constexpr std::size_t returned_at_most = 128 * 1024;  // of larger messages the header is enough to know them

metrics::ReportOf kind_of(mime::ReportedRecipient::Action action) {
  using Action = mime::ReportedRecipient::Action;
  using metrics::ReportOf;
  return action == Action::failed    ? ReportOf::failed
         : action == Action::delayed ? ReportOf::delayed
                                     : ReportOf::relayed;
}

std::string first_octets(const Octets* octets, std::size_t count) {
  std::string text;
  if (octets == nullptr) return text;
  text.resize(std::min(count, octets->size()));
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = octets->read(have, std::span(text).subspan(have));
    if (got == 0) break;
    have += got;
  }
  text.resize(have);
  return text;
}

/// SMTP-62: the message was begun with SMTPUTF8, and something that the report tells of it is not ASCII.
bool is_international(const QueuedMessage& message, const mime::DeliveryReport& report) {
  if (!message.mail.smtputf8) return false;
  const auto header = report.original.substr(0, report.original.find("\r\n\r\n"));
  if (message.content.eight_bit_header || message.mail.reverse_path.international || base::has_eight_bit(header))
    return true;
  return std::any_of(report.recipients.begin(), report.recipients.end(), [](const auto& one) {
    return base::has_eight_bit(one.address) || base::starts_with_ignoring_case(one.orcpt, "utf-8;");
  });
}

}  // namespace

std::string new_message_id(std::mt19937& random) {
  static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  auto value = static_cast<std::uint64_t>(now.count());
  std::string id(16, '0');
  for (std::size_t i = 9; i-- > 0; value >>= 5) id[i] = digits[value & 31];
  auto chance = (static_cast<std::uint64_t>(random()) << 32) | random();
  for (std::size_t i = 9; i < id.size(); ++i, chance >>= 5) id[i] = digits[chance & 31];
  return id;
}

mime::ReportedRecipient reported(const smtp::Rcpt& recipient, mime::ReportedRecipient::Action action,
                                 const Verdict& verdict) {
  mime::ReportedRecipient one;
  one.action = action;
  one.address = recipient.forward_path.address;
  one.orcpt = recipient.orcpt;
  one.status = verdict.reply.enhanced;
  one.words = smtp::on_one_line(verdict.reply, policy::reply::text_limit);
  if (!verdict.host.empty()) {
    one.remote_mta = verdict.host;
    one.diagnostic = verdict.heard.code != 0 ? smtp::on_one_line(verdict.heard, policy::reply::text_limit) : one.words;
  }
  return one;
}

std::optional<QueueChange::New> report_on(const Config& config, const QueuedMessage& message, const Octets* octets,
                                          std::vector<mime::ReportedRecipient> recipients, std::int64_t number,
                                          QueueTime now, std::mt19937& random) {
  if (recipients.empty() || message.mail.reverse_path.null()) return std::nullopt;
  auto back_to = message.mail.reverse_path;
  if (back_to.international && !back_to.is_literal) {
    auto name = to_ascii(back_to.domain);
    if (!name) return std::nullopt;  // no such domain
    back_to.domain = std::move(*name);
  }
  QueueChange::New made;
  auto& report = made.message;
  report.number = number;
  report.id = new_message_id(random);

  mime::DeliveryReport text;
  text.hostname = config.hostname;
  text.id = report.id;
  text.about_id = message.id;
  text.to = message.mail.reverse_path.address;
  text.envid = message.mail.envid;
  text.now = now;
  text.arrived = message.received;
  bool failed = false;
  for (const auto& one : recipients) failed = failed || one.action == mime::ReportedRecipient::Action::failed;
  text.recipients = std::move(recipients);
  // RFC 3461 §4.3: RET counts for failures only. RFC 8689 §4.2.1: of a REQUIRETLS message no content goes back.
  text.return_whole = failed && octets != nullptr && !message.mail.requiretls &&
                      message.mail.ret != smtp::Return::headers && octets->size() <= returned_at_most;
  const auto original = first_octets(octets, text.return_whole ? octets->size() : header_at_most);
  text.return_whole = text.return_whole && original.size() == octets->size();
  text.original = original;
  text.international = is_international(message, text);
  auto wire = mime::delivery_report(text);

  report.mail.reverse_path = {};  // RFC 5321 §4.5.5
  report.mail.requiretls = message.mail.requiretls;
  report.mail.smtputf8 = text.international;
  report.floor = message.floor;
  report.client = "";
  report.content.eight_bit = base::has_eight_bit(wire);
  report.content.eight_bit_header = text.international;  // RFC 6533 §4: its parts need what a header needs
  report.mail.body = report.content.eight_bit ? smtp::Body::eight_bit : smtp::Body::seven_bit;
  report.size = wire.size();
  report.received = now;
  report.expires = now + config.queue.lifetime;
  QueuedRecipient back;
  back.rcpt.forward_path = std::move(back_to);
  back.rcpt.notify = {.given = true, .never = true};  // RFC 3461 §6.1
  back.next_attempt = now;
  report.recipients.push_back(std::move(back));
  made.octets = std::make_shared<OctetsInMemory>(std::move(wire));
  const auto kind = kind_of(text.recipients.front().action);
  metrics::all.queue.reports[kind].add();
  log::Event(log::Level::info, "report")
      .add("id", report.id)
      .add("about", message.id)
      .add("to", base::printable(message.mail.reverse_path.address, 320))
      .add("action", metrics::word(kind));
  return made;
}

}  // namespace proxy
