// The client against servers that misbehave on purpose (raw_peer.hpp). Each test is one story of a connection.
#include "net/http_client.hpp"

#include <atomic>
#include <future>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "net/raw_peer.hpp"
#include "net/run_sync.hpp"

namespace suffice::net {
namespace {

using std::chrono::milliseconds;

HttpRequest request_to(std::uint16_t port) {
  HttpRequest request;
  request.endpoint = {.tls = false, .host = "127.0.0.1", .port = port, .path_prefix = "/v1"};
  request.path = "/chat";
  request.body = "{}";
  return request;
}

Deadline patience() { return Deadline::after(kPatience); }

Result<HttpResponse> send(const HttpRequest& request, BodySink* sink = nullptr, Deadline deadline = patience()) {
  HttpClient client{HttpClientOptions{}};
  return run_sync(client.send(request, sink, deadline));
}

/// A script that reads one request and answers with `bytes`.
ScriptedServer::Script answering(std::string bytes) {
  return [bytes = std::move(bytes)](RawPeer& peer) {
    (void)peer.read_message();
    peer.send(bytes);
  };
}

/// A script that reads one request, answers with `bytes` and waits for the client to hang up.
ScriptedServer::Script stalling(std::string bytes) {
  return [bytes = std::move(bytes)](RawPeer& peer) {
    (void)peer.read_message();
    peer.send(bytes);
    (void)peer.read_all();
  };
}

struct CollectingSink final : BodySink {
  std::string collected;
  bool wants = true;
  bool more = true;
  bool wants_body(int, const Headers&) override { return wants; }
  Task<bool> on_body(std::string_view piece) override {
    collected += piece;
    co_return more;
  }
};

TEST(HttpClient, SendsAWholeRequest) {
  std::promise<std::string> seen;
  ScriptedServer server({[&](RawPeer& peer) {
    seen.set_value(peer.read_message());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }});
  HttpRequest request = request_to(server.port());
  request.headers.add("Authorization", "Bearer k");
  request.headers.add("host", "evil");

  ASSERT_TRUE(send(request));
  EXPECT_EQ(seen.get_future().get(), "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                         "\r\nAuthorization: Bearer k\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(HttpClient, ReadsEveryFramingAndKeepsOnlyWhatMayBeKept) {
  struct Case {
    const char* name;
    const char* bytes;
    const char* body;
  };
  for (
      const Case& c :
      {Case{"counted", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"},
       {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"},
       {"until close", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"},
       {"none", "HTTP/1.1 204 No Content\r\n\r\n", ""},
       {"after informational answers",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "abc"}}) {
    SCOPED_TRACE(c.name);
    ScriptedServer server({answering(c.bytes)});
    const Result<HttpResponse> response = send(request_to(server.port()));
    ASSERT_TRUE(response) << describe(response.error());
    EXPECT_EQ(response->body, c.body);
    EXPECT_FALSE(response->headers.contains("Link"));
  }
}

TEST(HttpClient, NamesEveryWayAnAnswerGoesWrong) {
  struct Case {
    const char* name;
    ScriptedServer::Script script;
    ErrorCode code;
  };
  const Case cases[] = {
      {"closed without a byte", answering(""), ErrorCode::ConnectionClosed},
      {"cut in the header", answering("HTTP/1.1 200 O"), ErrorCode::ConnectionClosed},
      {"cut in a counted body", answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"),
       ErrorCode::ConnectionClosed},
      {"cut between chunks", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
       ErrorCode::ConnectionClosed},
      {"cut before the last empty line",
       answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"), ErrorCode::ConnectionClosed},
      {"a malformed chunk", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\na\r\n"),
       ErrorCode::ProtocolError},
      {"both framings", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
       ErrorCode::ProtocolError},
      {"no HTTP", answering("SSH-2.0-OpenSSH\r\n\r\n"), ErrorCode::ProtocolError},
      {"a switch of protocols", answering("HTTP/1.1 101 Switching Protocols\r\n\r\n"), ErrorCode::ProtocolError},
      {"a large announced body", answering("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"),
       ErrorCode::PayloadTooLarge},
      {"a large body until close", answering("HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x')),
       ErrorCode::PayloadTooLarge},
      {"no answer", stalling(""), ErrorCode::FirstTokenTimeout},
      {"a stall in the header", stalling("HTTP/1.1 200 OK\r\n"), ErrorCode::IdleTimeout},
      {"a stall in the body", stalling("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
       ErrorCode::IdleTimeout},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ScriptedServer server({c.script});
    HttpRequest request = request_to(server.port());
    request.response_bytes_max = 100;
    const bool stalls = c.code == ErrorCode::FirstTokenTimeout || c.code == ErrorCode::IdleTimeout;
    if (stalls) request.timeouts = {.connect = kPatience, .first_byte = milliseconds{500}, .idle = milliseconds{50}};
    CollectingSink sink;
    const Result<HttpResponse> response = send(request, &sink);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, c.code) << describe(response.error());
    EXPECT_EQ(response.error().where, "127.0.0.1:" + std::to_string(server.port()));
  }
}

TEST(HttpClient, StopsAtTheDeadlineWhateverItWaitsFor) {
  ScriptedServer server({stalling("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")});

  const Result<HttpResponse> response = send(request_to(server.port()), nullptr, Deadline::after(milliseconds{100}));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::DeadlineExceeded);
}

TEST(HttpClient, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const ScriptedServer closed({});
    port = closed.port();
  }

  const Result<HttpResponse> response = send(request_to(port));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::ConnectFailed);
}

TEST(HttpClient, CountsASilentTlsHandshakeAsConnecting) {
  ScriptedServer server({[](RawPeer& peer) { (void)peer.read_all(); }});
  HttpRequest request = request_to(server.port());
  request.endpoint.tls = true;
  request.timeouts.connect = milliseconds{100};

  const Result<HttpResponse> response = send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::ConnectTimeout);
}

TEST(HttpClient, ResolvesNames) {
  ScriptedServer server({answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  HttpRequest request = request_to(server.port());
  request.endpoint.host = "localhost";

  const Result<HttpResponse> response = send(request);

  EXPECT_TRUE(response) << describe(response.error());
}

TEST(HttpClient, RefusesARequestThatWouldBreakItsOwnFraming) {
  HttpRequest split = request_to(1);
  split.headers.add("X", "a\r\nY: b");
  HttpRequest spaced = request_to(1);
  spaced.path = "/a b";
  HttpRequest method = request_to(1);
  method.method = "GET /";

  for (const HttpRequest& request : {split, spaced, method})
    EXPECT_EQ(send(request).error().code, ErrorCode::InvalidArgument);
}

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Sends `count` requests one after another on one executor; the codes of those that failed.
Task<std::vector<Error>> send_many(HttpClient& client, const HttpRequest& request, int count,
                                   std::function<void()> between = {}) {
  std::vector<Error> errors;
  for (int i = 0; i < count; ++i) {
    if (i > 0 && between) between();
    Result<HttpResponse> response = co_await client.send(request, nullptr, patience());
    if (!response) errors.push_back(response.error());
  }
  co_return errors;
}

TEST(HttpClient, UsesOneConnectionForRequestsInARow) {
  ScriptedServer server({[](RawPeer& peer) {
    for (int i = 0; i < 3; ++i) {
      (void)peer.read_message();
      peer.send(kOk);
    }
  }});
  HttpClient client{HttpClientOptions{}};

  EXPECT_EQ(run_sync(send_many(client, request_to(server.port()), 3)), std::vector<Error>{});
}

TEST(HttpClient, OpensANewConnectionAfterOneThatMayNotBeReused) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nsurplus"}) {
    SCOPED_TRACE(bytes);
    ScriptedServer server({stalling(bytes), answering(kOk)});
    HttpClient client{HttpClientOptions{}};
    EXPECT_EQ(run_sync(send_many(client, request_to(server.port()), 2)), std::vector<Error>{});
  }
}

TEST(HttpClient, ReplacesAPooledConnectionThatThePeerClosed) {
  std::promise<void> closed;
  ScriptedServer server({[&](RawPeer& peer) {
                           (void)peer.read_message();
                           peer.send(kOk);
                           peer.close();
                           closed.set_value();
                         },
                         answering(kOk)});
  HttpClient client{HttpClientOptions{}};

  EXPECT_EQ(run_sync(send_many(client, request_to(server.port()), 2, [&] { closed.get_future().wait(); })),
            std::vector<Error>{});
}

TEST(HttpClient, ReplacesAPooledConnectionOnlyOnceAndOnlyWhileNothingWasReceived) {
  const auto close_on_second = [](const char* last_bytes) {
    return [last_bytes](RawPeer& peer) {
      (void)peer.read_message();
      peer.send(kOk);
      (void)peer.read_message();  // closes instead of answering, after the client has sent
      peer.send(last_bytes);
    };
  };
  HttpClient client{HttpClientOptions{}};

  ScriptedServer silent({close_on_second(""), answering(kOk)});
  EXPECT_EQ(run_sync(send_many(client, request_to(silent.port()), 2)), std::vector<Error>{});

  ScriptedServer half({close_on_second("HTTP/1.1 200"), answering(kOk)});
  const std::vector<Error> errors = run_sync(send_many(client, request_to(half.port()), 2));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].code, ErrorCode::ConnectionClosed);
}

TEST(HttpClient, OutlivesTheContextsItHasConnectionsOn) {
  ScriptedServer server({stalling(kOk), stalling(kOk)});
  HttpClient client{HttpClientOptions{}};

  EXPECT_EQ(run_sync(send_many(client, request_to(server.port()), 1)), std::vector<Error>{});
  EXPECT_EQ(run_sync(send_many(client, request_to(server.port()), 1)), std::vector<Error>{});
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeItsRequestWasRead) {
  ScriptedServer server({[](RawPeer& peer) {
    (void)peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (void)peer.read_all();
  }});
  HttpRequest request = request_to(server.port());
  request.body.assign(3'000'000, 'x');

  const Result<HttpResponse> response = send(request);

  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->status, 413);
}

TEST(HttpClient, StreamsIntoASinkAndStopsWhenItSaysSo) {
  const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
  ScriptedServer server(
      {answering(stream), answering("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops"), stalling(stream)});

  CollectingSink all;
  const Result<HttpResponse> streamed = send(request_to(server.port()), &all);
  ASSERT_TRUE(streamed);
  EXPECT_EQ(all.collected, "ab");
  EXPECT_EQ(streamed->body, "");

  CollectingSink none;
  none.wants = false;
  const Result<HttpResponse> collected = send(request_to(server.port()), &none);
  ASSERT_TRUE(collected);
  EXPECT_EQ(collected->body, "oops");
  EXPECT_EQ(none.collected, "");

  CollectingSink enough;
  enough.more = false;
  EXPECT_EQ(send(request_to(server.port()), &enough).error().code, ErrorCode::Cancelled);
}

TEST(HttpClient, HangsUpWhenItsCallerIsCancelled) {
  std::promise<std::string> after_cancel;
  boost::asio::io_context context;
  boost::asio::cancellation_signal signal;
  ScriptedServer server({[&](RawPeer& peer) {
    (void)peer.read_message();
    boost::asio::post(context, [&] { signal.emit(boost::asio::cancellation_type::terminal); });
    after_cancel.set_value(peer.read_all());
  }});
  HttpClient client{HttpClientOptions{}};
  const HttpRequest request = request_to(server.port());
  std::optional<Result<HttpResponse>> outcome;

  boost::asio::co_spawn(
      context, client.send(request, nullptr, patience()),
      boost::asio::bind_cancellation_slot(
          signal.slot(), [&](std::exception_ptr, Result<HttpResponse> response) { outcome = std::move(response); }));
  context.run();

  ASSERT_TRUE(outcome);
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error().code, ErrorCode::Cancelled);
  EXPECT_EQ(after_cancel.get_future().get(), "");
}

}  // namespace
}  // namespace suffice::net
