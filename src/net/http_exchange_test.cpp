// Server and client of this folder against each other, over real sockets on a free port.
#include <mutex>
#include <stdexcept>

#include <gtest/gtest.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/io_threads.hpp"
#include "net/run_sync.hpp"

namespace suffice::net {
namespace {

Task<void> echo(const ServerRequest& request, ResponseWriter& writer) {
  Headers headers;
  headers.add("Content-Type", "application/octet-stream");
  headers.add("X-Path", request.path);
  (void)co_await writer.send(200, std::move(headers), request.body);
}

class Exchange : public testing::Test {
 protected:
  void serve(Handler handler, ServerLimits limits = {}) {
    HttpServerOptions options;
    options.listen = {.host = "127.0.0.1", .port = 0};
    options.limits = limits;
    options.handler = std::move(handler);
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

  HttpRequest request(std::string method, std::string path, std::string body = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.endpoint = {.tls = false, .host = "127.0.0.1", .port = server_->address().port, .path_prefix = {}};
    request.path = std::move(path);
    request.body = std::move(body);
    return request;
  }

  Result<HttpResponse> send(const HttpRequest& request, BodySink* sink = nullptr) {
    return run_sync(client_.send(request, sink, Deadline::after(std::chrono::seconds{20})));
  }

  ~Exchange() override {
    if (server_) server_->stop(std::chrono::milliseconds{0});
    threads_.stop();
  }

  std::mutex mutex_;
  std::vector<std::string> faults_;
  IoThreads threads_{1};
  std::unique_ptr<HttpServer> server_;
  HttpClient client_{HttpClientOptions{}};
};

TEST_F(Exchange, CarriesARequestAndItsAnswer) {
  serve(echo);

  const Result<HttpResponse> response = send(request("POST", "/v1/a%20b?x=1", "hello"));

  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->headers.get("x-path"), "/v1/a b");
}

TEST_F(Exchange, CarriesBodiesLargerThanEveryBuffer) {
  serve(echo);
  const std::string body(5'000'000, 'x');

  const Result<HttpResponse> response = send(request("POST", "/", body));

  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->body, body);
}

TEST_F(Exchange, AnswersAThrowingHandlerWithAPlain500) {
  serve([](const ServerRequest&, ResponseWriter&) -> Task<void> {
    throw std::runtime_error("what a user said");
    co_return;
  });

  const Result<HttpResponse> response = send(request("GET", "/"));

  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->status, 500);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(faults_, std::vector<std::string>{"handler: std::runtime_error"});
}

}  // namespace
}  // namespace suffice::net
