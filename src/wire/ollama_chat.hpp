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
  std::int64_t num_ctx = 0;  ///< tokens; always sent when known: Ollama's default window truncates silently
};

/// UnsupportedField for n > 1, a forced tool, and parts other than text and inline images. Truncation is forbidden (`truncate` and
/// `shift` false); servers too old to know that are caught by the decoders.
[[nodiscard]] Result<std::string> encode_ollama_request(const ChatRequest& request,
                                                        const OllamaRequestOptions& options);
/// ContextOverflow when prompt_eval_count shows that the prompt filled num_ctx (it was truncated).
[[nodiscard]] Result<Completion> decode_ollama_response(std::string_view body, std::int64_t num_ctx);
/// The end is done: true; without it finish() is ConnectionClosed.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_ollama_stream_decoder(std::int64_t num_ctx);
[[nodiscard]] Error decode_ollama_error(int status, std::string_view body);

}  // namespace suffice::wire
