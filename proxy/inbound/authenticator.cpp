// To a thread of its own and back.
#include "proxy/inbound/authenticator.hpp"

#include <openssl/crypto.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/store/completion.hpp"

namespace proxy {

namespace asio = boost::asio;

namespace {
constexpr unsigned waiting_at_most = 100;  // some seconds of work
}

awaitable<bool> Authenticator::is_right(std::shared_ptr<const Users> users, smtp::Credentials credentials) {
  auto initiate = [this](auto handler, std::shared_ptr<const Users> known, smtp::Credentials claimed) {
    auto done = resume_on_its_executor<bool>(std::move(handler));
    asio::post(pool_, [known = std::move(known), claimed = std::move(claimed), done = std::move(done)]() mutable {
      const bool right = known->check(claimed.user, claimed.password);
      OPENSSL_cleanse(claimed.password.data(), claimed.password.size());
      done(right);
    });
  };
  const bool right = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
      std::move(initiate), asio::use_awaitable, std::move(users), std::move(credentials));
  co_return right;
}

awaitable<Authenticator::Verdict> Authenticator::check(std::shared_ptr<const Users> users, std::string client,
                                                       smtp::Credentials credentials) {
  bool blocked = false;
  {
    const std::lock_guard lock(mutex_);
    blocked = failures_.is_blocked(client, std::chrono::steady_clock::now());
  }
  if (blocked) co_return Verdict::too_many;
  if (waiting_.fetch_add(1) >= waiting_at_most) {
    --waiting_;
    co_return Verdict::busy;
  }
  const bool right = co_await is_right(std::move(users), std::move(credentials));
  --waiting_;
  std::chrono::milliseconds wait{0};
  {
    const std::lock_guard lock(mutex_);
    if (right) {
      failures_.succeeded(client);
    } else {
      wait = failures_.failed(client, std::chrono::steady_clock::now());
    }
  }
  if (right) co_return Verdict::accepted;
  if (!stopped_) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, wait);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return Verdict::wrong;
}

}  // namespace proxy
