#pragma once
// Embeddings over HTTP, in OpenAI's and Ollama's dialects.

#include <chrono>
#include <cstdint>
#include <string>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"

namespace suffice::server {

enum class EmbeddingsDialect : std::uint8_t {
  OpenAi,  ///< POST /v1/embeddings
  Ollama,  ///< POST /api/embed
};

/// Any thread. Decision headers on every answer; errors in the shape of the dialect.
class EmbeddingsSurface {
 public:
  EmbeddingsSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random,
                    std::chrono::milliseconds request_time_max)
      : gateway_(gateway), clock_(clock), random_(random), request_time_max_(request_time_max) {}

  Task<void> handle(EmbeddingsDialect dialect, const net::ServerRequest& request, net::ResponseWriter& writer);

 private:
  pipeline::Gateway& gateway_;
  const Clock& clock_;
  Random& random_;
  std::chrono::milliseconds request_time_max_;
};

}  // namespace suffice::server
