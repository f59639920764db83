// The queue in stable storage. The only promise: what apply() completed is there after kill -9, all of it or nothing.
// It decides nothing: when a recipient is tried, and what becomes of it, is said by proxy/queue.
//
// A message is a row, its recipients are rows below it, its octets a row or a file. A recipient that was served or
// refused is removed; with its last one the message goes. Messages that a client has not been promised yet
// (`accepted` false) count for nothing and are dropped at the next start.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/requirement.hpp"
#include "protocol/smtp/command.hpp"
#include "protocol/smtp/data_scanner.hpp"
#include "proxy/store/octets.hpp"
#include "proxy/store/policy_store.hpp"

namespace proxy {

using QueueTime = std::chrono::system_clock::time_point;

/// One that the message still has to reach.
struct QueuedRecipient {
  std::uint32_t number = 0;  ///< within the message; never used for another
  smtp::Rcpt rcpt;
  std::uint32_t attempts = 0;
  QueueTime next_attempt{};
  std::string reason{};  ///< what the last attempt ended with, in words, printable; empty: none was made
  std::string host{};    ///< whose reply that is; empty: the words are the relay's
};

struct QueuedMessage {
  std::int64_t number = 0;  ///< given by QueueStore::next_number()
  std::string id;           ///< as the client and the log have it
  smtp::Mail mail;
  policy::Requirement floor;     ///< of the listener that took it
  bool tls_required_no = false;  ///< its header says so, and that counts (RFC 8689)
  std::string client{};          ///< address
  std::string received_field{};  ///< goes in front of the octets
  smtp::ContentFacts content{};
  std::uint64_t size = 0;  ///< of the octets
  QueueTime received{}, expires{};
  std::optional<QueueTime> warn_at{};  ///< when its sender is to be told of the delay; none: never, or done
  bool held = false;                   ///< by an administrator
  bool accepted = true;
  std::vector<QueuedRecipient> recipients{};
};

/// What one transaction does. In this order.
struct QueueChange {
  /// Its octets in canonical wire form; `octets` may be null only where QueuedMessage::size is 0. They must not change
  /// until apply() has completed.
  struct New {
    QueuedMessage message;
    std::shared_ptr<const Octets> octets;
  };
  std::vector<New> add{};
  struct Recipients {
    std::int64_t message = 0;
    std::vector<std::uint32_t> numbers{};
  };
  std::vector<Recipients> done{};  ///< served, refused or given up
  struct Attempted {
    std::int64_t message = 0;
    QueuedRecipient recipient;  ///< attempts, next_attempt, reason and host count
  };
  std::vector<Attempted> attempted{};
  std::vector<std::int64_t> accept{};  ///< they were promised to the client now
  std::vector<std::int64_t> warned{};  ///< their senders were told of the delay
  std::vector<std::int64_t> drop{};    ///< whole messages
  std::vector<std::pair<std::int64_t, bool>> hold{};
  bool probe = false;  ///< writes and syncs something, whatever else: can the disk take it?
};

struct Applied {
  bool durable = false;  ///< false: nothing of it happened (logged); the caller must keep its promise another way
  struct Gone {
    std::string client;
    std::uint64_t size = 0;
    std::int64_t number = 0;
    QueueTime expires{};
    std::optional<QueueTime> warn_at{};
  };
  std::vector<Gone> gone{};  ///< messages whose last recipient went
};

class QueueStore {
 public:
  virtual ~QueueStore() = default;
  virtual std::int64_t next_number() = 0;
  /// Completes on the caller's executor.
  virtual boost::asio::awaitable<Applied> apply(QueueChange change) = 0;

  // ---- reads; blocking, from any thread. Throw StoreError.
  /// With the recipients of `domain` (all where it is empty), whether held or not; nullopt: there is none.
  virtual std::optional<QueuedMessage> load(std::int64_t number, std::string_view domain) = 0;
  /// Its octets; null where they cannot be read.
  virtual std::shared_ptr<const Octets> octets(const QueuedMessage& message) = 0;
  virtual std::optional<std::int64_t> number_of(std::string_view id) = 0;
  /// Every message with its recipients, by number, until `each` says false.
  virtual void walk(const std::function<bool(QueuedMessage)>& each) = 0;
};

}  // namespace proxy
