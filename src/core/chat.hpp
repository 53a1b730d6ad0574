#pragma once
// A chat request and its answer as plain values: what every dialect is translated to and from.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/usage.hpp"

namespace suffice {

/// JSON kept as text: core knows no JSON library. Empty means absent. Whoever fills it has parsed it once.
struct JsonText {
  std::string text;
  [[nodiscard]] bool empty() const { return text.empty(); }
  bool operator==(const JsonText&) const = default;
};

enum class Role : std::uint8_t { System, Developer, User, Assistant, Tool };
[[nodiscard]] std::string_view name(Role role) noexcept;
[[nodiscard]] std::optional<Role> role_from_name(std::string_view name) noexcept;

/// A part of a message. Text parts have `text`; every other kind keeps the caller's JSON in `raw`.
struct ContentPart {
  enum class Kind : std::uint8_t { Text, Image, Audio, File, Refusal, Other };
  Kind kind = Kind::Text;
  std::string text;
  JsonText raw;
  bool operator==(const ContentPart&) const = default;
};

/// A call the model proposes. `arguments` is the text as the model wrote it; it may be invalid JSON until the gate has checked it.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;
  bool operator==(const ToolCall&) const = default;
};

struct Message {
  Role role = Role::User;
  std::vector<ContentPart> content;
  std::vector<ToolCall> tool_calls;  ///< assistant only
  std::string tool_call_id;          ///< tool only
  bool tool_failed = false;          ///< tool only: the result is an error (Anthropic's is_error)
  std::string name;

  /// All text parts joined by newlines.
  [[nodiscard]] std::string text() const;
  static Message of(Role role, std::string text);
  bool operator==(const Message&) const = default;
};

struct ToolDefinition {
  std::string name;
  std::string description;
  JsonText parameters;  ///< JSON Schema
  std::optional<bool> strict;
  bool operator==(const ToolDefinition&) const = default;
};

struct ToolChoice {
  enum class Kind : std::uint8_t { Unset, Auto, None, Required, Named };
  Kind kind = Kind::Unset;
  std::string name;  ///< Named only
  bool operator==(const ToolChoice&) const = default;
};

struct ResponseFormat {
  enum class Kind : std::uint8_t { Text, JsonObject, JsonSchema };
  Kind kind = Kind::Text;
  std::string name;  ///< JsonSchema only
  JsonText schema;   ///< JsonSchema only
  std::optional<bool> strict;
  bool operator==(const ResponseFormat&) const = default;
};

/// Unset means: the provider's default, or the task's.
struct Sampling {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<std::int64_t> max_tokens;
  std::optional<std::int64_t> seed;
  std::vector<std::string> stop;
  bool operator==(const Sampling&) const = default;
};

/// Whose words a request came in. Decides which providers may be given what only that dialect knows.
enum class ApiDialect : std::uint8_t { OpenAi, OpenAiResponses, Anthropic, Ollama };

/// One chat completion as a caller asked for it.
struct ChatRequest {
  std::string model;
  std::vector<Message> messages;
  std::vector<ToolDefinition> tools;
  ToolChoice tool_choice;
  std::optional<bool> parallel_tool_calls;
  ResponseFormat response_format;
  Sampling sampling;
  std::int64_t n = 1;
  bool logprobs = false;
  std::int64_t top_logprobs = 0;
  bool stream = false;
  bool stream_usage = false;                    ///< OpenAI stream_options.include_usage
  std::map<std::string, std::string> metadata;  ///< strings, as OpenAI defines it
  std::string user;
  /// The dialect of `extra` and of what ContentPart::raw says beyond a part's kind (images excepted: always OpenAI's image_url).
  ApiDialect dialect = ApiDialect::OpenAi;
  JsonText
      extra;  ///< an object of fields this program does not know, kept for a provider of the same dialect; empty when none
  std::string
      betas;  ///< Anthropic's header anthropic-beta: features by name, comma-separated; for a provider of that dialect only
  bool operator==(const ChatRequest&) const = default;
};

/// LowConfidence: given up early, because the answer could no longer become probable enough to be accepted.
enum class FinishReason : std::uint8_t { Stop, Length, ToolCalls, ContentFilter, Unknown, LowConfidence };
[[nodiscard]] std::string_view name(FinishReason reason) noexcept;

/// One generated token with its natural-log probability and, where asked, its rivals.
struct TokenLogprob {
  struct Alternative {
    std::string token;
    double logprob = 0;
    bool operator==(const Alternative&) const = default;
  };
  std::string token;  ///< bytes of the token; may be a part of a UTF-8 sequence
  double logprob = 0;
  std::vector<Alternative> top;
  bool operator==(const TokenLogprob&) const = default;
};

/// Probability of every allowed label given the prompt.
struct LabelDistribution {
  struct Entry {
    std::string label;
    double probability = 0;
    bool operator==(const Entry&) const = default;
  };
  /// How the labels were made comparable (several tokens each; or one model each); a calibrator must know which it was fitted on.
  enum class Method : std::uint8_t { TrieRenormalised, SummedLogprob, OneVsRest };
  std::vector<Entry> entries;  ///< most probable first; sums to 1
  double outside_mass = 0;     ///< probability the model gave to anything outside the set at the first step
  Method method = Method::TrieRenormalised;

  [[nodiscard]] double margin() const;   ///< first minus second; first when there is one label
  [[nodiscard]] double entropy() const;  ///< natural log
  bool operator==(const LabelDistribution&) const = default;
};

/// What a model thought before it answered: one block as its provider gave it. The provider's signature makes it worth sending back.
struct Thinking {
  std::string text = {};
  std::string signature = {};
  std::string redacted = {};  ///< opaque; such a block has no text
  [[nodiscard]] bool empty() const { return text.empty() && signature.empty() && redacted.empty(); }
  bool operator==(const Thinking&) const = default;
};

/// A finished answer of one model.
struct Completion {
  std::string text;
  std::vector<ToolCall> tool_calls;
  std::string refusal;  ///< OpenAI's refusal field; empty when none
  FinishReason finish = FinishReason::Unknown;
  std::optional<Usage> usage;  ///< absent when the provider sent none: costed as worst case
  std::string model;           ///< as the provider named it
  std::string provider_request_id;
  std::optional<std::vector<TokenLogprob>> logprobs;
  std::optional<LabelDistribution> labels;
  std::optional<double> agreement;  ///< share of several samples that say what `text` says
  std::string stop_sequence = {};   ///< the caller's stop text that ended the answer, where the provider says so
  std::vector<Thinking> thinking = {};
  bool operator==(const Completion&) const = default;
};

/// A piece of a streamed answer.
struct Delta {
  std::string text;
  struct ToolCallPart {
    std::size_t index = 0;
    std::string id;         ///< first part only
    std::string name;       ///< first part only
    std::string arguments;  ///< appended
    bool operator==(const ToolCallPart&) const = default;
  };
  std::vector<ToolCallPart> tool_calls;
  std::string refusal;
  std::vector<TokenLogprob> logprobs;
  Thinking thinking = {};     ///< text is appended; a signature or redacted data ends its block
  bool more_follows = false;  ///< the next delta is here already: a surface may write both at once
  bool operator==(const Delta&) const = default;
};

}  // namespace suffice
