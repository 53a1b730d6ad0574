#include "workflow/parallel.hpp"

#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"

namespace suffice::workflow {
namespace {

namespace asio = boost::asio;

/// Lets everything else that is ready run first.
Task<void> step_back() { co_await asio::post(asio::use_awaitable); }

/// Waits until it is cancelled.
Task<Result<int>> wait_for_ever() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer never(executor, asio::steady_timer::time_point::max());
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return fail(ErrorCode::Cancelled, "was cancelled");
}

TEST(Parallel, GivesResultsInTheOrderOfTheJobsHoweverTheyEnd) {
  std::vector<Job<int>> jobs;
  for (int i = 0; i < 10; ++i) {
    jobs.emplace_back([i]() -> Task<Result<int>> {
      for (int turns = 10 - i; turns > 0; --turns) co_await step_back();
      if (i == 3) co_return fail(ErrorCode::InvalidArgument, "three");
      co_return i;
    });
  }
  const std::vector<Result<int>> results = net::run_sync(parallel<int>(std::move(jobs), 4));

  ASSERT_EQ(results.size(), 10U);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i == 3) {
      EXPECT_EQ(results[i].error().message, "three");
    } else {
      EXPECT_EQ(*results[i], static_cast<int>(i));
    }
  }
}

TEST(Parallel, NeverRunsMoreJobsAtOnceThanItMay) {
  for (const std::size_t at_once : {0U, 1U, 3U, 20U}) {
    std::size_t running = 0;
    std::size_t most = 0;
    std::vector<Job<int>> jobs(10, [&]() -> Task<Result<int>> {
      most = std::max(most, ++running);
      for (int turns = 0; turns < 5; ++turns) co_await step_back();
      --running;
      co_return 0;
    });
    net::run_sync(parallel<int>(std::move(jobs), at_once));

    EXPECT_EQ(most, std::min<std::size_t>(10, std::max<std::size_t>(1, at_once))) << at_once;
  }
}

TEST(Parallel, OfNoJobsIsOverAtOnce) { EXPECT_TRUE(net::run_sync(parallel<int>({}, 4)).empty()); }

TEST(Parallel, CancellingItCancelsWhatRunsAndBeginsNoMore) {
  asio::io_context io;
  asio::cancellation_signal signal;
  int begun = 0;
  std::vector<Job<int>> jobs(5, [&]() -> Task<Result<int>> {
    ++begun;
    Task<Result<int>> waiting = wait_for_ever();
    Result<int> result = co_await std::move(waiting);
    co_return result;
  });
  std::vector<Result<int>> results;
  asio::co_spawn(io, parallel<int>(std::move(jobs), 2),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, std::vector<Result<int>> all) {
                   results = std::move(all);
                 }));
  io.poll();
  ASSERT_EQ(begun, 2);
  signal.emit(asio::cancellation_type::terminal);
  io.poll();

  EXPECT_EQ(begun, 2);
  ASSERT_EQ(results.size(), 5U);
  for (const Result<int>& result : results) EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(Parallel, AnExceptionOfAJobIsThrownOnceTheOthersHaveEnded) {
  int ended = 0;
  std::vector<Job<int>> jobs;
  jobs.emplace_back([]() -> Task<Result<int>> {
    co_await step_back();
    throw std::runtime_error("a bug");
  });
  jobs.emplace_back([&]() -> Task<Result<int>> {
    for (int turns = 0; turns < 5; ++turns) co_await step_back();
    ++ended;
    co_return 1;
  });
  EXPECT_THROW(net::run_sync(parallel<int>(std::move(jobs), 2)), std::runtime_error);
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace suffice::workflow
