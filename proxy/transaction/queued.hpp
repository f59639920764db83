// on_defer = "queue": cut through first, and what cannot go out now is durable before the client reads 250 (SMTP-40,
// SMTP-60). Nobody is served later after a 4xx or 5xx, nobody is forgotten after a 250.
//
//   1. RCPT   each domain's host is asked at once, all domains of a batch at the same time. Its 5xx is passed on; its
//             4xx, or no word within `patience`, becomes 250: the recipient waits for the end of the message
//   2. body   held: in memory, then in an unnamed file
//   3. dot    who waits already is written first, as not yet promised; then the message goes to the hosts that wait for
//             it, at the same time and for at most `patience`. What they have not taken is made durable, with the
//             report for those that refused, and then promised: 250. Where every host took it, or every host refused
//             it, nothing is written.
// A host that is slower than `patience` at the dot may have the message already: its answer is waited for behind the
// client's back, and settles what was made durable.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/store/spool.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy::queued {

constexpr std::size_t held_in_memory = 128 * 1024;  // as much as a row of the queue takes

struct Place {
  std::size_t index;  // among the accepted recipients of the transaction
  smtp::Rcpt rcpt;
};

/// One domain's part of the transaction. Shared with what is under way, which may outlast the transaction.
struct Group {
  Target target;
  std::unique_ptr<Delivery> delivery;
  bool given_up = false;         // the delivery was too slow: it is dropped when it wakes up
  std::vector<Place> accepted;   // by its host, which waits for the message
  std::vector<Place> deferred;   // with `reasons`
  std::vector<Verdict> reasons;  // why they wait
  bool at_once = false;          // what waits is tried again at once: no host has said no
};
using GroupPtr = std::shared_ptr<Group>;

class Queued final : public Transaction {
 public:
  Queued(Environment& environment, Queue& queue, const Origin& origin, std::string id, smtp::Mail mail, bool lmtp,
         std::chrono::milliseconds patience)
      : environment_(environment),
        queue_(queue),
        origin_(origin),
        id_(std::move(id)),
        mail_(std::move(mail)),
        lmtp_(lmtp),
        patience_(patience),
        patience_left_(patience),
        spool_(std::make_shared<Spool>(environment.config()->state_dir, held_in_memory)) {}

  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) override;
  awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) override;
  awaitable<std::vector<smtp::Reply>> finish() override;
  void abandon() override;

 private:
  struct Asked {
    GroupPtr group;
    std::vector<std::size_t> places;  // in the batch
    std::optional<Task<std::vector<smtp::Reply>>> task;
  };
  /// The answer to one recipient of a batch.
  struct Noted {
    smtp::Reply answer;
    GroupPtr group;
    std::optional<Verdict> why;  // it waits
  };
  struct Sent {
    GroupPtr group;
    Task<Verdict> task;
    std::optional<Verdict> verdict;  // none: it is still under way
  };

  struct Sum {
    std::vector<smtp::Reply> by_place;  // of each accepted recipient; code 0: it waits
    std::vector<QueuedRecipient> left;  // who wait
    std::vector<std::uint32_t> gone;    // who do not
    std::vector<policy::queue::Unit> in_hand;
    std::vector<smtp::Rcpt> ended;  // for the reports, with
    std::vector<Verdict> ends;
    bool some_taken = false;
    std::string reason;  // why the first of them waits
  };

  GroupPtr group_of(const Target& target);
  void defer(Noted& noted, const GroupPtr& group, Verdict why);
  void take_answers(Asked& asked, std::vector<smtp::Reply> replies, std::vector<Noted>& noted);
  void too_slow(Asked& asked, std::vector<Noted>& noted);
  QueuedMessage message_row() const;
  std::string field() const;
  awaitable<bool> write_who_waits();
  awaitable<void> send_to_all();
  Sum sum_up();
  QueueChange change_for(Sum& sum);
  awaitable<bool> promise(Sum& sum);
  awaitable<std::vector<smtp::Reply>> answer();
  void log_refusal(const std::string& limit) const;
  void wait_for(Sent& sent, const QueuedMessage& row);

  Environment& environment_;
  Queue& queue_;
  const Origin origin_;
  const std::string id_;
  const smtp::Mail mail_;
  const bool lmtp_;
  const std::chrono::milliseconds patience_;
  std::chrono::milliseconds patience_left_;  // of RCPT, all of them together
  std::shared_ptr<Spool> spool_;
  std::vector<GroupPtr> groups_;
  std::vector<Sent> sent_;
  std::size_t accepted_ = 0;
  std::optional<std::int64_t> number_;  // of the message in the store
  bool written_ = false;                // it is there, not promised yet
  smtp::ContentFacts content_;
  bool stored_ = true, started_ = false, waived_ = false;
};

}  // namespace proxy::queued
