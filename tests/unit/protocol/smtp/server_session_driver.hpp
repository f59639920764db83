// The owner of a ServerSession, without sockets: feeds octets in reads of chosen sizes, answers by simple rules, keeps
// what was said and done. For the machine's tests and its fuzzing; never decides anything that the machine should.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/smtp/server_session.hpp"

namespace smtp::testing {

class Driver {
 public:
  explicit Driver(ServerOptions options = defaults(), Admission admission = Admission::served,
                  std::size_t buffer = 64u << 10)
      : options_(std::move(options)), buffer_(buffer), session(options_, admission) {}
  Driver(ServerOptions options, const Reply& greeting)
      : options_(std::move(options)), buffer_(64u << 10), session(options_, greeting) {}

  static ServerOptions defaults() {
    ServerOptions options;
    options.hostname = "relay.test";
    return options;
  }

 private:
  ServerOptions options_;
  std::vector<char> buffer_;

 public:
  ServerSession session;
  std::vector<std::string> events;    ///< the actions but Input, in words
  std::string output;                 ///< all that the client has read
  std::vector<std::string> parts;     ///< the BodyParts of the last message
  std::vector<std::string> messages;  ///< wire form of each message that came to BodyEnd
  std::vector<Mail> mails;
  std::size_t read_size = 64u << 10;  ///< octets a read
  std::function<Reply(const Rcpt&)> answer_rcpt = [](const Rcpt&) { return Reply{250, "2.1.5", "ok"}; };
  Reply answer_mail{250, "2.1.0", "ok"};
  Reply answer_data{354, "", "go on"};
  std::function<std::vector<Reply>(std::size_t)> answer_end = [](std::size_t count) {
    return std::vector<Reply>(count, Reply{250, "2.0.0", "delivered"});
  };
  std::function<void(const ServerAction&)> watch = [](const ServerAction&) {};
  Reply answer_starttls{220, "2.0.0", "go ahead"};
  std::function<Reply(const Credentials&)> answer_auth = [](const Credentials& given) {
    return given.password == "secret" ? Reply{235, "2.7.0", "welcome"} : Reply{535, "5.7.8", "no"};
  };
  bool handshake_works = true;
  std::string plaintext;  ///< what the client had read when TLS began
  bool closed = false;
  std::size_t most_output = 0;  ///< that was to be written at one time

  /// Runs until the machine wants more than these octets, or closes.
  Driver& feed(std::string_view octets) {
    input_.erase(0, std::exchange(taken_, 0));
    input_ += octets;
    run();
    return *this;
  }
  Driver& hang_up() {
    gone_ = true;
    run();
    return *this;
  }
  /// What was output since the last call.
  std::string said() { return output.substr(std::exchange(said_, output.size())); }
  /// Feeds, and gives the replies to that.
  std::string says(std::string_view octets) {
    said();
    feed(octets);
    return said();
  }
  std::string event_list() const {
    std::string list;
    for (const auto& event : events) list += (list.empty() ? "" : ", ") + event;
    return list;
  }

  void run() {
    while (!closed) {
      const ServerAction action = session.next();
      watch(action);
      most_output = std::max(most_output, session.output().size());
      if (std::holds_alternative<ask::Flush>(action)) {
        flush();
      } else if (std::holds_alternative<ask::Input>(action)) {
        flush();
        if (taken_ == input_.size() && gone_) {
          if (!session.holds_buffer()) session.lend(buffer_);
          session.received(0);
          continue;
        }
        if (taken_ == input_.size()) {
          session.reclaim();
          return;
        }
        if (!session.holds_buffer()) session.lend(buffer_);
        const auto room = session.input();
        const std::size_t count = std::min({room.size(), input_.size() - taken_, read_size});
        std::memcpy(room.data(), input_.data() + taken_, count);
        taken_ += count;
        session.received(count);
      } else if (const auto* mail = std::get_if<ask::MailFrom>(&action)) {
        events.push_back("mail " + mail->mail.reverse_path.address);
        mails.push_back(mail->mail);
        session.answer(answer_mail);
      } else if (std::holds_alternative<ask::StartTls>(action)) {
        events.push_back("starttls");
        session.answer(answer_starttls);
        if (!answer_starttls.positive()) continue;
        flush();
        plaintext = output;
        handshake_works ? session.tls_started() : session.tls_failed();
      } else if (const auto* asked = std::get_if<ask::Authenticate>(&action)) {
        const auto& given = asked->credentials;
        events.push_back(std::string(given.mechanism == Mechanism::plain ? "plain " : "login ") + given.identity + ":" +
                         given.user + ":" + given.password);
        session.answer(answer_auth(given));
      } else if (const auto* recipients = std::get_if<ask::Recipients>(&action)) {
        std::string event = "rcpt";
        std::vector<Reply> replies;
        for (const Rcpt& rcpt : recipients->batch) {
          event += " " + rcpt.forward_path.address;
          replies.push_back(answer_rcpt(rcpt));
        }
        events.push_back(event);
        session.answer(replies);
      } else if (std::holds_alternative<ask::Body>(action)) {
        events.push_back("body");
        parts.clear();
        session.answer(answer_data);
      } else if (const auto* part = std::get_if<ask::BodyPart>(&action)) {
        parts.emplace_back(part->wire);
        if (part->last) events.push_back("last");
      } else if (std::holds_alternative<ask::BodyEnd>(action)) {
        events.push_back("end");
        std::string whole;
        for (const auto& octets : parts) whole += octets;
        messages.push_back(whole);
        session.answer(answer_end(session.lmtp() ? session.accepted_recipients() : 1));
      } else if (const auto* abandon = std::get_if<ask::Abandon>(&action)) {
        constexpr const char* why[] = {"reset", "refused content", "client gone"};
        events.push_back(std::string("abandon ") + why[static_cast<int>(abandon->why)]);
      } else if (const auto* close = std::get_if<ask::Close>(&action)) {
        constexpr const char* why[] = {"quit", "client gone", "too many errors", "shutdown", "refused", "injected"};
        events.push_back(std::string("close ") + why[static_cast<int>(close->why)]);
        flush();
        closed = true;
      }
    }
  }

 private:
  void flush() {
    // In two steps: an owner's writes can be partial.
    const std::size_t half = session.output().size() / 2;
    output += session.output().substr(0, half);
    session.written(half);
    output += session.output();
    session.written(session.output().size());
  }

  std::string input_;
  std::size_t taken_ = 0;  // octets of it that the machine has
  bool gone_ = false;
  std::size_t said_ = 0;
};

}  // namespace smtp::testing
