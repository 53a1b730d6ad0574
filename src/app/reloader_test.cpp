#include "app/reloader.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"

namespace suffice::app {
namespace {

namespace asio = boost::asio;

/// The first run waits until it is cancelled, the others end at once with their number.
struct Runs {
  std::atomic<int> begun{0};
  std::binary_semaphore first_waits{0};

  Task<Result<std::string>> run() {
    const int number = ++begun;
    if (number > 1) co_return std::to_string(number);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_at(asio::steady_timer::time_point::max());
    first_waits.release();
    boost::system::error_code error;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return fail(ErrorCode::Cancelled, "superseded");
  }
};

TEST(Reloader, AnswersWithWhatTheReloadGave) {
  Reloader reloader([]() -> Task<Result<std::string>> { co_return std::string("v7"); });
  EXPECT_EQ(net::run_sync(reloader.reload()).value(), "v7");
}

TEST(Reloader, GivesUpAWaitingReloadForANewerOne) {
  Runs runs;
  Reloader reloader([&] { return runs.run(); });
  std::optional<Result<std::string>> first;
  std::thread caller([&] { first = net::run_sync(reloader.reload()); });
  runs.first_waits.acquire();

  const Result<std::string> second = net::run_sync(reloader.reload());

  caller.join();
  EXPECT_EQ(second.value(), "2");
  EXPECT_EQ(first->error().code, ErrorCode::Cancelled);
}

TEST(Reloader, EndsAWaitingReloadWithItself) {
  Runs runs;
  auto reloader = std::make_unique<Reloader>([&] { return runs.run(); });
  reloader->request();
  runs.first_waits.acquire();
  reloader.reset();
  EXPECT_EQ(runs.begun, 1);
}

}  // namespace
}  // namespace suffice::app
