#include "engine/text_answer.hpp"

#include <algorithm>
#include <utility>

namespace suffice::engine {

Result<TextAnswer> TextAnswer::create(const Language& language, const wire::EngineCall& call, std::uint32_t sample,
                                      std::unique_ptr<GrammarState> grammar, std::int64_t tokens_max) {
  Sampling sampling = call.sampling;
  // Unsigned: a seed at the end of its range must not overflow.
  if (sampling.seed) sampling.seed = static_cast<std::int64_t>(static_cast<std::uint64_t>(*sampling.seed) + sample);
  SUFFICE_TRY(TokenSampler sampler, TokenSampler::create(sampling));
  return TextAnswer(language, call, std::move(sampler), std::move(grammar), tokens_max);
}

TextAnswer::TextAnswer(const Language& language, const wire::EngineCall& call, TokenSampler sampler,
                       std::unique_ptr<GrammarState> grammar, std::int64_t tokens_max)
    : language_(&language),
      sampler_(std::move(sampler)),
      grammar_(std::move(grammar)),
      abort_(call.abort, tokens_max),
      stream_(call.sampling.stop),
      tokens_max_(tokens_max),
      want_logprobs_(call.want_logprobs),
      measure_(call.want_logprobs || call.samples > 1 || abort_.needs_logprobs()),
      ignore_end_(call.ignore_end),
      top_count_(std::min(call.top_logprobs, kTopLogprobsMax)) {}

/// The next token under both the sampler and the grammar.
Result<Token> TextAnswer::pick(std::span<const float> logits) {
  Token token = sampler_.pick(logits);
  if (grammar_ && !grammar_->allows(token)) {
    const std::vector<float> masked = grammar_->mask(logits);
    if (masked.empty()) return fail(ErrorCode::Internal, "the call's grammar leaves the model no way to go on");
    token = sampler_.pick(masked);
  }
  if (grammar_) grammar_->accept(token);
  sampler_.accept(token);
  return token;
}

TokenLogprob TextAnswer::describe(std::span<const float> logits, Token token, double norm) const {
  TokenLogprob entry;
  entry.token = language_->piece(token);
  entry.logprob = static_cast<double>(logits[static_cast<std::size_t>(token)]) - norm;
  if (top_count_ == 0) return entry;
  for (const RankedToken& rival : top_tokens(logits, top_count_)) {
    entry.top.push_back({.token = language_->piece(rival.token), .logprob = rival.logprob});
  }
  return entry;
}

void TextAnswer::end(FinishReason finish, wire::EngineDelta& delta) {
  const std::string rest = stream_.finish();
  delta.text += rest;
  answer_.text += rest;
  answer_.finish = finish;
  if (tokens_ > 0 && measure_) answer_.mean_logprob = logprob_sum_ / static_cast<double>(tokens_);
}

Result<TextAnswer::Taken> TextAnswer::take(std::span<const float> logits) {
  Taken taken;
  if (tokens_ >= tokens_max_) {
    end(FinishReason::Length, taken.delta);
    return taken;
  }
  SUFFICE_TRY(const Token token, pick(logits));
  if (!ignore_end_ && language_->ends(token)) {
    end(FinishReason::Stop, taken.delta);
    return taken;
  }
  ++tokens_;
  taken.delta.text = stream_.push(language_->piece(token));
  answer_.text += taken.delta.text;
  bool hopeless = abort_.too_long(answer_.text.size());
  if (measure_) {
    const double norm = log_sum_exp(logits);
    const double logprob = static_cast<double>(logits[static_cast<std::size_t>(token)]) - norm;
    logprob_sum_ += logprob;
    hopeless = abort_.hopeless_after(logprob) || hopeless;
    if (want_logprobs_) {
      logprobs_.push_back(describe(logits, token, norm));
      taken.delta.logprobs.push_back(logprobs_.back());
    }
  }
  if (stream_.stopped()) {
    end(FinishReason::Stop, taken.delta);
  } else if (hopeless) {
    end(FinishReason::LowConfidence, taken.delta);
  } else if (tokens_ >= tokens_max_) {
    end(FinishReason::Length, taken.delta);
  } else {
    taken.next = token;
  }
  return taken;
}

}  // namespace suffice::engine
