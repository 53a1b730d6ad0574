#include "server/stream_keep_alive.hpp"

#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"

namespace suffice::server {
namespace {

namespace asio = boost::asio;

/// Remembers what was written; tells the test when a number of pieces has come.
class MemoryWriter final : public net::ResponseWriter {
 public:
  explicit MemoryWriter(const asio::any_io_executor& executor)
      : reached_(executor, asio::steady_timer::time_point::max()) {}
  Task<Result<void>> send(int, net::Headers, std::string) override { co_return Result<void>{}; }
  Task<Result<void>> start_stream(int, net::Headers) override {
    started_ = true;
    co_return Result<void>{};
  }
  Task<Result<void>> write(std::string_view piece) override {
    pieces.emplace_back(piece);
    if (pieces.size() == 2) reached_.cancel();
    co_return Result<void>{};
  }
  Task<Result<void>> finish(std::string_view /*last*/) override { co_return Result<void>{}; }
  void abort() override {}
  [[nodiscard]] bool started() const override { return started_; }
  [[nodiscard]] bool peer_gone() const override { return false; }
  Task<void> two_pieces() {
    while (pieces.size() < 2) co_await reached_.async_wait(asio::as_tuple(asio::use_awaitable));
  }

  std::vector<std::string> pieces;

 private:
  bool started_ = false;
  asio::steady_timer reached_;
};

TEST(StreamKeepAlive, WritesCommentsThatEveryReaderIgnoresUntilTheAnswerTakesOver) {
  const auto story = []() -> Task<std::vector<std::string>> {
    using asio::experimental::awaitable_operators::operator||;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    MemoryWriter writer(executor);
    StreamKeepAlive keep_alive(executor, writer, std::chrono::milliseconds{1});
    const auto answer = [&]() -> Task<void> {
      co_await writer.two_pieces();
      co_await keep_alive.take_over();
      writer.pieces.emplace_back("answer");
    };
    Task<void> running = keep_alive.run(net::Headers{});
    Task<void> answering = answer();
    co_await (std::move(answering) || std::move(running));
    EXPECT_TRUE(writer.started());
    co_return writer.pieces;
  };

  const std::vector<std::string> pieces = net::run_sync(story());

  EXPECT_EQ(pieces, (std::vector<std::string>{": still working\n\n", ": still working\n\n", "answer"}));
}

TEST(StreamKeepAlive, WritesWhatIsSaidAtOnceAndTogether) {
  const auto story = []() -> Task<std::vector<std::string>> {
    using asio::experimental::awaitable_operators::operator||;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    MemoryWriter writer(executor);
    StreamKeepAlive keep_alive(executor, writer, std::chrono::hours{1});
    const auto answer = [&]() -> Task<void> {
      keep_alive.say(": one\n\n");
      keep_alive.say(": two\n\n");
      while (writer.pieces.empty()) co_await asio::post(asio::use_awaitable);
      keep_alive.say(": three\n\n");
      co_await writer.two_pieces();
      co_await keep_alive.take_over();
      keep_alive.say("never written");
    };
    Task<void> running = keep_alive.run(net::Headers{});
    Task<void> answering = answer();
    co_await (std::move(answering) || std::move(running));
    co_return writer.pieces;
  };

  EXPECT_EQ(net::run_sync(story()), (std::vector<std::string>{": one\n\n: two\n\n", ": three\n\n"}));
}

TEST(StreamKeepAlive, SaysNothingWhenTheAnswerIsQuick) {
  const auto story = []() -> Task<bool> {
    using asio::experimental::awaitable_operators::operator||;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    MemoryWriter writer(executor);
    StreamKeepAlive keep_alive(executor, writer, std::chrono::hours{1});
    Task<void> running = keep_alive.run(net::Headers{});
    Task<void> answering = keep_alive.take_over();
    co_await (std::move(answering) || std::move(running));
    co_return writer.started();
  };

  EXPECT_FALSE(net::run_sync(story()));
}

}  // namespace
}  // namespace suffice::server
