// Takes a coroutine from one thread to another: the completion of an operation that another thread ends. The waiting
// coroutine is resumed on its own executor, never inline in the thread that ends the operation.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace proxy {

template <class Result>
using Completion = std::function<void(Result)>;

/// `handler` as something that any thread may call once. Until then its executor counts it as outstanding work. Dropped
/// without a call, it unwinds the coroutine; the handler's io_context must then still exist.
template <class Result, class Handler>
Completion<Result> resume_on_its_executor(Handler handler) {
  auto executor = boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                      boost::asio::execution::outstanding_work.tracked);
  auto held = std::make_shared<Handler>(std::move(handler));  // std::function wants to copy, a handler cannot be copied
  return [held, executor](Result result) {
    boost::asio::post(executor, [ready = std::move(*held), value = std::move(result)]() mutable {
      std::move(ready)(std::move(value));
    });
  };
}

}  // namespace proxy
