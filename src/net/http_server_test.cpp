// The server as its callers meet it: real sockets on a free port, the other end played byte by byte (raw_peer.hpp).
#include "net/http_server.hpp"

#include <future>
#include <mutex>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "net/io_threads.hpp"
#include "net/raw_peer.hpp"

namespace suffice::net {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Task<void> echo(const ServerRequest& request, ResponseWriter& writer) {
  (void)co_await writer.send(200, Headers{}, request.method + " " + request.path + " " + request.body);
}

/// Waits until it is cancelled.
Task<boost::system::error_code> wait_forever() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, SteadyTime::max());
  const auto [ec] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return ec;
}

class Server : public testing::Test {
 protected:
  void serve(Handler handler, ServerLimits limits = {}) {
    HttpServerOptions options;
    options.listen = {.host = "127.0.0.1", .port = 0};
    options.limits = limits;
    options.handler = std::move(handler);
    options.error_body = [](const TransportError& error) {
      return "E" + std::to_string(error.status) + std::string(error.target);
    };
    options.on_fault = [this](std::string_view what) {
      const std::lock_guard lock(mutex_);
      faults_.emplace_back(what);
    };
    auto created = HttpServer::create(threads_.executors(), std::move(options));
    ASSERT_TRUE(created) << describe(created.error());
    server_ = std::move(*created);
    server_->start();
    threads_.start();
  }
  [[nodiscard]] std::uint16_t port() const { return server_->address().port; }
  std::vector<std::string> faults() {
    const std::lock_guard lock(mutex_);
    return faults_;
  }
  ~Server() override {
    if (server_) server_->stop(milliseconds{0});
    threads_.stop();
  }

  std::mutex mutex_;
  std::vector<std::string> faults_;
  IoThreads threads_{2};
  std::unique_ptr<HttpServer> server_;
};

