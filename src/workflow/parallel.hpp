#pragma once
// parallel: several jobs side by side on one executor, their results in order.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/result.hpp"
#include "net/task.hpp"

namespace suffice::workflow {

/// A job is begun when its turn comes. It and all that it refers to outlive the await of parallel().
template <class T>
using Job = std::function<Task<Result<T>>()>;

namespace detail {

/// What the lanes of one parallel() share. Kept alive by every lane.
template <class T>
struct Lanes {
  explicit Lanes(const boost::asio::any_io_executor& executor)
      : finished(executor, boost::asio::steady_timer::time_point::max()) {}

  std::vector<Job<T>> jobs;
  std::vector<std::optional<Result<T>>> results;
  std::size_t next = 0;
  std::size_t running = 0;
  bool stopped = false;  ///< nobody begins another job
  std::exception_ptr failure;
  boost::asio::steady_timer finished;  ///< cancelled by the last lane
  std::list<boost::asio::cancellation_signal> signals;
};

template <class T>
Task<void> lane(std::shared_ptr<Lanes<T>> shared) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  while (!shared->stopped && shared->next < shared->jobs.size()) {
    const std::size_t index = shared->next++;
    Result<T> result = co_await shared->jobs[index]();
    shared->results[index].emplace(std::move(result));
  }
}

}  // namespace detail

/// Runs `jobs` on the awaiting coroutine's executor, at most `at_once` (at least 1) of them side by side, begun in order. The results
/// are in the order of the jobs. Cancelling the awaiting coroutine cancels the jobs that run and begins no more; those that were never
/// begun end as Cancelled. An exception of a job is rethrown once every lane has ended.
template <class T>
Task<std::vector<Result<T>>> parallel(std::vector<Job<T>> jobs, std::size_t at_once) {
  namespace asio = boost::asio;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<detail::Lanes<T>>(executor);
  shared->results.resize(jobs.size());
  const std::size_t lanes = std::min(jobs.size(), std::max<std::size_t>(1, at_once));
  shared->jobs = std::move(jobs);
  shared->running = lanes;
  for (std::size_t i = 0; i < lanes; ++i) {
    asio::cancellation_signal& signal = shared->signals.emplace_back();
    Task<void> work = detail::lane(shared);
    asio::co_spawn(executor, std::move(work),
                   asio::bind_cancellation_slot(signal.slot(), [shared](std::exception_ptr failure) {
                     if (failure && !shared->failure) shared->failure = failure;
                     if (--shared->running == 0) shared->finished.cancel();
                   }));
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  while (shared->running > 0) {
    co_await shared->finished.async_wait(asio::as_tuple(asio::use_awaitable));
    if (shared->running == 0 || shared->stopped) continue;
    // Woken before the lanes are done: somebody cancelled this coroutine. It still waits for what it has begun.
    shared->stopped = true;
    for (asio::cancellation_signal& signal : shared->signals) signal.emit(cancellation.cancelled());
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  }
  if (shared->failure) std::rethrow_exception(shared->failure);
  std::vector<Result<T>> results;
  results.reserve(shared->results.size());
  for (std::optional<Result<T>>& result : shared->results) {
    if (result) {
      results.push_back(*std::move(result));
    } else {
      results.push_back(fail(ErrorCode::Cancelled, "the run was cancelled before this job began"));
    }
  }
  co_return results;
}

}  // namespace suffice::workflow
