// Seeded fuzzing of requests: mutations of a small corpus. Two properties: a request is read the same however the network
// cuts it (a difference is how smuggling starts), and a server that was sent garbage still serves the next caller.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "net/http_server.hpp"
#include "net/io_threads.hpp"
#include "net/message_parser.hpp"
#include "net/raw_peer.hpp"

namespace suffice::net {
namespace {

/// One in this many inputs also goes through a real connection.
constexpr std::uint64_t kSocketEvery = 64;

constexpr std::string_view kCorpus[] = {
    "GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
    "POST /v1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST /v1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HEAD http://h/p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nokGET / HTTP/1.1\r\nHost: h\r\n\r\n",
};
constexpr std::string_view kFragments[] = {"\r\n",
                                           "\n",
                                           "\r",
                                           " ",
                                           "\t",
                                           ":",
                                           ",",
                                           "0",
                                           "Content-Length: 3\r\n",
                                           "Transfer-Encoding: chunked\r\n",
                                           "Host: x\r\n",
                                           "\r\n ",
                                           "0\r\n\r\n",
                                           ";",
                                           "ffff",
                                           "%00",
                                           "/../",
                                           "\xff",
                                           "HTTP/1.1",
                                           "Connection: close\r\n"};

std::string mutate(Random& random) {
  std::string bytes{kCorpus[random.below(std::size(kCorpus))]};
  for (std::uint64_t changes = random.below(5); changes > 0; --changes) {
    const std::size_t at = random.below(bytes.size() + 1);
    switch (random.below(5)) {
      case 0:
        bytes.insert(at, kFragments[random.below(std::size(kFragments))]);
        break;
      case 1:
        bytes.erase(at, random.below(8));
        break;
      case 2:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random.below(256));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, bytes.substr(0, random.below(64)));
        break;
    }
  }
  return bytes;
}

/// The request as one line, or why there is none; `random` cuts the input, null gives it whole.
std::string read_request(std::string_view input, Random* random) {
  RequestParser parser(ParserLimits{.header_bytes_max = 8'192, .body_bytes_max = 8'192});
  std::string buffer;
  const std::uint64_t longest = random == nullptr ? 0 : 1 + random->below(40);  // some inputs come byte by byte
  while (!input.empty() && !parser.done()) {
    const std::size_t step =
        random == nullptr ? input.size() : 1 + random->below(std::min<std::size_t>(input.size(), longest));
    buffer += input.substr(0, step);
    input.remove_prefix(step);
    const Result<std::size_t> used = parser.put(buffer);
    if (!used) return "refused";
    buffer.erase(0, *used);
  }
  if (!parser.done()) return "incomplete";
  const ParsedMessage& message = parser.message();
  std::string text =
      message.method + " " + message.target + " " + message.body + " " + (parser.keep_alive() ? "stay" : "close");
  for (const auto& [name, value] : message.headers.all()) text += "|" + name + "=" + value;
  return text + "|" + buffer + std::string{input};
}

Task<void> answer(const ServerRequest& request, ResponseWriter& writer) {
  (void)co_await writer.send(200, Headers{}, request.path);
}

void send_garbage(std::uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.send(bytes);
  boost::system::error_code ignored;
  client.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  (void)client.read_all();
}

int fuzz(std::uint64_t seed, std::uint64_t iterations) {
  IoThreads threads(1);
  HttpServerOptions options;
  options.listen = {.host = "127.0.0.1", .port = 0};
  options.handler = answer;
  auto server = HttpServer::create(threads.executors(), std::move(options));
  if (!server) return 1;
  (*server)->start();
  threads.start();

  SeededRandom random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string bytes = mutate(random);
    const std::string whole = read_request(bytes, nullptr);
    const std::string cut = read_request(bytes, &random);
    // An incomplete prefix may already be refused when more of it is seen at once.
    const bool same = whole == cut || (whole != cut && (whole == "refused" || whole == "incomplete") &&
                                       (cut == "refused" || cut == "incomplete"));
    if (!same) {
      std::fprintf(stderr, "iteration %llu of seed %llu: read differently when cut\n",
                   static_cast<unsigned long long>(i), static_cast<unsigned long long>(seed));
      return 1;
    }
    if (i % kSocketEvery == 0) send_garbage((*server)->address().port, bytes);
  }
  RawClient client((*server)->address().port);
  client.send("GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
  const bool alive = client.read_message().ends_with("/alive");
  client.close();
  (*server)->stop(std::chrono::milliseconds{0});
  threads.stop();
  return alive ? 0 : 1;
}

}  // namespace
}  // namespace suffice::net

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--iterations") iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("http_request_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  return suffice::net::fuzz(seed, iterations);
}
