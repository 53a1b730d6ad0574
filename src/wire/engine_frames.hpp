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

inline constexpr std::uint32_t kEngineProtocolVersion = 1;
/// Longest frame: a request body's limit (16 MiB) with room for its frame.
inline constexpr std::size_t kEngineFrameBytesMax = 20UL * 1024 * 1024;
/// Most items of one list.
inline constexpr std::uint32_t kEngineListItemsMax = 65'536;

/// gateway -> engine, first.
struct EngineHello {
  std::uint32_t protocol_version = kEngineProtocolVersion;
  bool operator==(const EngineHello&) const = default;
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

struct EngineConstraint {
  enum class Kind : std::uint8_t { None, Labels, JsonObject, JsonSchema, Grammar };
  Kind kind = Kind::None;
  std::vector<std::string> labels{};  ///< Labels
  std::string text{};                 ///< JsonSchema: the schema; Grammar: GBNF with the start symbol "root"
  bool operator==(const EngineConstraint&) const = default;
};

/// gateway -> engine: write an answer. Every call ends with exactly one EngineDone or EngineFailure of its id.
struct EngineCall {
  std::uint64_t id = 0;  ///< chosen by the gateway, not 0, unique among the calls in flight
  std::vector<EngineMessage> messages{};
  Sampling sampling{};
  EngineConstraint constraint{};
  bool want_logprobs = false;
  std::uint32_t top_logprobs = 0;
  bool stream = false;
  bool operator==(const EngineCall&) const = default;
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
  std::uint64_t queue_us = 0;    ///< waited for a context
  std::uint64_t prefill_us = 0;  ///< read the prompt
  std::uint64_t decode_us = 0;   ///< wrote the answer
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
                                 EngineFailure, EnginePing, EnginePong, EngineLog>;

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
