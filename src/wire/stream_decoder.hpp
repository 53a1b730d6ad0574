#pragma once
// What every provider's stream becomes: deltas as they come, and one Completion at the proper end.

#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::wire {

/// Reads the bytes of one streamed answer, split anywhere. One thread. Implementations: OpenAiChatStream, AnthropicStream, OllamaStream.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  /// Appends the deltas that `bytes` completes. ProtocolError for malformed events; the provider's own error event becomes its Error.
  virtual Result<void> feed(std::string_view bytes, std::vector<Delta>& deltas) = 0;
  /// To be called when the body ended. ConnectionClosed when the terminator ([DONE], message_stop, done:true) has not come:
  /// a cut stream is never a Completion. (OpenAI: a finish_reason on every choice also counts as the end, since some servers omit [DONE].)
  virtual Result<Completion> finish() = 0;
};

}  // namespace suffice::wire
