// Requests a second of one server thread and one client connection over loopback: the cost of HTTP itself.
#include <benchmark/benchmark.h>

#include "net/http_server.hpp"
#include "net/io_threads.hpp"
#include "net/raw_peer.hpp"

namespace suffice::net {
namespace {

Task<void> echo(const ServerRequest& request, ResponseWriter& writer) {
  (void)co_await writer.send(200, Headers{}, request.body);
}

/// range(0): bytes of the body; range(1): requests sent at once. The CPU column is of client and server together.
void echo_over_loopback(benchmark::State& state) {
  IoThreads threads(1);
  HttpServerOptions options;
  options.listen = {.host = "127.0.0.1", .port = 0};
  options.handler = echo;
  auto server = HttpServer::create(threads.executors(), std::move(options));
  (*server)->start();
  threads.start();
  RawClient client((*server)->address().port);
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  const std::string one =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string batch;
  for (std::int64_t i = 0; i < state.range(1); ++i) batch += one;

  for (auto _ : state) {
    client.send(batch);
    for (std::int64_t i = 0; i < state.range(1); ++i) benchmark::DoNotOptimize(client.read_message());
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
  client.close();
  (*server)->stop(std::chrono::milliseconds{0});
  threads.stop();
}
BENCHMARK(echo_over_loopback)
    ->Args({1024, 1})
    ->Args({1024, 16})
    ->Args({100 * 1024, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace suffice::net
