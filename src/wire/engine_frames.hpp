#pragma once
// What the gateway and its engine process say to each other over their socket pair: the frames and their bytes.
//
// A frame is: u32 payload length, u8 type, payload (the length counts type and payload). Numbers are little-endian; text
// and lists carry a u32 length; an optional a u8 flag; an enum a u8. Both ends come from one build, so there is one version,
// checked in the first exchange: the gateway sends EngineHello, the engine answers EngineReady or an EngineFailure with id 0.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/chat.hpp"
#include "core/error.hpp"
#include "core/result.hpp"

namespace suffice::wire {

inline constexpr std::uint32_t kEngineProtocolVersion = 3;
/// Longest frame: a request body's limit (16 MiB) with room for its frame.
inline constexpr std::size_t kEngineFrameBytesMax = 20UL * 1024 * 1024;
/// Most items of one list.
inline constexpr std::uint32_t kEngineListItemsMax = 65'536;

/// gateway -> engine, first.
struct EngineHello {
  std::uint32_t protocol_version = kEngineProtocolVersion;
  bool operator==(const EngineHello&) const = default;
};

/// A loaded LoRA adapter.
struct EngineAdapterFacts {
  std::string name{};    ///< as calls name it
  std::string sha256{};  ///< of the file the engine opened
  std::uint32_t rank = 0;
  std::uint64_t parameters = 0;
  std::uint64_t load_us = 0;
  bool operator==(const EngineAdapterFacts&) const = default;
};

/// What the engine has loaded and how it runs.
struct EngineFacts {
  std::string name{};          ///< general.name of the GGUF; may be empty
  std::string architecture{};  ///< "llama", "qwen2", ...
  std::string quantisation{};  ///< "Q4_0", "Q8_0", "F16", ...
  /// "chatml", "builtin" (one of libllama's fixed ones), "chatml_assumed" (the file has none that is known)
  std::string chat_template{};
  std::string sha256{};   ///< of the file the engine opened
  std::string backend{};  ///< the CPU variant libllama chose
  std::uint64_t parameters = 0;
  std::uint64_t file_bytes = 0;
  std::uint32_t context_length = 0;  ///< tokens one call may use, prompt and answer together
  std::uint32_t trained_context_length = 0;
  std::uint32_t vocabulary = 0;
  std::uint32_t contexts = 0;
  std::uint32_t threads = 0;
  std::uint32_t sequences = 0;         ///< answers that one context computes side by side
  std::uint32_t embedding_length = 0;  ///< numbers of one embedding
  bool writes_text = true;             ///< false: the model gives embeddings only
  std::vector<EngineAdapterFacts> adapters{};
  std::vector<std::string> sandbox{};  ///< restrictions in force: "no_new_privs", "seccomp", "network_namespace", ...
  bool operator==(const EngineFacts&) const = default;
};

/// engine -> gateway: the model is loaded.
struct EngineReady {
  std::uint32_t protocol_version = kEngineProtocolVersion;
  EngineFacts facts{};
  bool operator==(const EngineReady&) const = default;
};

struct EngineMessage {
  std::string role{};
  std::string text{};
  bool operator==(const EngineMessage&) const = default;
};

/// A tool that an answer may call.
struct EngineTool {
  std::string name{};
  std::string parameters{};  ///< JSON Schema of its arguments; empty: it takes none
  bool operator==(const EngineTool&) const = default;
};

struct EngineConstraint {
  enum class Kind : std::uint8_t { None, Labels, JsonObject, JsonSchema, Grammar, Regex };
  Kind kind = Kind::None;
  std::vector<std::string> labels{};  ///< Labels
  /// JsonSchema: the schema; Grammar: GBNF with the start symbol "root"; Regex: an expression for the whole answer, in the
  /// subset of engine/regex_grammar.hpp
  std::string text{};
  /// Not empty: the answer may be calls of these, in the form of wire/tool_text.hpp, instead of what the kind asks for; of kind None
  /// they may follow text. Not with Labels.
  std::vector<EngineTool> tools{};
  bool call_required = false;  ///< it must be calls
  bool one_call = false;       ///< one at most
  bool operator==(const EngineConstraint&) const = default;
};

/// A LoRA adapter of a call and how strongly it acts: 1 is as it was trained.
struct EngineAdapterUse {
  std::string name{};
  double scale = 1;
  bool operator==(const EngineAdapterUse&) const = default;
};

/// When an answer is not worth finishing. The call then ends early with FinishReason::LowConfidence and what was written.
struct EngineAbort {
  /// A token less probable than this ends it (the gate's min_token_probability could only fall).
  std::optional<double> min_token_probability{};
  /// A floor on exp(mean log-probability): ends once even certain tokens up to max_tokens cannot lift the mean to it.
  std::optional<double> min_mean_probability{};
  std::uint64_t text_bytes_max = 0;  ///< an answer longer than this fails its task's checks anyway; 0: no limit
  bool operator==(const EngineAbort&) const = default;
};

/// gateway -> engine: write an answer. Every call ends with exactly one EngineDone or EngineFailure of its id.
struct EngineCall {
  std::uint64_t id = 0;  ///< chosen by the gateway, not 0, unique among the calls in flight
  /// Whose turn it is among waiting calls, and whose common beginning of prompts is kept. Empty is a task too.
  std::string task{};
  /// Microseconds left when the frame was sent; a call that still waits then fails with DeadlineExceeded. 0: no deadline.
  std::uint64_t deadline_us = 0;
  std::vector<EngineAdapterUse> adapters{};
  std::vector<EngineMessage> messages{};
  Sampling sampling{};
  EngineConstraint constraint{};
  bool want_logprobs = false;
  std::uint32_t top_logprobs = 0;
  bool stream = false;
  /// Answers drawn side by side from one reading of the prompt; more than 1 fill EngineDone::samples, and only whole
  /// answers come (no EngineDelta).
  std::uint32_t samples = 1;
  EngineAbort abort{};
  bool ignore_end = false;  ///< writes max_tokens whatever the model says: to measure
  bool operator==(const EngineCall&) const = default;
};

/// gateway -> engine: embeddings of `texts`. Ends with one EngineEmbedded or EngineFailure of its id.
struct EngineEmbed {
  enum class Pooling : std::uint8_t { Model, Mean, Cls, Last };
  std::uint64_t id = 0;  ///< as EngineCall's, and from the same numbers
  std::string task{};
  std::uint64_t deadline_us = 0;
  std::vector<EngineAdapterUse> adapters{};
  std::vector<std::string> texts{};
  Pooling pooling = Pooling::Model;  ///< Model: as the file says, mean where it says nothing
  bool normalise = true;             ///< to length 1
  bool operator==(const EngineEmbed&) const = default;
};

/// engine -> gateway.
struct EngineEmbedded {
  std::uint64_t id = 0;
  std::vector<std::vector<float>> vectors{};                  ///< in the order of the texts
  EngineEmbed::Pooling pooling = EngineEmbed::Pooling::Mean;  ///< the one used, never Model
  Usage usage{};
  std::uint64_t queue_us = 0;
  std::uint64_t compute_us = 0;
  bool operator==(const EngineEmbedded&) const = default;
};

/// gateway -> engine: how many tokens would a call's prompt have? Answered while contexts compute; nothing is computed, and a prompt
/// that no context could hold is counted too. Ends with one EngineCounted or EngineFailure of its id.
struct EngineCount {
  std::uint64_t id = 0;  ///< as EngineCall's, and from the same numbers
  std::string task{};
  std::uint64_t deadline_us = 0;
  std::vector<EngineMessage> messages{};
  bool operator==(const EngineCount&) const = default;
};

/// engine -> gateway.
struct EngineCounted {
  std::uint64_t id = 0;
  std::uint64_t tokens = 0;  ///< of the template with the messages, as EngineDone::usage.input_tokens has them
  bool operator==(const EngineCounted&) const = default;
};

/// gateway -> engine: changes or lists the loaded adapters. Ends with one EngineAdapters or EngineFailure of its id.
struct EngineAdapterOrder {
  enum class Action : std::uint8_t { List, Load, Unload };
  std::uint64_t id = 0;
  Action action = Action::List;
  std::string name{};
  std::string path{};  ///< Load
  bool operator==(const EngineAdapterOrder&) const = default;
};

/// engine -> gateway: the adapters loaded after an order.
struct EngineAdapters {
  std::uint64_t id = 0;
  std::vector<EngineAdapterFacts> adapters{};
  bool operator==(const EngineAdapters&) const = default;
};

/// gateway -> engine. The call then ends with EngineFailure{Cancelled}, unless it had ended already.
struct EngineCancel {
  std::uint64_t id = 0;
  bool operator==(const EngineCancel&) const = default;
};

/// engine -> gateway: a piece of a streamed answer, whole UTF-8 characters.
struct EngineDelta {
  std::uint64_t id = 0;
  std::string text{};
  std::vector<TokenLogprob> logprobs{};
  bool operator==(const EngineDelta&) const = default;
};

/// One of several answers to one call.
struct EngineSample {
  std::string text{};
  FinishReason finish = FinishReason::Stop;
  double mean_logprob = 0;  ///< natural log, over its tokens without its end; 0 for none
  bool operator==(const EngineSample&) const = default;
};

/// engine -> gateway: the whole answer.
struct EngineDone {
  std::uint64_t id = 0;
  std::string text{};
  FinishReason finish = FinishReason::Stop;
  Usage usage{};
  std::optional<std::vector<TokenLogprob>> logprobs{};
  std::optional<LabelDistribution> labels{};
  /// Probability of the label branches that were too improbable to be evaluated; it is spread evenly over their labels.
  double labels_unresolved = 0;
  /// Of a call with more than one sample, in the order of their seeds. `text`, `finish` and `logprobs` are those of the
  /// first sample among the commonest answers (compared without outer white space); `agreement` is the share of these.
  std::vector<EngineSample> samples{};
  double agreement = 1;
  std::uint64_t queue_us = 0;    ///< waited for a context
  std::uint64_t render_us = 0;   ///< template, tokens, labels or grammar
  std::uint64_t prefill_us = 0;  ///< read the prompt, beside the other calls of the context
  std::uint64_t decode_us = 0;   ///< wrote the answer, likewise
  bool operator==(const EngineDone&) const = default;
};

/// engine -> gateway. Id 0: the engine itself cannot go on and is about to exit.
struct EngineFailure {
  std::uint64_t id = 0;
  ErrorCode code = ErrorCode::Internal;
  std::string message{};
  std::string where{};
  bool operator==(const EngineFailure&) const = default;
};

/// gateway -> engine; answered at once, also while every context computes.
struct EnginePing {
  std::uint64_t nonce = 0;
  bool operator==(const EnginePing&) const = default;
};

/// engine -> gateway. Counters are totals since the engine started.
struct EnginePong {
  std::uint64_t nonce = 0;
  std::uint64_t progress = 0;  ///< grows while any context computes; standing still with `busy` > 0 means hung
  std::uint32_t busy = 0;      ///< contexts computing
  std::uint32_t queued = 0;    ///< calls waiting for a context
  std::uint64_t calls_done = 0;
  std::uint64_t calls_failed = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t cached_input_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::uint32_t active = 0;  ///< calls being computed
  std::uint64_t calls_expired = 0;
  std::uint64_t calls_cancelled = 0;
  std::uint64_t calls_given_up = 0;   ///< ended with FinishReason::LowConfidence
  std::uint64_t prefix_hits = 0;      ///< prompts that began with something already read
  std::uint64_t prefix_misses = 0;    ///< prompts read from their first token
  std::uint64_t label_list_hits = 0;  ///< label lists whose tokens were already known
  std::uint64_t label_list_misses = 0;
  std::uint64_t decode_steps = 0;   ///< batches computed; all tokens of all calls are in them
  std::uint64_t decode_tokens = 0;  ///< tokens computed, of prompts, answers and label paths
  std::uint64_t adapter_switches = 0;
  std::uint64_t texts_embedded = 0;
  bool operator==(const EnginePong&) const = default;
};

/// engine -> gateway: a line for the log. Never holds text of a call.
struct EngineLog {
  enum class Level : std::uint8_t { Info, Warning, Error };
  Level level = Level::Info;
  std::string text{};
  bool operator==(const EngineLog&) const = default;
};

/// The order is the type byte, from 1: append only.
using EngineFrame = std::variant<EngineHello, EngineReady, EngineCall, EngineCancel, EngineDelta, EngineDone,
                                 EngineFailure, EnginePing, EnginePong, EngineLog, EngineEmbed, EngineEmbedded,
                                 EngineAdapterOrder, EngineAdapters, EngineCount, EngineCounted>;

/// What ends a call well.
using EngineReply = std::variant<EngineDone, EngineEmbedded, EngineAdapters, EngineCounted>;

/// The frame's bytes. PayloadTooLarge beyond kEngineFrameBytesMax or kEngineListItemsMax. Any thread.
[[nodiscard]] Result<std::string> encode(const EngineFrame& frame);

/// Cuts a byte stream, split anywhere, into frames. One thread.
class EngineFrameDecoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }

  /// The next whole frame, or nothing until more bytes come. ProtocolError for bytes that are no frame; it stays one.
  Result<std::optional<EngineFrame>> next();

 private:
  std::string buffer_;
  std::size_t start_ = 0;  ///< consumed part of buffer_
  bool broken_ = false;
};

}  // namespace suffice::wire
