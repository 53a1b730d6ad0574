#pragma once
// OpenAI's Responses dialect, the server's side: request read, answer written, whole and streamed.
// Source of shapes: OpenAI's published OpenAPI description (/responses). Which field is honoured how: docs/dialects.md.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"
#include "wire/openai_responses_items.hpp"

namespace suffice::wire {

/// The JSON of an output item that was handed out before, or nothing when it is not held here (any more).
using ItemLookup = std::function<std::optional<std::string>(std::string_view item_id)>;

struct ResponsesRequest {
  ChatRequest chat;
  JsonText echo;  ///< an object: what every response object repeats of its request (instructions, tools, text, ...)
  bool items_may_be_kept = true;  ///< false when the caller said store: false
  bool operator==(const ResponsesRequest&) const = default;
};

/// Caller's bytes -> value. MalformedJson, MalformedRequest or UnsupportedField, each naming the field ("input[2].output").
/// Nothing is dropped: a field or item is translated, has no effect by its own meaning (an output item's id and status, reasoning of
/// earlier turns, include of reasoning that is never made), or is refused. `lookup` resolves item_reference; null: none is held.
[[nodiscard]] Result<ResponsesRequest> decode_openai_responses_request(std::string_view body,
                                                                       const ItemLookup& lookup = nullptr,
                                                                       const JsonLimits& limits = {});

struct ResponsesMeta {
  std::string id;            ///< "resp_..."
  std::int64_t created = 0;  ///< Unix seconds
  std::string model;
  std::string
      item_seed;  ///< what the items' ids are made of; must be new and not guessable, ids are how items are found again
  bool include_logprobs = false;
  JsonText echo;  ///< ResponsesRequest::echo
  DecisionExtension decision;
};

/// One output item as the caller saw it.
struct ResponsesItem {
  std::string id;
  std::string json;
};
struct ResponsesAnswer {
  std::string body;
  std::vector<ResponsesItem> items;
};

/// `completed`: Unix seconds. The message comes before tool calls. Usage is absent where it is unknown.
[[nodiscard]] ResponsesAnswer encode_openai_response(const Completion& completion, const ResponsesMeta& meta,
                                                     std::int64_t completed);

/// Writes the SSE stream of one answer, events numbered. Order of use: begin(), delta()*, end(). One thread.
class OpenAiResponsesStreamWriter {
 public:
  explicit OpenAiResponsesStreamWriter(ResponsesMeta meta);
  [[nodiscard]] std::string begin();  ///< response.created, response.in_progress
  [[nodiscard]] std::string delta(const Delta& delta);
  /// Closes every open item and part, then response.completed or response.incomplete with the whole answer.
  [[nodiscard]] std::string end(FinishReason finish, const std::optional<Usage>& usage,
                                const DecisionExtension& decision, std::int64_t completed);
  /// An error inside a stream that has begun: `error`, which SDKs raise, then `response.failed`.
  [[nodiscard]] std::string error(const Error& error, std::string_view type);
  /// The items of a finished answer, for item_reference; none before end().
  [[nodiscard]] std::vector<ResponsesItem> items() const;

 private:
  OutputItem& open_message(std::string& out);
  OutputPart& open_part(std::string& out, OutputItem& item, OutputPart::Kind kind);
  void add_text(std::string& out, OutputPart::Kind kind, const std::string& text, std::span<const TokenLogprob> tokens);
  void add_call_part(std::string& out, const Delta::ToolCallPart& part);
  void close_part(std::string& out, const OutputItem& item);
  void close(std::string& out, OutputItem& item, ItemStatus status);

  ResponsesMeta meta_;
  std::vector<OutputItem> items_;
  std::int64_t sequence_ = 0;
};

}  // namespace suffice::wire