bool has_status(std::string_view response, int status) {
  return response.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

TEST_F(Server, KeepsTheConnectionForTheNextRequest) {
  serve(echo);
  RawClient client(port());

  for (int i = 0; i < 3; ++i) {
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_TRUE(client.read_message().ends_with("\r\n\r\nPOST /a hi"));
  }
}

TEST_F(Server, AnswersPipelinedRequestsInOrder) {
  serve(echo);
  RawClient client(port());

  client.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nPOST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");

  EXPECT_TRUE(client.read_message().ends_with("GET /1 "));
  EXPECT_TRUE(client.read_message().ends_with("GET /2 "));
  EXPECT_TRUE(client.read_message().ends_with("POST /3 x"));
}

TEST_F(Server, LosesNoPipelinedByteThatComesWhileTheHandlerRuns) {
  using Timer = boost::asio::steady_timer;
  std::promise<std::shared_ptr<Timer>> running;
  serve([&](const ServerRequest& request, ResponseWriter& writer) -> Task<void> {
    if (request.path == "/slow") {
      auto release = std::make_shared<Timer>(co_await boost::asio::this_coro::executor, SteadyTime::max());
      running.set_value(release);
      (void)co_await release->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    (void)co_await writer.send(200, Headers{}, request.path);
  });
  RawClient client(port());

  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::shared_ptr<Timer> release = running.get_future().get();
  client.send("GET /second HTTP/1.1\r\nHo");
  boost::asio::post(release->get_executor(), [release] { release->cancel(); });
  EXPECT_TRUE(client.read_message().ends_with("/slow"));
  client.send("st: h\r\n\r\n");

  EXPECT_TRUE(client.read_message().ends_with("/second"));
}

TEST_F(Server, AnswersAHeadRequestWithoutBody) {
  serve([](const ServerRequest&, ResponseWriter& writer) -> Task<void> {
    (void)co_await writer.send(200, Headers{}, "body");
  });
  RawClient client(port());

  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string all = client.read_all();

  EXPECT_EQ(all.find("Content-Length: 4\r\n\r\nHTTP/1.1 200"), all.find("Content-Length"));
  EXPECT_TRUE(all.ends_with("\r\n\r\nbody"));
}

TEST_F(Server, ClosesWhenTheCallerAsksForIt) {
  serve(echo);
  for (const char* request : {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    RawClient client(port());
    client.send(request);
    EXPECT_NE(client.read_message().find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client.wait_for_close());
  }
}

TEST_F(Server, StreamsOneChunkForEachPiece) {
  serve([](const ServerRequest&, ResponseWriter& writer) -> Task<void> {
    Headers headers;
    headers.add("Content-Type", "text/event-stream");
    (void)co_await writer.start_stream(200, std::move(headers));
    (void)co_await writer.write("data: 1\n\n");
    (void)co_await writer.write("");
    (void)co_await writer.write("0123456789abcdefg");
    (void)co_await writer.finish("");
  });
  RawClient client(port());

  client.send(kGet);

  EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(client.read_until("\r\n0\r\n\r\n"), "9\r\ndata: 1\n\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n");
}

TEST_F(Server, StreamsToHttp10WithoutChunks) {
  serve([](const ServerRequest&, ResponseWriter& writer) -> Task<void> {
    (void)co_await writer.start_stream(200, Headers{});
    (void)co_await writer.write("piece");
    (void)co_await writer.finish("");
  });
  RawClient client(port());

  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = client.read_all();

  EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\npiece"));
}

TEST_F(Server, NeverEndsAnAbandonedStreamAsIfItWereComplete) {
  serve([](const ServerRequest& request, ResponseWriter& writer) -> Task<void> {
    (void)co_await writer.start_stream(200, Headers{});
    (void)co_await writer.write("half");
    if (request.path == "/throw") throw std::logic_error("secret");
    if (request.path == "/abort") writer.abort();
  });
  for (const char* path : {"/throw", "/abort", "/forget"}) {
    SCOPED_TRACE(path);
    RawClient client(port());
    client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.read_all().find("0\r\n\r\n"), std::string::npos);
  }
  EXPECT_EQ(faults(),
            (std::vector<std::string>{"handler: std::logic_error", "handler: returned without finishing its stream"}));
}

TEST_F(Server, AnswersForAHandlerThatGivesNone) {
  serve([](const ServerRequest&, ResponseWriter&) -> Task<void> { co_return; });
  RawClient client(port());

  client.send(kGet);

  const std::string response = client.read_message();
  EXPECT_TRUE(has_status(response, 500));
  EXPECT_TRUE(response.ends_with("E500/"));
  EXPECT_EQ(faults(), std::vector<std::string>{"handler: returned without an answer"});
}

TEST_F(Server, RefusesMalformedAndOversizedMessagesAndCloses) {
  serve(echo, {.header_bytes_max = 200, .body_bytes_max = 10});
  struct Case {
    const char* name;
    std::string bytes;
    int status;
    std::string target;  ///< what the error is told of the request
  };
  for (const Case& c :
       {Case{"no Host", "GET /a?b HTTP/1.1\r\n\r\n", 400, "/a?b"},
        {"both framings", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "/"},
        {"unknown coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "/"},
        {"large header", "GET /" + std::string(300, 'a'), 431, ""},
        {"large body", "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413, "/c"},
        {"dot segment", "GET /../a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "/../a"},
        {"unknown expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417, "/"}}) {
    SCOPED_TRACE(c.name);
    RawClient client(port());
    client.send(c.bytes);
    const std::string response = client.read_message();
    EXPECT_TRUE(has_status(response, c.status)) << response;
    EXPECT_TRUE(response.ends_with("E" + std::to_string(c.status) + c.target)) << response;
    client.close();
  }
}

TEST_F(Server, InvitesABodyThatWaitsForIt) {
  serve(echo);
  RawClient client(port());

  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");

  EXPECT_TRUE(client.read_message().ends_with("POST / ok"));
}

TEST_F(Server, GivesUpOnSlowHeadersAndBodies) {
  serve(echo, {.header_timeout = milliseconds{30}, .body_timeout = milliseconds{30}});
  for (const char* beginning :
       {"GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"}) {
    SCOPED_TRACE(beginning);
    RawClient client(port());
    client.send(beginning);
    EXPECT_TRUE(has_status(client.read_message(), 408));
  }
}

TEST_F(Server, ClosesIdleConnectionsWithoutAWord) {
  serve(echo, {.header_timeout = milliseconds{30}, .keep_alive_timeout = milliseconds{30}});
  RawClient silent(port());
  EXPECT_TRUE(silent.wait_for_close());

  RawClient once(port());
  once.send(kGet);
  (void)once.read_message();
  EXPECT_TRUE(once.wait_for_close());
}

TEST_F(Server, CancelsTheHandlerWhenTheCallerLeaves) {
  std::promise<boost::system::error_code> cancelled;
  std::promise<void> running;
  serve([&](const ServerRequest&, ResponseWriter& writer) -> Task<void> {
    running.set_value();
    const boost::system::error_code ec = co_await wait_forever();
    EXPECT_TRUE(writer.peer_gone());
    cancelled.set_value(ec);
  });
  RawClient client(port());

  client.send(kGet);
  running.get_future().wait();
  client.close();

  EXPECT_EQ(cancelled.get_future().get(), boost::asio::error::operation_aborted);
  server_->stop(std::chrono::seconds{5});
  EXPECT_EQ(faults(), std::vector<std::string>{});
}

TEST_F(Server, TurnsAwayWhatExceedsTheRequestsInFlight) {
  std::promise<void> running;
  serve(
      [&](const ServerRequest& request, ResponseWriter& writer) -> Task<void> {
        if (request.path == "/hold") {
          running.set_value();
          (void)co_await wait_forever();
          co_return;
        }
        (void)co_await writer.send(200, Headers{}, "ok");
      },
      {.requests_in_flight_max = 1});
  RawClient holder(port());
  holder.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  running.get_future().wait();
  EXPECT_EQ(server_->requests_in_flight(), 1U);

  RawClient client(port());
  client.send(kGet);
  const std::string response = client.read_message();

  EXPECT_TRUE(has_status(response, 503));
  EXPECT_NE(response.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(response.find("Connection: close"), std::string::npos);
}

TEST_F(Server, TurnsAwayWhatExceedsTheConnections) {
  serve(echo, {.connections_max = 1});
  RawClient first(port());
  first.send(kGet);
  (void)first.read_message();

  RawClient second(port());

  EXPECT_TRUE(has_status(second.read_message(), 503));
}

TEST_F(Server, LetsRequestsInFlightFinishWhenItStops) {
  std::promise<void> running;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  serve([&](const ServerRequest&, ResponseWriter& writer) -> Task<void> {
    running.set_value();
    released.wait();
    (void)co_await writer.send(200, Headers{}, "finished");
  });
  RawClient idle(port());
  RawClient client(port());
  client.send(kGet);
  running.get_future().wait();

  auto stopped = std::async(std::launch::async, [&] { server_->stop(kPatience); });
  EXPECT_TRUE(idle.wait_for_close());
  release.set_value();
  const std::string response = client.read_message();
  client.close();
  stopped.wait();

  EXPECT_TRUE(response.ends_with("finished"));
  EXPECT_EQ(server_->requests_in_flight(), 0U);
}

TEST_F(Server, CancelsWhatOutlivesTheDrain) {
  std::promise<void> running;
  std::promise<void> unwound;
  serve([&](const ServerRequest&, ResponseWriter&) -> Task<void> {
    running.set_value();
    (void)co_await wait_forever();
    unwound.set_value();
  });
  RawClient client(port());
  client.send(kGet);
  running.get_future().wait();

  server_->stop(milliseconds{10});

  unwound.get_future().wait();
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(Server, SaysWhatToDoWhenThePortIsTaken) {
  serve(echo);
  HttpServerOptions options;
  options.listen = server_->address();
  options.handler = echo;

  const auto second = HttpServer::create(threads_.executors(), std::move(options));

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
  EXPECT_NE(second.error().message.find("choose another port"), std::string::npos);
  EXPECT_EQ(second.error().where, server_->address().to_string());
}

}  // namespace
}  // namespace suffice::net
