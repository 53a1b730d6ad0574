#pragma once
// One answer as it is written: from the logits of each step to the next token, its text and its end.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/abort_rule.hpp"
#include "engine/decoder.hpp"
#include "engine/sampler.hpp"
#include "engine/text_stream.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// One thread.
class TextAnswer {
 public:
  /// `sample` numbers the answers of one call from 0: it is added to the seed. `grammar` may be null. `tokens_max` is at
  /// least 0. Errors: InvalidArgument (sampling values). `language` and `call` must outlive this.
  static Result<TextAnswer> create(const Language& language, const wire::EngineCall& call, std::uint32_t sample,
                                   std::unique_ptr<GrammarState> grammar, std::int64_t tokens_max);

  struct Taken {
    std::optional<Token> next;  ///< to be read before the next logits; nothing when the answer has ended
    wire::EngineDelta delta;    ///< what can be shown now; id not set
  };
  /// Chooses the next token. Internal when the grammar leaves no way to go on.
  Result<Taken> take(std::span<const float> logits);

  [[nodiscard]] const wire::EngineSample& answer() const { return answer_; }
  [[nodiscard]] const std::vector<TokenLogprob>& logprobs() const { return logprobs_; }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }

  /// As OpenAI's API allows.
  static constexpr std::uint32_t kTopLogprobsMax = 20;

 private:
  TextAnswer(const Language& language, const wire::EngineCall& call, TokenSampler sampler,
             std::unique_ptr<GrammarState> grammar, std::int64_t tokens_max);
  Result<Token> pick(std::span<const float> logits);
  void end(FinishReason finish, wire::EngineDelta& delta);
  [[nodiscard]] TokenLogprob describe(std::span<const float> logits, Token token, double norm) const;

  const Language* language_;
  TokenSampler sampler_;
  std::unique_ptr<GrammarState> grammar_;
  AbortRule abort_;
  TextStream stream_;
  std::int64_t tokens_max_;
  bool want_logprobs_;
  bool measure_;
  bool ignore_end_;
  std::uint32_t top_count_;
  wire::EngineSample answer_;
  std::vector<TokenLogprob> logprobs_;
  double logprob_sum_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace suffice::engine
