// The tests' SMTP client.
#include "tests/lab/smtp_client.hpp"

#include "protocol/base/text.hpp"
#include "tests/lab/tls_context.hpp"

namespace lab {

std::string words(const Reply& reply) {
  return base::printable(std::to_string(reply.code) + " " + reply.text, 300);
}

SmtpClient::SmtpClient(const std::string& host, std::uint16_t port, Options options)
    : channel_(Channel::connect(host, port, options.timeout, options.source)),
      context_(options.context ? options.context : any_context()) {
  channel_->timeout(options.timeout);
  if (!options.first.empty()) channel_->write(options.first);
  if (options.tls) channel_->connect_tls(context_.get(), {});
  greeting_ = read();
}

Reply SmtpClient::read() {
  Reply reply;
  for (bool first = true;; first = false) {
    std::string_view line = channel_->read_line();
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const long long code = base::decimal(line.substr(0, 3));
    if (code < 0) throw Gone("no reply but: " + base::printable(line, 100));
    if (!first) reply.text += '\n';
    if (line.size() > 4) reply.text += line.substr(4);
    if (line.size() > 3 && line[3] == '-') continue;
    reply.code = static_cast<int>(code);
    return reply;
  }
}

void SmtpClient::raw(std::string_view data) {
  channel_->write(data);
}

Reply SmtpClient::command(std::string_view line) {
  raw(std::string(line) + "\r\n");
  return read();
}

Reply SmtpClient::ehlo(const std::string& name, const std::string& verb) {
  Reply reply = command(verb + " " + name);
  features_.clear();
  for (std::size_t at = reply.text.find('\n'); at != std::string::npos;) {
    const auto next = reply.text.find('\n', at + 1);
    std::string feature = reply.text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
    for (char& c : feature)
      if (base::is_letter(c)) c = static_cast<char>(c & ~0x20);
    features_.insert(std::move(feature));
    at = next;
  }
  return reply;
}

Reply SmtpClient::starttls() {
  Reply reply = command("STARTTLS");
  if (reply.code == 220) channel_->connect_tls(context_.get(), {});
  return reply;
}

Reply SmtpClient::data(std::string_view body) {
  Reply reply = command("DATA");
  return reply.code == 354 ? data_end(body) : reply;
}

Reply SmtpClient::data_end(std::string_view body) {
  raw(stuffed(body) + ".\r\n");
  return read();
}

std::string SmtpClient::offered(const std::string& parameters) const {
  // 8-bit bodies are sent all the same.
  if (features_.contains("8BITMIME")) return parameters;
  std::string kept = " " + parameters;
  if (const auto at = kept.find(" BODY=8BITMIME"); at != std::string::npos) kept.erase(at, 14);
  return std::string(base::trim(kept));
}

Replies SmtpClient::envelope(const std::string& sender, const std::vector<std::string>& recipients,
                             const std::string& parameters, const std::string& recipient_parameters) {
  const std::string with = offered(parameters);
  const Reply mail = command("MAIL FROM:<" + sender + ">" + (with.empty() ? "" : " " + with));
  Replies replies;
  for (const auto& recipient : recipients) {
    if (mail.kind() == 2) {
      replies.emplace_back(recipient, command("RCPT TO:<" + recipient + ">" +
                                              (recipient_parameters.empty() ? "" : " " + recipient_parameters)));
    } else {
      replies.emplace_back(recipient, mail);
    }
  }
  return replies;
}

Replies SmtpClient::send(const std::string& sender, const std::vector<std::string>& recipients, std::string_view body,
                         const std::string& parameters, const std::string& recipient_parameters) {
  Replies replies = envelope(sender, recipients, parameters, recipient_parameters);
  bool any = false;
  for (const auto& [recipient, reply] : replies) any = any || reply.kind() == 2;
  if (!any) {
    command("RSET");
    return replies;
  }
  const Reply final_reply = data(body);
  for (auto& [recipient, reply] : replies)
    if (reply.kind() == 2) reply = final_reply;
  return replies;
}

Replies SmtpClient::send_lmtp(const std::string& sender, const std::vector<std::string>& recipients,
                              std::string_view body) {
  Replies replies = envelope(sender, recipients);
  bool any = false;
  for (const auto& [recipient, reply] : replies) any = any || reply.kind() == 2;
  if (!any) {
    command("RSET");
    return replies;
  }
  const Reply go_on = command("DATA");
  if (go_on.code == 354) raw(stuffed(body) + ".\r\n");
  for (auto& [recipient, reply] : replies)
    if (reply.kind() == 2) reply = go_on.code == 354 ? read() : go_on;
  return replies;
}

void SmtpClient::quit() {
  try {
    channel_->timeout(std::chrono::seconds(5));
    command("QUIT");
  } catch (const Gone&) {
    // the connection has ended, which is what QUIT was to bring about
  }
  close();
}

void SmtpClient::close() {
  channel_->close();
}

std::string letter(std::string_view text, std::string_view subject, std::string_view extra) {
  const std::string about(subject);
  return "From: <a@sender.test>\r\nTo: <b@example.test>\r\nSubject: " + about +
         "\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + about + "@sender.test>\r\n" +
         std::string(extra) + "\r\n" + std::string(text) + "\r\n";
}

std::string stuffed(std::string_view body) {
  std::string result;
  result.reserve(body.size() + body.size() / 64 + 1);
  if (body.starts_with('.')) result += '.';
  for (std::size_t at = 0;;) {
    const auto found = body.find("\r\n.", at);
    if (found == std::string_view::npos) return result += body.substr(at);
    result += body.substr(at, found + 3 - at);
    result += '.';
    at = found + 3;
  }
}

}  // namespace lab
