// The rogue MX host's side of SMTP.
#include "tests/lab/mx_dialogue.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "protocol/base/base64.hpp"
#include "protocol/base/text.hpp"

namespace lab {
namespace {

constexpr auto patience = std::chrono::minutes(10);

std::string_view without_line_end(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (base::is_letter(c)) c = static_cast<char>(c & ~0x20);
  return result;
}

/// What stands between the first `<` and the last `>`.
std::string path_of(std::string_view argument) {
  const auto begin = argument.find('<'), end = argument.rfind('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::string(argument);
  return std::string(argument.substr(begin + 1, end - begin - 1));
}

std::string sha256(std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

}  // namespace

MxDialogue::MxDialogue(MxHost& host, Channel& channel)
    : host_(host), channel_(channel), session_(std::make_shared<Session>()) {
  channel_.timeout(patience);
  {
    auto guard = host_.watch_.lock();
    host_.sessions_.push_back(session_);
  }
  host_.watch_.changed();
}

void MxDialogue::run() {
  std::string error;
  try {
    const MxFace face = host_.face();
    if (face.implicit) handshake(face);
    converse();
  } catch (const std::exception& end) {
    error = end.what();
  }
  channel_.close();
  record([&](Session& session) {
    if (session.error.empty()) session.error = error;
    session.closed = true;
  });
}

bool MxDialogue::say(const std::string& stage, std::string text, std::string_view argument) {
  if (auto other = host_.overridden(stage, argument, messages_ > 0)) text = std::move(*other);
  const auto time = host_.pause_before(stage);
  if (time.count() > 0) channel_.pause(time);
  if (const auto early = channel_.unread(); !early.empty())
    record([&](Session& session) { session.early.emplace_back(stage, early.substr(0, 80)); });
  if (text == answer::drop) throw Gone("dropped on purpose");
  if (text == answer::hang) channel_.hang();
  while (text == answer::endless) channel_.write("250-" + std::string(400, 'a') + "\r\n");

  const bool closes = text.ends_with(answer::and_close);
  if (closes) text.resize(text.size() - std::string_view(answer::and_close).size());
  std::string wire;
  for (const char c : text) c == '\n' ? wire += "\r\n" : wire += c;
  if (stage == "DOT" && text.starts_with('2')) {
    // Before the reply goes out: whoever has read it may look at once.
    record([&](Session&) { awaiting_verdict_->accepted = true; });
  }
  record([&](Session& session) { session.replies.emplace_back(session.commands.size(), text.substr(0, 200)); });
  channel_.write(wire + "\r\n");
  if (closes || (text.starts_with("421") && stage != "GREETING")) {
    if (!channel_.is_tls()) {
      channel_.end_output();
      channel_.wait_for_input(std::chrono::seconds(3));
    }
    throw Gone("closed after " + text);
  }
  return text.starts_with('2') || text.starts_with('3');
}

void MxDialogue::converse() {
  if (!say("GREETING", "220 " + host_.host() + " ESMTP lab")) {
    channel_.wait_for_input(patience);
    return;
  }
  for (;;) {
    const std::string line(without_line_end(channel_.read_line()));
    record([&](Session& session) { session.commands.push_back({!session.tls.empty(), line}); });
    const auto blank = line.find(' ');
    const std::string verb = upper(line.substr(0, blank));
    const std::string argument = blank == std::string::npos ? std::string() : line.substr(blank + 1);
    if (verb == "QUIT") {
      say("QUIT", "221 2.0.0 bye");
      return;
    }
    obey(verb, argument);
  }
}

void MxDialogue::obey(const std::string& verb, std::string_view argument) {
  if (verb == "EHLO" || verb == "HELO") {
    ehlo(verb);
  } else if (verb == "STARTTLS") {
    start_tls();
  } else if (verb == "MAIL") {
    if (say("MAIL", "250 2.1.0 ok", argument)) transaction_ = {true, std::string(argument), {}, {}};
  } else if (verb == "RCPT" && transaction_.open) {
    if (say("RCPT", "250 2.1.5 ok", argument)) transaction_.recipients.push_back(path_of(argument));
  } else if (verb == "DATA" && !transaction_.recipients.empty()) {
    if (say("DATA", "354 go on")) finish(body());
  } else if (verb == "BDAT" && !transaction_.recipients.empty() && offers_chunking()) {
    chunk(argument);
  } else if (verb == "AUTH") {
    authenticate(std::string(argument));
  } else if (verb == "RSET" || verb == "NOOP") {
    if (verb == "RSET") transaction_ = {};
    say(verb, "250 2.0.0 ok");
  } else {
    say("NONE", verb == "RCPT" || verb == "DATA" ? "503 5.5.1 no" : "502 5.5.1 what?");
  }
}

void MxDialogue::ehlo(const std::string& verb) {
  transaction_ = {};
  if (verb == "HELO") {
    say("HELO", "250 " + host_.host());
    return;
  }
  const MxFace face = host_.face();
  std::vector<std::string> lines{host_.host()};
  lines.insert(lines.end(), face.offers.begin(), face.offers.end());
  if (channel_.is_tls()) {
    lines.insert(lines.end(), face.offers_tls.begin(), face.offers_tls.end());
  } else if (face.starttls != Starttls::stripped) {
    lines.emplace_back("STARTTLS");
  }
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += (i + 1 < lines.size() ? "250-" : "250 ") + lines[i] + (i + 1 < lines.size() ? "\n" : "");
  say("EHLO", text);
}

// PLAIN with its initial response, or LOGIN: what was claimed is the override's argument, "PLAIN user password".
void MxDialogue::authenticate(const std::string& argument) {
  const auto decoded = [](std::string_view text) { return base::decoded_base64(text).value_or("?"); };
  const auto mechanism = upper(argument.substr(0, argument.find(' ')));
  std::string claim = mechanism;
  if (mechanism == "LOGIN") {
    for (const char* question : {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"}) {
      channel_.write(question);
      claim += ' ' + decoded(without_line_end(channel_.read_line()));
    }
  } else if (mechanism == "PLAIN" && argument.size() > mechanism.size() + 1) {
    auto message = decoded(std::string_view(argument).substr(mechanism.size() + 1));
    std::replace(message.begin(), message.end(), '\0', ' ');
    claim += message;
  } else {
    say("NONE", "504 5.5.4 no such mechanism");
    return;
  }
  say("AUTH", "235 2.7.0 welcome", claim);
}

void MxDialogue::start_tls() {
  const MxFace face = host_.face();
  if (channel_.is_tls() || face.starttls == Starttls::stripped) {
    say("NONE", "502 5.5.1 not here");
    return;
  }
  if (face.starttls == Starttls::refused) {
    say("NONE", "454 4.7.0 TLS not available");
    return;
  }
  if (face.starttls == Starttls::inject_part) {
    channel_.write("220 2.0.0 ready\r\n250-X-EVIL");
  } else {
    std::string text = "220 2.0.0 ready";
    if (face.starttls == Starttls::inject)
      text += "\n250-" + host_.host() + "\n250 SIZE 1\n250 ok\n250 ok\n354 go\n250 injected";
    if (!say("STARTTLS", text)) return;
  }
  if (face.starttls == Starttls::drop) throw Gone("closed instead of the handshake");
  if (face.starttls == Starttls::garbage) {
    std::string garbage;
    for (int i = 0; i < 20; ++i) garbage += "this is no TLS at all\r\n";
    channel_.write(garbage);
    throw Gone("garbage instead of TLS");
  }
  handshake(face);
  transaction_ = {};
  if (face.starttls == Starttls::close) throw Gone("closed after the handshake");
}

void MxDialogue::handshake(const MxFace& face) {
  try {
    channel_.accept_tls(face.context.get());
  } catch (const Gone&) {
    record([&](Session& session) { session.server_name = channel_.server_name(); });
    throw;
  }
  record([&](Session& session) {
    session.tls = channel_.tls_version();
    session.server_name = channel_.server_name();
  });
}

bool MxDialogue::offers_chunking() {
  const MxFace face = host_.face();
  return std::find(face.offers.begin(), face.offers.end(), "CHUNKING") != face.offers.end();
}

void MxDialogue::chunk(std::string_view argument) {
  const auto blank = argument.find(' ');
  const long long size = base::decimal(argument.substr(0, blank));
  if (size < 0) {
    say("NONE", "501 5.5.4 size?");
    return;
  }
  transaction_.chunks += channel_.read_exactly(static_cast<std::size_t>(size));
  const bool last = blank != std::string_view::npos && upper(argument.substr(blank + 1)) == "LAST";
  if (last) {
    finish(std::move(transaction_.chunks));
  } else {
    say("BDAT", "250 2.0.0 chunk");
  }
}

std::string MxDialogue::body() {
  // Up to CRLF . CRLF and nothing else (RFC 5321 §4.1.1.4).
  std::string whole;
  for (;;) {
    std::string_view line = channel_.read_to_crlf();
    if (line == ".\r\n") return whole;
    if (line.starts_with('.')) line.remove_prefix(1);
    whole += line;
  }
}

void MxDialogue::finish(std::string body) {
  auto message = std::make_shared<Message>();
  message->mx = &host_;
  const std::string& mail = transaction_.mail;
  message->sender = path_of(mail);
  if (const auto end = mail.rfind('>'); end != std::string::npos)
    message->parameters = base::trim(mail.substr(end + 1));
  message->recipients = transaction_.recipients;
  message->sha256 = sha256(body);
  message->body = std::make_shared<const std::string>(std::move(body));
  record([&](Session& session) {
    message->tls = session.tls;
    message->server_name = session.server_name;
    ++session.messages;
    host_.mailbag_.push_back(message);
  });
  ++messages_;
  transaction_ = {};
  awaiting_verdict_ = std::move(message);
  say("DOT", "250 2.0.0 taken");
}

}  // namespace lab
