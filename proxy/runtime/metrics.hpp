// What the relay counts of itself, for the whole process: every folder counts here, proxy/admin shows it to Prometheus.
// From any thread, without a lock or an allocation. Labels are enums of ours, so that no peer can make a new series;
// nothing here may ever hold a domain, an address or any other text from outside.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proxy::metrics {

/// Only rises. Relaxed: a scrape may see one counter before another that was raised earlier.
class Counter {
 public:
  void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void add(std::int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  void set(std::int64_t to) { value_.store(to, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Raises a gauge for as long as it lives.
class Held {
 public:
  explicit Held(Gauge& gauge) : gauge_(&gauge) { gauge_->add(1); }
  ~Held() { gauge_->add(-1); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  void move_to(Gauge& other) {
    other.add(1);
    gauge_->add(-1);
    gauge_ = &other;
  }

 private:
  Gauge* gauge_;
};

/// How long something took. The buckets are the same for all: from a reply on loopback to the longest that a client
/// waits.
class Histogram {
 public:
  using Microseconds = std::chrono::microseconds;
  static constexpr std::array<Microseconds::rep, 15> bounds{
      1'000,     5'000,      10'000,     50'000,     100'000,     500'000,     1'000'000,  2'500'000,
      5'000'000, 10'000'000, 30'000'000, 60'000'000, 120'000'000, 300'000'000, 600'000'000};

  /// A time below nothing, which only a broken clock shows, counts as none.
  void observe(std::chrono::steady_clock::duration time) {
    const auto took = std::max<Microseconds::rep>(0, std::chrono::duration_cast<Microseconds>(time).count());
    std::size_t bucket = 0;
    while (bucket < bounds.size() && took > bounds[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_.add(static_cast<std::uint64_t>(took));
  }
  /// Of this bucket alone; the last one has no bound.
  std::uint64_t in_bucket(std::size_t bucket) const { return buckets_[bucket].value(); }
  std::uint64_t microseconds() const { return sum_.value(); }

 private:
  std::array<Counter, bounds.size() + 1> buckets_;
  Counter sum_;
};

/// The name of the label that an enum is, and its values in the enum's order.
template <class Key>
struct Label;

template <class Key>
constexpr std::string_view word(Key key) {
  return Label<Key>::values[static_cast<std::size_t>(key)];
}

/// One metric for each value of a label; may be nested.
template <class Key, class Metric = Counter>
class By {
 public:
  using Labels = Label<Key>;
  Metric& operator[](Key key) { return all_[static_cast<std::size_t>(key)]; }
  const Metric& operator[](Key key) const { return all_[static_cast<std::size_t>(key)]; }

 private:
  std::array<Metric, Label<Key>::values.size()> all_;
};

// ---- the labels

enum class ClientTls { none, starttls, implicit };
template <>
struct Label<ClientTls> {
  static constexpr std::string_view name = "tls";
  static constexpr std::array<std::string_view, 3> values{"none", "starttls", "implicit"};
};

enum class Refusal { allow, connections, connections_per_client };
template <>
struct Label<Refusal> {
  static constexpr std::string_view name = "reason";
  static constexpr std::array<std::string_view, 3> values{"allow", "connections", "connections_per_client"};
};

enum class ContentFault { bare_newline, loop_or_size };
template <>
struct Label<ContentFault> {
  static constexpr std::string_view name = "reason";
  static constexpr std::array<std::string_view, 2> values{"bare_newline", "loop_or_size"};
};

enum class PolicyMode { none, testing, enforce };
template <>
struct Label<PolicyMode> {
  static constexpr std::string_view name = "policy";
  static constexpr std::array<std::string_view, 3> values{"none", "testing", "enforce"};
};

enum class Result { delivered, deferred, refused };
template <>
struct Label<Result> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 3> values{"delivered", "deferred", "refused"};
};

enum class ProofKind { none, encrypted, pkix, dane };
template <>
struct Label<ProofKind> {
  static constexpr std::string_view name = "proof";
  static constexpr std::array<std::string_view, 4> values{"none", "encrypted", "pkix", "dane"};
};

/// What became of a message to a domain that proves less than before.
enum class Weaker { delivered, deferred, believed };
template <>
struct Label<Weaker> {
  static constexpr std::string_view name = "action";
  static constexpr std::array<std::string_view, 3> values{"delivered", "deferred", "believed"};
};

enum class Lookup { hit, miss };
template <>
struct Label<Lookup> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 2> values{"hit", "miss"};
};

enum class Known { policy, none };
template <>
struct Label<Known> {
  static constexpr std::string_view name = "kind";
  static constexpr std::array<std::string_view, 2> values{"policy", "none"};
};

enum class RecordLookup { found, none, failed };
template <>
struct Label<RecordLookup> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 3> values{"found", "none", "failed"};
};

enum class FetchCause { message, refresh };
template <>
struct Label<FetchCause> {
  static constexpr std::string_view name = "cause";
  static constexpr std::array<std::string_view, 2> values{"message", "refresh"};
};

/// A client that authenticates, by AUTH or with its certificate's key.
enum class Login { accepted, failed };
template <>
struct Label<Login> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 2> values{"accepted", "failed"};
};

/// As Fetched::Result.
enum class Fetch { valid, unreachable, certificate, status, media_type, too_large, cut_short, invalid_policy };
template <>
struct Label<Fetch> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 8> values{"valid",      "unreachable", "certificate", "status",
                                                          "media_type", "too_large",   "cut_short",   "invalid_policy"};
};

enum class Exempt { configuration, command };
template <>
struct Label<Exempt> {
  static constexpr std::string_view name = "source";
  static constexpr std::array<std::string_view, 2> values{"configuration", "command"};
};

/// As dns::Status.
enum class DnsResult { ok, no_data, nxdomain, servfail, refused, timeout, unreachable, garbage, alias_loop };
template <>
struct Label<DnsResult> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 9> values{"ok",      "no_data",     "nxdomain", "servfail",  "refused",
                                                          "timeout", "unreachable", "garbage",  "alias_loop"};
};

/// What became of a recipient of a queued message at one attempt.
enum class Attempt { delivered, deferred, failed };
template <>
struct Label<Attempt> {
  static constexpr std::string_view name = "result";
  static constexpr std::array<std::string_view, 3> values{"delivered", "deferred", "failed"};
};

/// What a report says of its recipients.
enum class ReportOf { failed, delayed, relayed };
template <>
struct Label<ReportOf> {
  static constexpr std::string_view name = "action";
  static constexpr std::array<std::string_view, 3> values{"failed", "delayed", "relayed"};
};

// ---- what is counted. Names, units and words: proxy/admin/metrics_text.cpp. Gauges that are said to be of the scrape
// are set by the control thread when someone asks.

struct Inbound {
  By<ClientTls, Gauge> sessions_open;
  By<ClientTls> sessions;
  By<Refusal> clients_refused;
  By<Login> authentications;
  Counter client_tls_failures;
  By<ContentFault> content_refused;
  Histogram rcpt_answer, final_reply;
};

struct Outbound {
  By<PolicyMode, By<Result>> messages;
  By<ProofKind> deliveries;
  Counter testing_failures;
  By<Weaker> weaker;
  Gauge connections_open;
  Counter connections;
  Gauge memory_domains;  // of the scrape
  Gauge dane_on;         // of the scrape
};

struct Sts {
  By<Lookup> cache_lookups;
  By<RecordLookup> record_lookups;
  By<FetchCause, By<Fetch>> fetches;
  Histogram fetch;
  // of the scrape:
  By<Known, Gauge> cache_entries;
  Gauge cache_octets;
  Gauge refresh_failing, refresh_failing_seconds;
  Gauge unsaved;
  By<Exempt, Gauge> exemptions;
  Gauge enabled;
};

struct Dns {
  By<DnsResult> queries;
  Counter cache_hits;
};

struct Queue {
  Counter taken;
  By<Attempt> attempts;
  By<ReportOf> reports;
  Counter refused;         // a limit, or no room
  Counter store_failures;  // what was to be taken and could not be written
  Gauge in_hand;           // of the scrape, as the next ones
  Gauge messages, octets;
};

/// Of the whole process.
struct Metrics {
  Inbound inbound;
  Outbound outbound;
  Sts sts;
  Dns dns;
  Queue queue;
  Gauge started;  ///< when the process began to serve, seconds since 1970
};

inline constinit Metrics all;

}  // namespace proxy::metrics
