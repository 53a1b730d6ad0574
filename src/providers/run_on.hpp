#pragma once
// Runs a coroutine on another thread's executor and comes back. Private to providers/.

#include <exception>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/task.hpp"

namespace suffice::providers {

/// Runs `work` on `where` and comes back, without passing cancellation on: co_spawn of Boost 1.81 forwards it to another
/// thread by a pointer that may be dangling when it arrives.
template <class T>
Task<T> run_on(boost::asio::any_io_executor where, Task<T> work) {
  namespace asio = boost::asio;
  const auto start = [](auto handler, asio::any_io_executor executor, Task<T> task) {
    auto home = asio::make_work_guard(handler);
    auto finish = [handler = std::move(handler), home = std::move(home)](std::exception_ptr thrown, T value) mutable {
      const auto back = home.get_executor();
      asio::dispatch(
          back, [handler = std::move(handler), home = std::move(home), thrown, value = std::move(value)]() mutable {
            home.reset();
            std::move(handler)(thrown, std::move(value));
          });
    };
    asio::co_spawn(std::move(executor), std::move(task), std::move(finish));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, T)>(
      start, asio::use_awaitable, std::move(where), std::move(work));
}

}  // namespace suffice::providers
