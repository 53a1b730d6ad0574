#pragma once
// Everything the public listener serves, as one table: method and path -> what answers.

#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"
#include "server/anthropic_dialect.hpp"
#include "server/chat_dialect.hpp"
#include "server/chat_surface.hpp"
#include "server/embeddings_surface.hpp"
#include "server/ollama_dialect.hpp"
#include "server/openai_chat_dialect.hpp"
#include "server/openai_responses_dialect.hpp"

namespace suffice::server {

/// Any thread. Unknown paths and wrong methods are answered in the shape of the vendor whose paths they resemble.
class PublicSurface {
 public:
  PublicSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, ChatSurfaceOptions options);
  PublicSurface(const PublicSurface&) = delete;
  PublicSurface& operator=(const PublicSurface&) = delete;

  /// True when the path belongs to this surface.
  [[nodiscard]] static bool owns(std::string_view path);
  Task<void> handle(const net::ServerRequest& request, net::ResponseWriter& writer);
  /// The body for a request that never came to handle(): too large, malformed, too slow, one too many. In the shape of the vendor whose
  /// path was asked, with an id of its own.
  [[nodiscard]] std::string transport_error_body(const net::TransportError& error) const;

 private:
  using Serve = Task<void> (PublicSurface::*)(const net::ServerRequest& request, net::ResponseWriter& writer);
  /// `chat` is set for chats, `serve` for the rest. A path that ends in '*' stands for all that begin so.
  struct Endpoint {
    std::string_view method;
    std::string_view path;
    const ChatDialect* chat = nullptr;
    Serve serve = nullptr;
    [[nodiscard]] bool is_at(std::string_view asked) const;
  };

  [[nodiscard]] const ChatDialect& dialect_of(const net::ServerRequest& request) const;
  [[nodiscard]] Result<void> identify(const net::ServerRequest& request) const;
  Task<void> refuse_path(const net::ServerRequest& request, net::ResponseWriter& writer, std::string_view allowed);
  Task<void> send(const net::ServerRequest& request, net::ResponseWriter& writer, Result<std::string> body,
                  net::Headers headers);
  // /v1/models is OpenAI's and Anthropic's: the header anthropic-version tells them apart.
  Task<void> model_list(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> one_model(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> openai_embeddings(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> ollama_embed(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> count_tokens(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> ollama_tags(const net::ServerRequest& request, net::ResponseWriter& writer);
  Task<void> ollama_version(const net::ServerRequest& request, net::ResponseWriter& writer);

  pipeline::Gateway& gateway_;
  const Clock& clock_;
  Random& random_;
  WallTime started_;  ///< `created` of the listed models
  ChatSurface chats_;
  EmbeddingsSurface embeddings_;
  OpenAiChatDialect openai_chat_;
  OpenAiResponsesDialect openai_responses_;
  AnthropicDialect anthropic_;
  OllamaDialect ollama_chat_{wire::OllamaEndpoint::Chat};
  OllamaDialect ollama_generate_{wire::OllamaEndpoint::Generate};
  std::vector<Endpoint> endpoints_;
};

}  // namespace suffice::server
