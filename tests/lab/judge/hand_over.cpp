// A few threads that hand over what is put into their queue.
#include "tests/lab/judge/hand_over.hpp"

#include "protocol/base/text.hpp"

namespace lab::judge {
namespace {

/// RFC 5321 §4.5.3.2.6: a client waits ten minutes for the reply to the message.
constexpr auto patience = std::chrono::minutes(10);

}  // namespace

HandOver::HandOver(std::string address, std::uint16_t port, int at_once) : address_(std::move(address)), port_(port) {
  for (int i = 0; i < at_once; ++i) threads_.emplace_back([this] { work(); });
}

HandOver::~HandOver() {
  {
    std::lock_guard guard(mutex_);
    ended_ = true;
  }
  bell_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void HandOver::send(Letter letter, Handed done) {
  {
    std::lock_guard guard(mutex_);
    letters_.emplace_back(std::move(letter), std::move(done));
  }
  bell_.notify_one();
}

void HandOver::work() {
  for (;;) {
    std::pair<Letter, Handed> next;
    {
      std::unique_lock guard(mutex_);
      bell_.wait(guard, [&] { return ended_ || !letters_.empty(); });
      if (ended_) return;
      next = std::move(letters_.front());
      letters_.pop_front();
    }
    next.second(deliver(next.first));
  }
}

Reply HandOver::deliver(const Letter& letter) const {
  try {
    SmtpClient client(address_, port_, {.timeout = patience});
    if (client.greeting().kind() != 2) return client.greeting();
    if (const Reply hello = client.ehlo(); hello.kind() != 2) return hello;
    // RFC 6152 §2: declared where it is so, else the message could go to no host without the extension.
    const bool eight_bit = base::has_eight_bit(letter.body) && client.features().contains("8BITMIME");
    Reply reply = client.command("MAIL FROM:<" + letter.sender + ">" + (eight_bit ? " BODY=8BITMIME" : ""));
    if (reply.kind() == 2) reply = client.command("RCPT TO:<" + letter.recipient + ">");
    if (reply.kind() == 2) {
      reply = client.command("DATA");
      if (reply.code == 354) {
        client.raw((letter.unstuffed ? letter.body : stuffed(letter.body)) + ".\r\n");
        reply = client.read();
      }
    }
    client.quit();
    return reply;
  } catch (const Gone& gone) {
    return {0, gone.what()};
  }
}

std::string HandOver::greeting() const {
  try {
    SmtpClient client(address_, port_, {.timeout = std::chrono::seconds(60)});
    const Reply greeting = client.greeting();
    client.quit();
    return greeting.kind() == 2 ? "" : words(greeting);
  } catch (const Gone& gone) {
    return gone.what();
  }
}

}  // namespace lab::judge
