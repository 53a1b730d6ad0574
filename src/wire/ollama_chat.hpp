#pragma once
// Ollama's native /api/chat, the client's side. Source of shapes: docs/api.md of ollama/ollama.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::wire {

struct OllamaRequestOptions {
  bool stream = false;
  bool logprobs = false;
  std::int64_t num_ctx = 0;  ///< always sent when known: Ollama's default window truncates silently
};
[[nodiscard]] Result<std::string> encode_ollama_request(const ChatRequest& request,
                                                        const OllamaRequestOptions& options);
/// ContextOverflow when prompt_eval_count shows that the prompt filled num_ctx (it was truncated).
[[nodiscard]] Result<Completion> decode_ollama_response(std::string_view body, std::int64_t num_ctx);
[[nodiscard]] std::unique_ptr<StreamDecoder> make_ollama_stream_decoder(std::int64_t num_ctx);
[[nodiscard]] Error decode_ollama_error(int status, std::string_view body);

}  // namespace suffice::wire
