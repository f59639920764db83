// Idle connections by bucket, and their ends.
#include "proxy/outbound/pool.hpp"

#include <boost/asio/redirect_error.hpp>

namespace proxy {

namespace {
constexpr std::chrono::seconds idle_limit(10), age_limit(300), reset_wait(10);
constexpr unsigned message_limit = 100;
constexpr std::chrono::seconds sweep_time(1);
constexpr std::chrono::seconds rest_at_least(5);
constexpr std::chrono::milliseconds shutdown_wait(2500);

std::string key_of(const Bucket& bucket) {
  return bucket.host + ' ' + bucket.address + ' ' + std::to_string(bucket.port) + (bucket.implicit_tls ? " tls" : "") +
         (bucket.user.empty() ? "" : " as " + bucket.user);
}
}  // namespace

void Resting::wake() {
  if (host_ == nullptr) return;
  host_ = nullptr;
  previous_->next_ = next_;
  next_->previous_ = previous_;
}

Pool::Pool(const Executor& executor) : executor_(executor), timer_(executor) {
  resting_.previous_ = resting_.next_ = &resting_;
  spawn(executor_, sweep(), "pool");
}

Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::take(const Bucket& bucket) {
  const auto found = idle_.find(key_of(bucket));
  if (found == idle_.end()) return nullptr;
  auto& kept = found->second;
  std::unique_ptr<Connection> connection;
  while (!connection && !kept.empty()) {
    connection = std::move(kept.back());
    kept.pop_back();
    // One that said something by itself, or is gone: no reply of it may be read as the answer to our command (SMTP-50).
    if (!connection->quiet()) connection.reset();
  }
  if (kept.empty()) idle_.erase(found);
  return connection;
}

void Pool::keep(std::unique_ptr<Connection> connection) {
  const auto now = std::chrono::steady_clock::now();
  if (stopped_ || connection->messages >= connection->transactions_at_most(message_limit) ||
      now - connection->opened() > age_limit) {
    end(std::move(connection));
    return;
  }
  connection->became_idle();
  idle_[key_of(connection->bucket())].push_back(std::move(connection));
}

void Pool::reset_and_keep(std::unique_ptr<Connection> connection) {
  spawn(executor_, reset(std::move(connection)), "reset");
}

awaitable<void> Pool::reset(std::unique_ptr<Connection> connection) {
  const auto deadline = after(reset_wait);
  auto result = co_await connection->exchange(smtp::Stage::rset, "RSET\r\n", deadline);
  const auto* reply = std::get_if<smtp::Reply>(&result);
  if (reply != nullptr && reply->positive()) {
    keep(std::move(connection));
  } else {
    connection->close();
  }
}

void Pool::end(std::unique_ptr<Connection> connection) {
  spawn(executor_, quit(std::move(connection)), "quit");
}

awaitable<void> Pool::quit(std::unique_ptr<Connection> connection) {
  ++quitting_;
  co_await Connection::quit(std::move(connection));
  --quitting_;
}

void Pool::drop(const Bucket& bucket) {
  idle_.erase(key_of(bucket));
}

void Pool::shed(const std::string& host) {
  for (auto at = idle_.begin(); at != idle_.end(); ++at) {
    auto& kept = at->second;
    if (kept.front()->bucket().host != host) continue;
    auto connection = std::move(kept.front());
    kept.erase(kept.begin());
    if (kept.empty()) idle_.erase(at);
    end(std::move(connection));
    return;
  }
  const auto latest = std::chrono::steady_clock::now() - rest_at_least;
  for (auto* at = resting_.next_; at != &resting_ && at->since_ <= latest; at = at->next_) {
    if (*at->host_ != host) continue;
    at->wake();
    at->yield();
    return;
  }
}

void Pool::rest(Resting& resting, const std::string& host) {
  resting.wake();
  resting.host_ = &host;
  resting.since_ = std::chrono::steady_clock::now();
  resting.next_ = &resting_;
  resting.previous_ = std::exchange(resting_.previous_, &resting);
  resting.previous_->next_ = &resting;
}

awaitable<void> Pool::sweep() {
  while (!stopped_) {
    timer_.expires_after(sweep_time);
    boost::system::error_code ignored;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    const auto now = std::chrono::steady_clock::now();
    for (auto at = idle_.begin(); at != idle_.end();) {
      auto& kept = at->second;
      std::size_t stale = 0;
      while (stale < kept.size() && now - kept[stale]->idle_since() > idle_limit) end(std::move(kept[stale++]));
      kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(stale));
      at = kept.empty() ? idle_.erase(at) : std::next(at);
    }
  }
}

awaitable<void> Pool::shut_down() {
  stopped_ = true;
  timer_.cancel();
  for (auto& [key, kept] : idle_) {
    for (auto& connection : kept) end(std::move(connection));
  }
  idle_.clear();
  boost::asio::steady_timer wait(executor_);
  const auto deadline = after(shutdown_wait);
  while (quitting_ > 0 && !passed(deadline)) {
    wait.expires_after(std::chrono::milliseconds(20));
    boost::system::error_code ignored;
    co_await wait.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
}

}  // namespace proxy
