#include "providers/sleeper.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace suffice::providers {

Task<Sleeper::Woken> TimerSleeper::sleep(std::chrono::milliseconds span) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, span);
  const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return error ? Woken::Cancelled : Woken::InTime;
}

}  // namespace suffice::providers
