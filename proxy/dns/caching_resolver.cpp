// Cache, flights, and the walk over the servers.
#include "proxy/dns/caching_resolver.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "protocol/base/text.hpp"
#include "proxy/dns/answer_cache.hpp"
#include "proxy/dns/channel.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using Clock = std::chrono::steady_clock;

constexpr unsigned max_follow_ups = 8;
constexpr auto ailing_time = 30s;

void make_canonical(std::string& name) {
  std::transform(name.begin(), name.end(), name.begin(), base::to_lower);
  if (name.size() > 1 && name.back() == '.') name.pop_back();
}

/// Whether the server answered at all.
bool silent(dns::Status status) {
  return status == dns::Status::timeout || status == dns::Status::unreachable;
}

static_assert(static_cast<int>(metrics::DnsResult::alias_loop) == static_cast<int>(dns::Status::alias_loop));
metrics::DnsResult result_of(dns::Status status) {
  return static_cast<metrics::DnsResult>(status);
}

/// Whether the answer says where a name leads but not what is there: an alias alone, without the SOA that would make
/// the absence of records a statement (RFC 2308 §2.2). An SOA for no time looks the same, and costs a question.
bool ends_in_alias(const dns::Answer& answer) {
  return answer.status == dns::Status::no_data && answer.alias && answer.ttl == 0;
}

}  // namespace

/// One question on its way, for all who wait for it.
struct CachingResolver::Flight {
  explicit Flight(const boost::asio::any_io_executor& executor) : bell(executor, Clock::time_point::max()) {}
  boost::asio::steady_timer bell;
  std::shared_ptr<const dns::Answer> answer;
};

struct CachingResolver::State : std::enable_shared_from_this<State> {
  struct Server {
    HostPort address;
    std::unique_ptr<DnsChannel> channel;
    Clock::time_point ailing_until{};
  };
  using Key = std::pair<std::string, dns::Type>;

  State(boost::asio::any_io_executor on, ResolverOptions with)
      : executor(std::move(on)), options(std::move(with)), cache(options.cache_answers, options.cache_octets) {}

  std::shared_ptr<Flight> join(const std::string& name, dns::Type type);
  void look_at_trust() {
    if (const bool now = options.trust_ad(servers.front()->address); now != trusted) {
      trusted = now;
      cache.clear();  // what it says of security was judged by the other rule
    }
  }
  static awaitable<void> fly(std::shared_ptr<State> self, std::shared_ptr<Flight> flight, Key key);
  awaitable<dns::Answer> resolve(std::string name, dns::Type type);
  awaitable<dns::Answer> walk(std::string name, dns::Type type, Clock::time_point deadline);

  boost::asio::any_io_executor executor;
  ResolverOptions options;
  std::vector<std::shared_ptr<Server>> servers;  // a walk keeps those that it began with
  AnswerCache cache;
  bool trusted = false;
  std::map<Key, std::shared_ptr<Flight>> flights;
};

CachingResolver::CachingResolver(boost::asio::any_io_executor executor, const std::vector<HostPort>& servers,
                                 ResolverOptions options)
    : state_(std::make_shared<State>(std::move(executor), std::move(options))) {
  use(servers);
}

void CachingResolver::use(const std::vector<HostPort>& servers) {
  if (servers.empty()) throw std::invalid_argument("no DNS server");
  std::vector<std::shared_ptr<State::Server>> made;
  for (const auto& server : servers) {
    made.push_back(std::make_shared<State::Server>());
    made.back()->address = server;
    made.back()->channel = std::make_unique<DnsChannel>(state_->executor, server);
  }
  state_->servers = std::move(made);
}

CachingResolver::~CachingResolver() = default;

awaitable<std::shared_ptr<const dns::Answer>> CachingResolver::ask(std::string name, dns::Type type, bool fresh) {
  make_canonical(name);
  state_->look_at_trust();
  if (!fresh) {
    if (auto kept = state_->cache.find(name, type, state_->options.now())) {
      metrics::all.dns.cache_hits.add();
      co_return kept;
    }
  }
  const auto flight = state_->join(name, type);
  while (!flight->answer) {
    constexpr auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
    co_await flight->bell.async_wait(token);
  }
  co_return flight->answer;
}

std::shared_ptr<CachingResolver::Flight> CachingResolver::State::join(const std::string& name, dns::Type type) {
  auto& there = flights[{name, type}];
  if (there) return there;
  there = std::make_shared<Flight>(executor);
  const auto flight = there;
  // On its own: whoever asked first may give up, and others still wait.
  auto task = fly(shared_from_this(), flight, {name, type});
  boost::asio::co_spawn(executor, std::move(task),
                        [self = shared_from_this(), flight, key = Key(name, type)](std::exception_ptr error) {
                          self->flights.erase(key);
                          flight->bell.cancel();
                          if (!error) return;
                          // Not what the network did, but a fault of ours or want of memory: those who wait must not
                          // wait for ever.
                          dns::Answer answer;
                          answer.status = dns::Status::servfail;
                          answer.text = "an internal error";
                          flight->answer = std::make_shared<const dns::Answer>(std::move(answer));
                          std::rethrow_exception(error);
                        });
  return flight;
}

awaitable<void> CachingResolver::State::fly(std::shared_ptr<State> self, std::shared_ptr<Flight> flight, Key key) {
  dns::Answer answer = co_await self->resolve(key.first, key.second);
  flight->answer = std::make_shared<const dns::Answer>(std::move(answer));
  self->cache.store(key.first, key.second, flight->answer, self->options.now());
}

awaitable<dns::Answer> CachingResolver::State::resolve(std::string name, dns::Type type) {
  const auto deadline = Clock::now() + options.patience;
  dns::Answer answer = co_await walk(std::move(name), type, deadline);
  for (unsigned follow_ups = 0; ends_in_alias(answer); ++follow_ups) {
    if (follow_ups == max_follow_ups) {
      answer.status = dns::Status::alias_loop;
      answer.text = "more than 8 aliases, or a loop of them, at " + base::printable(answer.canonical);
      break;
    }
    dns::Answer next = co_await walk(answer.canonical, type, deadline);
    next.alias = true;
    next.authentic = next.authentic && answer.authentic;
    next.ttl = 0;  // that of the alias is not known here
    answer = std::move(next);
  }
  co_return answer;
}

awaitable<dns::Answer> CachingResolver::State::walk(std::string name, dns::Type type, Clock::time_point deadline) {
  auto order = servers;
  const auto started = Clock::now();
  std::stable_partition(order.begin(), order.end(),
                        [&](const auto& server) { return server->ailing_until <= started; });

  std::optional<dns::Answer> worst;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto now = Clock::now();
    if (now >= deadline) break;
    // A server that is silent leaves the others their share of the time.
    const auto share = (deadline - now) / static_cast<long>(order.size() - i);
    dns::Answer answer = co_await order[i]->channel->ask(name, type, now + share);
    metrics::all.dns.queries[result_of(answer.status)].add();
    answer.authentic = answer.authentic && options.trust_ad(order[i]->address);
    order[i]->ailing_until = silent(answer.status) ? Clock::now() + ailing_time : Clock::time_point();
    if (!dns::failed(answer.status)) co_return answer;
    // What a server said tells more than the silence of another.
    if (!worst || silent(worst->status)) worst = std::move(answer);
  }
  if (!worst) {
    worst.emplace();
    worst->status = dns::Status::timeout;
    worst->text = "the time for DNS has run out";
  }
  co_return std::move(*worst);
}

}  // namespace proxy
