#pragma once
// One chat request over HTTP, in any dialect: ids, headers, deadline, answer whole or streamed, keep-alive, errors.

#include <chrono>
#include <optional>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"
#include "server/chat_dialect.hpp"

namespace suffice::server {

class StreamKeepAlive;

struct ChatSurfaceOptions {
  std::chrono::milliseconds request_time_max{120'000};    ///< the deadline of a request that brings none
  std::chrono::milliseconds keep_alive_interval{10'000};  ///< silence of a stream after which it says that it lives
};

/// Any thread. Behaves the same for every dialect: decision headers on every answer, a stream that fails after it began is broken off.
class ChatSurface {
 public:
  ChatSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, ChatSurfaceOptions options);
  Task<void> handle(const ChatDialect& dialect, const net::ServerRequest& request, net::ResponseWriter& writer);

 private:
  struct Call;
  Task<void> answer_whole(const Call& call);
  Task<void> answer_streaming(const Call& call);
  Task<void> answer_into(const Call& call, pipeline::AnswerSink& sink, StreamKeepAlive& keep_alive,
                         std::optional<pipeline::Answer>& answered);

  pipeline::Gateway& gateway_;
  const Clock& clock_;
  Random& random_;
  ChatSurfaceOptions options_;
};

/// The caller's own x-request-id when it is short and printable, else a new one.
[[nodiscard]] std::string request_id_of(const net::ServerRequest& request, const Clock& clock, Random& random);

/// An error in the dialect's shape, with its status and Retry-After. `headers` are those known so far.
Task<void> send_error(const ChatDialect& dialect, const Error& error, net::Headers headers, std::string_view request_id,
                      net::ResponseWriter& writer);

}  // namespace suffice::server
