#pragma once
// OpenAI's surface: POST /v1/chat/completions (JSON and SSE), GET /v1/models, GET /v1/models/{id}.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"

namespace suffice::server {

class StreamKeepAlive;

struct OpenAiSurfaceOptions {
  std::chrono::milliseconds request_time_max{120'000};    ///< the deadline of a request that brings none
  std::chrono::milliseconds keep_alive_interval{10'000};  ///< silence of a stream after which comments are sent
};

/// Any thread. Errors are in OpenAI's shape. Fields that cannot be honoured (n > 1) are refused with 400 naming them.
class OpenAiSurface {
 public:
  OpenAiSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, OpenAiSurfaceOptions options);

  /// True when the path belongs to this surface.
  [[nodiscard]] static bool owns(std::string_view path);
  Task<void> handle(const net::ServerRequest& request, net::ResponseWriter& writer);

  /// Bodies of errors that never reached a surface.
  [[nodiscard]] static std::string error_body(const Error& error, int status);

 private:
  Task<void> chat(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> answer_whole(const pipeline::Request& request, net::ResponseWriter& writer, Deadline deadline);
  Task<void> answer_streaming(const pipeline::Request& request, net::ResponseWriter& writer, Deadline deadline);
  Task<void> answer_into(const pipeline::Request& request, pipeline::AnswerSink& sink, StreamKeepAlive& keep_alive,
                         Deadline deadline, std::optional<pipeline::Answer>& answered);
  Task<void> models(const net::ServerRequest& request, net::ResponseWriter& writer);

  pipeline::Gateway& gateway_;
  const Clock& clock_;
  Random& random_;
  OpenAiSurfaceOptions options_;
  std::int64_t started_ = 0;  ///< Unix seconds; `created` of the listed models
};

}  // namespace suffice::server
