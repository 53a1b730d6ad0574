#include "server/stream_keep_alive.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace suffice::server {

namespace asio = boost::asio;

StreamKeepAlive::StreamKeepAlive(const asio::any_io_executor& executor, net::ResponseWriter& writer,
                                 std::chrono::milliseconds interval, std::string comment)
    : writer_(writer),
      interval_(interval),
      comment_(std::move(comment)),
      next_(executor),
      idle_(executor, asio::steady_timer::time_point::max()) {}

Task<void> StreamKeepAlive::run(net::Headers headers) {
  while (!over_) {
    next_.expires_after(interval_);
    // What was said while the last piece was being written is not waited for.
    if (said_.empty()) {
      const auto [waited] = co_await next_.async_wait(asio::as_tuple(asio::use_awaitable));
      const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
      const bool left = cancellation.cancelled() != asio::cancellation_type::none;
      if (over_ || left || (waited && said_.empty())) co_return;
    }
    const std::string piece = said_.empty() ? comment_ : std::exchange(said_, {});
    writing_ = true;
    Result<void> written = Result<void>{};
    // NOLINTNEXTLINE(bugprone-use-after-move): a stream starts once, and a failed start ends the loop
    if (!writer_.started()) written = co_await writer_.start_stream(200, std::move(headers));
    if (written) written = co_await writer_.write(piece);
    writing_ = false;
    idle_.cancel();
    if (!written) co_return;
  }
}

void StreamKeepAlive::say(std::string_view piece) {
  constexpr std::size_t kSaidMax = 64UL * 1024;
  if (over_) return;
  if (said_.size() + piece.size() > kSaidMax) said_.clear();
  said_ += piece;
  next_.cancel();
}

Task<void> StreamKeepAlive::take_over() {
  over_ = true;
  next_.cancel();
  while (writing_) co_await idle_.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace suffice::server
