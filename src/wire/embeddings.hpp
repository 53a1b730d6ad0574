#pragma once
// Embeddings of OpenAI's and Ollama's dialects, all four directions.
// Sources: OpenAI's published OpenAPI description (/embeddings); Ollama's docs/api.md (/api/embed).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/embedding.hpp"
#include "core/result.hpp"
#include "wire/json.hpp"

namespace suffice::wire {

/// Base64 is of the vector's 32-bit floats, little-endian: what OpenAI's SDKs ask for when their caller says nothing.
enum class VectorFormat : std::uint8_t { Numbers, Base64 };

struct OpenAiEmbeddingsRequest {
  EmbeddingRequest request;
  VectorFormat format = VectorFormat::Numbers;
};

/// MalformedJson, MalformedRequest or UnsupportedField naming the field. Tokens instead of text are refused: they mean something else to
/// every model. Unknown fields are refused.
[[nodiscard]] Result<OpenAiEmbeddingsRequest> decode_openai_embeddings_request(std::string_view body,
                                                                               const JsonLimits& limits = {});
/// `usage` of an answer that has none is 0: the schema wants numbers. What was charged is in the decision headers.
[[nodiscard]] std::string encode_openai_embeddings_response(const EmbeddingAnswer& answer, std::string_view model,
                                                            VectorFormat format);
[[nodiscard]] std::string encode_openai_embeddings_request(const EmbeddingRequest& request);
/// ProtocolError unless it holds one finite vector for each of `texts` texts, all of one length.
[[nodiscard]] Result<EmbeddingAnswer> decode_openai_embeddings_response(std::string_view body, std::size_t texts);

/// `truncate: true` and options are refused: nothing is ever cut here. `keep_alive` is a hint and has no effect.
[[nodiscard]] Result<EmbeddingRequest> decode_ollama_embed_request(std::string_view body,
                                                                   const JsonLimits& limits = {});
[[nodiscard]] std::string encode_ollama_embed_response(const EmbeddingAnswer& answer, std::string_view model,
                                                       std::int64_t duration_ns);
/// Asks for an error where a text is too long: Ollama's default is to cut it.
[[nodiscard]] std::string encode_ollama_embed_request(const EmbeddingRequest& request);
[[nodiscard]] Result<EmbeddingAnswer> decode_ollama_embed_response(std::string_view body, std::size_t texts);

/// RFC 4648, 4, with padding.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace suffice::wire
