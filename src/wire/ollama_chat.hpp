#pragma once
// Ollama's native /api/chat, all four directions, and /api/generate as it is served. Source of shapes: docs/api.md of ollama/ollama, and
// the npm package ollama 0.6.4.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/json.hpp"
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

/// Which endpoint a body was sent to, and so which shape its answer has.
enum class OllamaEndpoint : std::uint8_t { Chat, Generate };

/// Caller's bytes -> value. MalformedJson, MalformedRequest naming the field, or UnsupportedField (docs/dialects.md has the table).
/// A prompt of /api/generate becomes a user message, its `system` a system message. `stream` absent means true. Tool calls get ids, which
/// this dialect lacks: results find theirs by tool_call_id, by tool_name, or in order. Options that are not ours stay in `extra`.
[[nodiscard]] Result<ChatRequest> decode_ollama_request(std::string_view body, OllamaEndpoint endpoint,
                                                        const JsonLimits& limits = {});

struct OllamaAnswerMeta {
  OllamaEndpoint endpoint = OllamaEndpoint::Chat;
  std::string model;
  std::string created_at;  ///< RFC 3339
  bool include_logprobs = false;
};
/// One whole answer, or the last line of a stream: `done` true, counts, durations in nanoseconds. Only the total is measured here; the
/// parts nobody measured are 0. Counts that the provider did not give are left out.
[[nodiscard]] std::string encode_ollama_response(const Completion& completion, const OllamaAnswerMeta& meta,
                                                 std::int64_t total_ns);

/// Writes the NDJSON stream of one answer by appending. Order of use: delta()*, end(). Tool calls come whole, before the last line.
class OllamaStreamWriter {
 public:
  explicit OllamaStreamWriter(OllamaAnswerMeta meta);
  void delta(const Delta& delta, std::string& out);
  void end(const Completion& completion, std::int64_t total_ns, std::string& out);
  /// A line with nothing in it: this dialect has no comments.
  [[nodiscard]] std::string empty_line() const;

 private:
  OllamaAnswerMeta meta_;
};

/// {"error": "..."}, whole or as a line of a stream (without its newline).
[[nodiscard]] std::string encode_ollama_error(const Error& error);

/// {"models": [...]} of /api/tags. There are no files behind these names: size is 0 and the digest empty.
[[nodiscard]] std::string encode_ollama_models(const std::vector<std::string>& names, std::string_view modified_at);

}  // namespace suffice::wire
