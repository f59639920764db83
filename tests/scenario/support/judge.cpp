// How scenarios judge.
#include "tests/scenario/support/judge.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "protocol/base/text.hpp"

namespace scenario {
namespace {

constexpr auto heal_limit = std::chrono::seconds(90);  // a failure may block a host for a minute (SMTP-67)
constexpr auto turn_limit = std::chrono::seconds(40);  // a new policy is fetched in the background (STS-59)
constexpr auto between_tries = std::chrono::milliseconds(300);

std::string one_of(const Outcome& outcome, const std::string& recipient) {
  return recipient.empty() ? outcome.replies.at(0).first : recipient;
}

std::string where(const std::vector<lab::Message>& messages) {
  std::string text;
  for (const auto& message : messages) text += " " + message.mx->host();
  return text;
}

/// Paces a client that tries again: nothing outside the relay shows when its block has ended.
void pause(const World& world) {
  world.lab.watch().until([] { return false; }, between_tries);
}

bool fits(const std::string& enhanced, const std::vector<std::string>& codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const std::string& code) {
    return enhanced == code || (code.ends_with('.') && enhanced.starts_with(code));
  });
}

}  // namespace

void expect(const World& world, bool holds, const std::string& message) {
  if (!holds) FAIL(message << "\n" << world.report());
  SUCCEED(message);
}

void until(const World& world, const std::function<bool()>& event, const std::string& what,
           std::chrono::milliseconds limit) {
  expect(world, world.lab.watch().until(event, limit), "expected " + what + ", it did not come");
}

void until_said(const World& world, const std::vector<std::string>& command, const std::string& words) {
  until(
      world, [&] { return world.relay.cli(command).out.find(words) != std::string::npos; }, "the words " + words);
}

lab::Message delivered(const World& world, const Outcome& outcome, const Delivered& expected) {
  const std::string recipient = one_of(outcome, expected.recipient);
  expect(world, outcome.fates.at(recipient) == Fate::delivered, "expected delivered, was " + words(outcome));
  const auto got = world.lab.arrived(recipient);
  expect(world, got.size() == 1,
         "expected one arrival of " + recipient + ", were " + std::to_string(got.size()) + ":" + where(got));
  const lab::Message& message = got.front();
  if (expected.mx != nullptr)
    expect(world, message.mx == expected.mx,
           "expected arrival at " + expected.mx->host() + ", was at " + message.mx->host());
  if (expected.tls)
    expect(world, *expected.tls != message.tls.empty(),
           std::string("expected arrival ") + (*expected.tls ? "over TLS" : "in plaintext") + ", was over `" +
               message.tls + "`");
  return message;
}

void deferred(const World& world, const Outcome& outcome, const std::vector<MxHost*>& bad, const Deferred& expected) {
  const std::string recipient = one_of(outcome, expected.recipient);
  expect(world, outcome.fates.at(recipient) == Fate::deferred, "expected deferred, was " + words(outcome));
  const auto got = world.lab.arrived(recipient);
  expect(world, got.empty(), "deferred, yet " + recipient + " arrived at" + where(got));
  untouched(world, bad);
  const lab::Reply& reply = outcome.reply(recipient);
  expect(world, reply.code != 421, "expected a 4xx that keeps the client's connection, was " + words(reply));
  std::vector<std::string> codes = expected.codes;
  if (codes.empty() && expected.policy) codes = {"4.7."};
  if (!codes.empty())
    expect(world, reply.code == 451 && fits(reply.enhanced(), codes),
           "expected 451 " + codes.front() + ", was " + words(reply));
  if (expected.policy) {
    const bool plain =
        std::all_of(reply.text.begin(), reply.text.end(), [](char c) { return base::is_printable(c) || c == '\n'; });
    expect(world, plain && reply.text.size() <= 410,
           "expected a reason in ASCII of at most 400 octets, was " + words(reply));
    const std::string domain = base::lower(recipient.substr(recipient.rfind('@') + 1));
    expect(world, base::lower(reply.text).find(domain) != std::string::npos,
           "expected a reason that names " + domain + ", was " + words(reply));
  }
}

void refused(const World& world, const Outcome& outcome, const std::vector<std::string>& words_in_reply,
             const std::string& only) {
  const std::string recipient = one_of(outcome, only);
  expect(world, outcome.fates.at(recipient) == Fate::refused, "expected refused for good, was " + words(outcome));
  const auto got = world.lab.arrived(recipient);
  expect(world, got.empty(), "refused, yet " + recipient + " arrived at" + where(got));
  const std::string reply = words(outcome.reply(recipient));
  for (const auto& word : words_in_reply)
    expect(world, reply.find(word) != std::string::npos, "expected " + word + " in the reply, was " + reply);
}

void untouched(const World& world, const std::vector<MxHost*>& hosts) {
  for (const MxHost* host : hosts) {
    const auto mails = host->mails();
    expect(world, mails.empty(), "expected no MAIL at " + host->host() + ", were " + std::to_string(mails.size()));
  }
}

void no_plaintext(const World& world, const std::vector<MxHost*>& hosts) {
  for (const MxHost* host : hosts)
    for (const auto& mail : host->mails())
      expect(world, mail.tls, "expected no MAIL in plaintext at " + host->host() + ", was " + mail.line);
}

lab::LogLine delivery_record(const World& world, const std::string& domain) {
  const std::map<std::string, std::string> fields{{"event", "delivery"}, {"domain", domain}};
  until(
      world, [&] { return !world.relay.log_lines(fields).empty(); }, "the delivery record of " + domain);
  const auto lines = world.relay.log_lines(fields);
  expect(world, lines.size() == 1, "expected one delivery record of " + domain);
  return lines.front();
}

lab::Message served_when_healed(World& world, const std::string& domain, const MxHost& mx, bool tls) {
  const auto end = lab::Clock::now() + heal_limit;
  for (int number = 0;; ++number) {
    const Outcome outcome = world.relay.mail("healed" + std::to_string(number) + "@" + domain);
    if (outcome.fate() != Fate::deferred) return delivered(world, outcome, {.mx = &mx, .tls = tls});
    expect(world, lab::Clock::now() < end,
           "expected " + mx.host() + " to be used after its recovery, last was " + words(outcome));
    pause(world);
  }
}

lab::Message turned_to(World& world, const std::string& domain, const MxHost& now, const MxHost& before) {
  const auto end = lab::Clock::now() + turn_limit;
  for (int number = 0;; ++number) {
    const Outcome outcome = world.relay.mail("turn" + std::to_string(number) + "@" + domain);
    lab::Message message = delivered(world, outcome, {.tls = true});
    if (message.mx == &now) return message;
    expect(world, message.mx == &before,
           "expected " + before.host() + " or " + now.host() + ", was " + message.mx->host());
    expect(world, lab::Clock::now() < end, "expected the new policy to count, mail still goes to " + before.host());
    pause(world);
  }
}

}  // namespace scenario
