#include "engine/llama/generator.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "engine/llama/grammar.hpp"
#include "engine/sampler.hpp"
#include "engine/schema_grammar.hpp"
#include "engine/text_stream.hpp"

namespace suffice::engine {
namespace {

using Constraint = wire::EngineConstraint::Kind;

/// As OpenAI's API allows.
constexpr std::uint32_t kTopLogprobsMax = 20;
constexpr std::size_t kStopsMax = 64;
constexpr std::size_t kLabelsMax = 4'096;

class Stopwatch {
 public:
  /// Microseconds since construction or the last lap.
  std::uint64_t lap() {
    const SteadyTime now = std::chrono::steady_clock::now();
    const auto span = std::chrono::duration_cast<std::chrono::microseconds>(now - start_);
    start_ = now;
    return static_cast<std::uint64_t>(span.count());
  }

 private:
  SteadyTime start_ = std::chrono::steady_clock::now();
};

Result<std::optional<Grammar>> grammar_of(const Model& model, const wire::EngineConstraint& constraint) {
  std::string gbnf;
  if (constraint.kind == Constraint::JsonObject) gbnf = json_object_grammar();
  if (constraint.kind == Constraint::Grammar) gbnf = constraint.text;
  if (constraint.kind == Constraint::JsonSchema) {
    SUFFICE_TRY(gbnf, grammar_from_schema(constraint.text));
  }
  if (gbnf.empty()) return std::nullopt;
  SUFFICE_TRY(Grammar grammar, Grammar::create(model, gbnf));
  return std::optional<Grammar>(std::move(grammar));
}

TokenLogprob logprob_of(const Model& model, std::span<const float> logits, Token token, std::uint32_t top_count) {
  TokenLogprob entry;
  entry.token = model.piece(token);
  entry.logprob = static_cast<double>(logits[static_cast<std::size_t>(token)]) - log_sum_exp(logits);
  for (const RankedToken& rival : top_tokens(logits, top_count)) {
    entry.top.push_back({.token = model.piece(rival.token), .logprob = rival.logprob});
  }
  return entry;
}

/// The next token under both the sampler and the grammar.
Result<Token> pick_token(TokenSampler& sampler, std::optional<Grammar>& grammar, std::span<const float> logits) {
  Token token = sampler.pick(logits);
  if (grammar && !grammar->allows(token)) {
    const std::vector<float> masked = grammar->mask(logits);
    if (masked.empty()) return fail(ErrorCode::Internal, "the schema's grammar leaves the model no way to go on");
    token = sampler.pick(masked);
  }
  if (grammar) grammar->accept(token);
  sampler.accept(token);
  return token;
}

/// Constrained probabilities: their product is the label's.
std::vector<TokenLogprob> label_logprobs(const Model& model, const LabelTrie& trie, const LabelScores& scores) {
  std::vector<TokenLogprob> out;
  int at = LabelTrie::kRoot;
  for (std::size_t i = 1; i < trie.size(); ++i) {
    if (trie.node(static_cast<int>(i)).label == scores.best) at = static_cast<int>(i);
  }
  for (; at != LabelTrie::kRoot; at = trie.node(at).parent) {
    if (trie.node(at).label >= 0 && scores.step[static_cast<std::size_t>(at)] == 1) continue;  // a certain end
    TokenLogprob& entry = out.emplace_back();
    entry.token = model.piece(trie.node(at).token);
    entry.logprob = std::log(scores.step[static_cast<std::size_t>(at)]);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

LabelDistribution distribution_of(const std::vector<std::string>& labels, const LabelScores& scores) {
  std::vector<std::size_t> order(labels.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores.probability[a] != scores.probability[b] ? scores.probability[a] > scores.probability[b] : a < b;
  });
  LabelDistribution distribution;
  for (const std::size_t i : order) distribution.entries.push_back({labels[i], scores.probability[i]});
  distribution.outside_mass = scores.outside_mass;
  distribution.method = LabelDistribution::Method::TrieRenormalised;
  return distribution;
}

}  // namespace

Result<wire::EngineDone> Generator::run(const wire::EngineCall& call, CallLine& line) {
  if (call.messages.empty()) return fail(ErrorCode::InvalidArgument, "the call has no messages", "messages");
  if (call.sampling.stop.size() > kStopsMax) return fail(ErrorCode::InvalidArgument, "at most 64 stop strings", "stop");
  const IsCancelled cancelled = [&line] { return line.cancelled(); };
  if (call.constraint.kind == Constraint::Labels) return choose_label(call, cancelled);
  return write_text(call, line, cancelled);
}

Result<void> Generator::read_prompt(const wire::EngineCall& call, std::size_t answer_tokens,
                                    const IsCancelled& cancelled, wire::EngineDone& done) {
  Stopwatch watch;
  const std::vector<Token> prompt = model_.prompt(call.messages);
  const std::size_t needed = prompt.size() + answer_tokens;
  const auto available = static_cast<std::size_t>(context_->length());
  if (prompt.empty() || needed > available) {
    return fail(ErrorCode::ContextOverflow,
                "the call needs " + std::to_string(needed) + " tokens (" + std::to_string(prompt.size()) +
                    " of them prompt) and the embedded model has " + std::to_string(available));
  }
  SUFFICE_TRY(const std::size_t cached, context_->read(prompt, cancelled));
  done.usage.input_tokens = static_cast<std::int64_t>(prompt.size());
  done.usage.cached_input_tokens = static_cast<std::int64_t>(cached);
  done.prefill_us = watch.lap();
  return {};
}

Result<wire::EngineDone> Generator::choose_label(const wire::EngineCall& call, const IsCancelled& cancelled) {
  const std::vector<std::string>& labels = call.constraint.labels;
  if (labels.size() > kLabelsMax) return fail(ErrorCode::InvalidArgument, "at most 4,096 labels", "labels");
  std::vector<std::vector<Token>> tokens;
  std::size_t longest = 0;
  for (const std::string& label : labels) {
    tokens.push_back(model_.tokens(label));
    longest = std::max(longest, tokens.back().size());
  }
  if (longest > Context::kPathTokensMax) {
    return fail(ErrorCode::InvalidArgument,
                "a label has more than " + std::to_string(Context::kPathTokensMax) + " tokens", "labels");
  }
  SUFFICE_TRY(const LabelTrie trie, LabelTrie::build(tokens, model_.end_token()));

  wire::EngineDone done;
  SUFFICE_TRY_VOID(read_prompt(call, longest + 1, cancelled, done));
  Stopwatch watch;
  const EvaluatePaths evaluate = [&](const std::vector<std::vector<Token>>& paths, const VisitLogits& visit) {
    return context_->evaluate(paths, visit, cancelled);
  };
  SUFFICE_TRY(const LabelScores scores, score_labels(trie, context_->logits(), evaluate));
  const auto best = static_cast<std::size_t>(scores.best);
  done.text = labels[best];
  done.finish = FinishReason::Stop;
  done.usage.output_tokens = static_cast<std::int64_t>(tokens[best].size());
  done.labels = distribution_of(labels, scores);
  done.labels_unresolved = scores.unresolved;
  if (call.want_logprobs) done.logprobs = label_logprobs(model_, trie, scores);
  done.decode_us = watch.lap();
  return done;
}

Result<wire::EngineDone> Generator::write_text(const wire::EngineCall& call, CallLine& line,
                                               const IsCancelled& cancelled) {
  SUFFICE_TRY(TokenSampler sampler, TokenSampler::create(call.sampling));
  SUFFICE_TRY(std::optional<Grammar> grammar, grammar_of(model_, call.constraint));
  wire::EngineDone done;
  SUFFICE_TRY_VOID(read_prompt(call, 1, cancelled, done));

  const std::int64_t room = context_->length() - done.usage.input_tokens;
  const std::int64_t tokens_max = std::clamp<std::int64_t>(call.sampling.max_tokens.value_or(room), 0, room);
  const std::uint32_t top_count = std::min(call.top_logprobs, kTopLogprobsMax);
  if (call.want_logprobs) done.logprobs.emplace();
  TextStream stream(call.sampling.stop);
  Stopwatch watch;
  done.finish = FinishReason::Length;
  for (std::int64_t n = 0; n < tokens_max; ++n) {
    const std::span<const float> logits = context_->logits();
    SUFFICE_TRY(const Token token, pick_token(sampler, grammar, logits));
    if (model_.ends(token)) {
      done.finish = FinishReason::Stop;
      break;
    }
    ++done.usage.output_tokens;
    wire::EngineDelta delta{.id = call.id, .text = stream.push(model_.piece(token))};
    if (done.logprobs) {
      delta.logprobs.push_back(logprob_of(model_, logits, token, top_count));
      done.logprobs->push_back(delta.logprobs.back());
    }
    done.text += delta.text;
    if (call.stream && (!delta.text.empty() || !delta.logprobs.empty())) line.delta(delta);
    if (stream.stopped()) {
      done.finish = FinishReason::Stop;
      break;
    }
    if (n + 1 < tokens_max) SUFFICE_TRY_VOID(context_->append(token, cancelled));
  }
  const std::string rest = stream.finish();
  done.text += rest;
  if (call.stream && !rest.empty()) line.delta({.id = call.id, .text = rest, .logprobs = {}});
  done.decode_us = watch.lap();
  return done;
}

}  // namespace suffice::engine
