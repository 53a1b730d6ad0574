#include "engine/batcher.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/agreement.hpp"
#include "engine/label_answer.hpp"

namespace suffice::engine {
namespace {

constexpr std::size_t kPromptTokensMin = 16;

std::uint64_t microseconds(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

}  // namespace

/// A call that has its sequences.
struct Batcher::Active {
  /// One of its answers.
  struct Stream {
    TextAnswer answer;
    Sequence sequence = -1;
    std::size_t position = 0;   ///< of the next token
    std::optional<Token> next;  ///< to be read; nothing when the answer has ended
  };

  PreparedCall prepared;
  std::vector<Sequence> sequences;  ///< one an answer; the first has the prompt
  std::size_t read = 0;             ///< tokens of the prompt in the first sequence
  std::size_t keep = 0;             ///< tokens to keep for others once the prompt has been read
  std::vector<Stream> streams;
  std::unique_ptr<LabelScoring> scoring;
  std::size_t path = 0;     ///< paths of the scoring's wave that a step has taken on
  std::size_t visited = 0;  ///< and those whose logits have come
  wire::EngineDone done;
  SteadyTime started;
  SteadyTime read_at;
  bool ended = false;

  [[nodiscard]] Job& job() const { return *prepared.job; }
  [[nodiscard]] std::span<const Token> prompt() const { return prepared.prompt.tokens; }
  [[nodiscard]] std::size_t unread() const { return prepared.prompt.tokens.size() - read; }
};

/// Logits that the step gives to somebody.
struct Batcher::Wish {
  enum class Kind : std::uint8_t { Prompt, Answer, Path };
  Kind kind = Kind::Prompt;
  Active* call = nullptr;
  std::size_t index = 0;   ///< of the stream or the path
  std::size_t output = 0;  ///< index in the step
  Sequence scratch = -1;
};

Batcher::Batcher(Decoder& decoder, const Preparation& preparation, const BatchPlan& plan, const Clock& clock)
    : decoder_(decoder),
      with_(preparation),
      plan_(plan),
      clock_(clock),
      cells_(decoder.limits().cells - plan.scratch_cells),
      prefixes_(plan.answers, plan.prefixes, std::min(plan.prefix_cells, cells_ / 2)) {
  for (Sequence i = plan.answers; i-- > 0;) free_answers_.push_back(i);
  for (Sequence i = plan.sequences(); i-- > plan.answers + plan.prefixes;) free_scratch_.push_back(i);
}

Batcher::~Batcher() = default;

// ---- admission ----

bool Batcher::wants_more() const {
  if (waiting_ || free_answers_.empty() || calls_.size() >= plan_.calls) return false;
  std::size_t unread = 0;
  for (const auto& call : calls_) unread += call->unread();
  return unread < plan_.prompt_tokens;
}

bool Batcher::wants(const std::string& task) const {
  const auto of_task = std::ranges::count_if(calls_, [&](const auto& call) { return call->job().task() == task; });
  return static_cast<std::size_t>(of_task) < plan_.task_calls;
}

void Batcher::admit(std::shared_ptr<Job> job) {
  Result<PreparedCall> prepared = prepare(with_, job, decoder_.limits().call_tokens, cells_);
  if (!prepared) return job->failed(std::move(prepared).error());
  waiting_ = *std::move(prepared);
  activate_waiting();
}

void Batcher::activate_waiting() {
  if (!waiting_) return;
  if (waiting_->job->cancelled() || clock_.steady_now() >= waiting_->job->deadline()) {
    const bool cancelled = waiting_->job->cancelled();
    waiting_->job->failed({.code = cancelled ? ErrorCode::Cancelled : ErrorCode::DeadlineExceeded,
                           .message = cancelled ? "the call was cancelled"
                                                : "the call's deadline passed while it waited for the embedded model",
                           .where = {}});
    waiting_.reset();
    return;
  }
  if (free_answers_.size() < waiting_->sequences || !make_room(waiting_->cells)) return;
  PreparedCall prepared = *std::move(waiting_);
  waiting_.reset();
  activate(std::move(prepared));
}

/// Gives up kept beginnings until `cells` more fit.
bool Batcher::make_room(std::size_t cells) {
  // Not for a call that would not fit into the whole of what the others leave.
  if (charged_ + cells > cells_) return false;
  while (charged_ + cells + prefixes_.cells() > cells_) {
    const std::optional<Sequence> given_up = prefixes_.give_up();
    if (!given_up) return false;
    decoder_.forget(*given_up);
  }
  return true;
}

void Batcher::activate(PreparedCall prepared) {
  auto call = std::make_unique<Active>();
  call->prepared = std::move(prepared);
  call->started = clock_.steady_now();
  const PreparedCall& p = call->prepared;
  call->done.queue_us = microseconds(p.job->accepted(), call->started);
  call->done.render_us = p.render_us;
  for (std::size_t i = 0; i < p.sequences; ++i) {
    call->sequences.push_back(free_answers_.back());
    free_answers_.pop_back();
  }
  charged_ += p.cells;
  if (const auto match = prefixes_.find(p.adapters.key, call->prompt())) {
    decoder_.copy(match->sequence, call->sequences.front(), match->tokens);
    call->read = match->tokens;
  }
  (call->read > 0 ? with_.counters.prefix_hits : with_.counters.prefix_misses).fetch_add(1);
  call->keep = prefixes_.learn(p.job->task(), p.adapters.key, call->prompt(), p.prompt.before_last_text);
  call->done.usage.input_tokens = static_cast<std::int64_t>(call->prompt().size());
  call->done.usage.cached_input_tokens = static_cast<std::int64_t>(call->read);
  calls_.push_back(std::move(call));
  with_.counters.active.fetch_add(1);
}

// ---- one step ----

void Batcher::step() {
  end_unwanted();
  activate_waiting();
  if (calls_.empty()) return;
  step_.clear();
  wishes_.clear();
  path_tokens_ = 0;
  adapters_ = next_adapters();
  group_.clear();
  for (const auto& call : calls_) {
    if (call->prepared.adapters.key == adapters_) group_.push_back(call.get());
  }
  for (Active* call : group_) plan_answers(*call);
  for (Active* call : group_) plan_paths(*call);
  // Some for the prompts, so that a step full of answers cannot keep them waiting for ever.
  std::size_t budget = std::max(plan_.prompt_tokens - std::min(step_.size(), plan_.prompt_tokens), kPromptTokensMin);
  budget = std::min(budget, decoder_.limits().step_tokens - step_.size());
  for (Active* call : group_) plan_prompt(*call, budget);
  compute();
  remove_ended();
}

void Batcher::end_unwanted() {
  const SteadyTime now = clock_.steady_now();
  for (const auto& call : calls_) {
    if (call->job().cancelled()) {
      end(*call, {.code = ErrorCode::Cancelled, .message = "the call was cancelled", .where = {}});
    } else if (now >= call->job().deadline()) {
      end(*call, {.code = ErrorCode::DeadlineExceeded,
                  .message = "the embedded model did not answer before the deadline",
                  .where = {}});
    }
  }
  remove_ended();
}

/// The adapter sets of the calls take turns: the first one after the last step's, in the order of the keys.
std::string Batcher::next_adapters() {
  const std::string* after = nullptr;
  const std::string* first = nullptr;
  for (const auto& call : calls_) {
    const std::string& key = call->prepared.adapters.key;
    if (first == nullptr || key < *first) first = &key;
    if (key > adapters_ && (after == nullptr || key < *after)) after = &key;
  }
  return after != nullptr ? *after : *first;
}

void Batcher::plan_answers(Active& call) {
  for (std::size_t i = 0; i < call.streams.size(); ++i) {
    Active::Stream& stream = call.streams[i];
    if (!stream.next) continue;
    wishes_.push_back({.kind = Wish::Kind::Answer, .call = &call, .index = i, .output = step_.size()});
    step_.push_back(
        {.token = *stream.next, .position = stream.position++, .sequence = stream.sequence, .output = true});
  }
}

void Batcher::plan_paths(Active& call) {
  if (!call.scoring) return;
  const std::vector<std::vector<Token>>& paths = call.scoring->paths();
  const std::size_t start = call.prompt().size();
  while (call.path < paths.size() && !free_scratch_.empty()) {
    const std::vector<Token>& path = paths[call.path];
    if (path_tokens_ + path.size() > plan_.scratch_cells) return;
    path_tokens_ += path.size();
    const Sequence scratch = free_scratch_.back();
    free_scratch_.pop_back();
    decoder_.copy(call.sequences.front(), scratch, start);
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
      step_.push_back(
          {.token = path[depth], .position = start + depth, .sequence = scratch, .output = depth + 1 == path.size()});
    }
    wishes_.push_back({.kind = Wish::Kind::Path,
                       .call = &call,
                       .index = call.path++,
                       .output = step_.size() - 1,
                       .scratch = scratch});
  }
}

void Batcher::plan_prompt(Active& call, std::size_t& budget) {
  const std::size_t count = std::min(call.unread(), budget);
  budget -= count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position = call.read + i;
    const bool last = position + 1 == call.prompt().size();
    if (last) wishes_.push_back({.kind = Wish::Kind::Prompt, .call = &call, .output = step_.size()});
    step_.push_back(
        {.token = call.prompt()[position], .position = position, .sequence = call.sequences.front(), .output = last});
  }
  call.read += count;
}

void Batcher::compute() {
  const IsCancelled unwanted = [this] {
    return std::ranges::all_of(group_, [](const Active* call) { return call->job().cancelled(); });
  };
  Result<void> computed = decoder_.use(group_.front()->prepared.adapters);
  if (computed) computed = decoder_.decode(step_, unwanted);
  with_.counters.decode_steps.fetch_add(1);
  with_.counters.decode_tokens.fetch_add(step_.size());
  for (const Wish& wish : wishes_) {
    if (!computed || wish.call->ended) continue;
    if (Result<void> delivered = deliver(wish); !delivered) end(*wish.call, std::move(delivered).error());
  }
  for (const Wish& wish : wishes_) {
    if (wish.scratch < 0) continue;
    decoder_.forget(wish.scratch);
    free_scratch_.push_back(wish.scratch);
  }
  for (Active* call : group_) {
    if (call->ended) continue;
    if (!computed) {
      end(*call, computed.error());
    } else {
      finish_if_complete(*call);
    }
  }
}

// ---- what the logits are for ----

Result<void> Batcher::deliver(const Wish& wish) {
  Active& call = *wish.call;
  const std::span<const float> logits = decoder_.logits(wish.output);
  switch (wish.kind) {
    case Wish::Kind::Prompt:
      return start_answer(call, logits);
    case Wish::Kind::Answer:
      return write_on(call, wish.index, logits);
    case Wish::Kind::Path:
      call.visited += 1;
      if (call.visited == call.scoring->paths().size()) call.path = call.visited = 0;  // visit() brings the next wave
      call.scoring->visit(wish.index, logits);
      break;
  }
  return {};
}

Result<void> Batcher::start_answer(Active& call, std::span<const float> logits) {
  call.read_at = clock_.steady_now();
  call.done.prefill_us = microseconds(call.started, call.read_at);
  keep_prefix(call);
  const PreparedCall& p = call.prepared;
  if (p.labels) {
    call.scoring = std::make_unique<LabelScoring>(p.labels->trie, logits);
    return {};
  }
  for (std::size_t i = 0; i < p.sequences; ++i) {
    std::unique_ptr<GrammarState> grammar;
    if (!p.gbnf.empty()) {
      SUFFICE_TRY(grammar, with_.language.grammar(p.gbnf));
    }
    SUFFICE_TRY(TextAnswer answer, TextAnswer::create(with_.language, p.call(), static_cast<std::uint32_t>(i),
                                                      std::move(grammar), p.tokens_max));
    if (i > 0) decoder_.copy(call.sequences.front(), call.sequences[i], call.prompt().size());
    call.streams.push_back({.answer = std::move(answer),
                            .sequence = call.sequences[i],
                            .position = call.prompt().size(),
                            .next = std::nullopt});
  }
  for (std::size_t i = 0; i < p.sequences; ++i) SUFFICE_TRY_VOID(write_on(call, i, logits));
  return {};
}

Result<void> Batcher::write_on(Active& call, std::size_t stream, std::span<const float> logits) {
  SUFFICE_TRY(TextAnswer::Taken taken, call.streams[stream].answer.take(logits));
  call.streams[stream].next = taken.next;
  const wire::EngineCall& asked = call.prepared.call();
  if (asked.stream && asked.samples == 1 && !(taken.delta.text.empty() && taken.delta.logprobs.empty())) {
    taken.delta.id = asked.id;
    call.job().delta(taken.delta);
  }
  return {};
}

void Batcher::keep_prefix(Active& call) {
  if (call.keep == 0 || !decoder_.limits().partial_copies || charged_ + prefixes_.cells() + call.keep > cells_) return;
  const auto place = prefixes_.keep(call.prepared.adapters.key, call.prompt().first(call.keep));
  if (!place) return;
  for (const Sequence sequence : place->forget) decoder_.forget(sequence);
  decoder_.copy(call.sequences.front(), place->sequence, call.keep);
}

// ---- ends ----

void Batcher::finish_if_complete(Active& call) {
  if (call.unread() > 0) return;
  if (call.scoring) {
    if (!call.scoring->paths().empty()) return;
    call.done = with_labels(with_.language, *call.prepared.labels, call.scoring->scores(), call.prepared.call(),
                            std::move(call.done));
  } else {
    if (std::ranges::any_of(call.streams, [](const auto& stream) { return stream.next.has_value(); })) return;
    with_text(call);
  }
  call.done.decode_us = microseconds(call.read_at, clock_.steady_now());
  if (call.done.finish == FinishReason::LowConfidence) with_.counters.calls_given_up.fetch_add(1);
  release(call);
  call.job().done(std::move(call.done));
}

void Batcher::with_text(Active& call) {
  std::vector<wire::EngineSample> samples;
  for (const Active::Stream& stream : call.streams) {
    samples.push_back(stream.answer.answer());
    call.done.usage.output_tokens += stream.answer.tokens();
  }
  std::size_t chosen = 0;
  if (samples.size() > 1) {
    const Agreement agreement = agree(samples);
    chosen = agreement.chosen;
    call.done.agreement = agreement.share;
  }
  call.done.text = samples[chosen].text;
  call.done.finish = samples[chosen].finish;
  if (call.prepared.call().want_logprobs) call.done.logprobs = call.streams[chosen].answer.logprobs();
  if (samples.size() > 1) call.done.samples = std::move(samples);
}

void Batcher::end(Active& call, Error error) {
  if (call.ended) return;
  release(call);
  call.job().failed(std::move(error));
}

void Batcher::release(Active& call) {
  call.ended = true;
  for (const Sequence sequence : call.sequences) {
    decoder_.forget(sequence);
    free_answers_.push_back(sequence);
  }
  charged_ -= call.prepared.cells;
  with_.counters.active.fetch_sub(1);
}

void Batcher::remove_ended() {
  std::erase_if(calls_, [](const auto& call) { return call->ended; });
}

void Batcher::fail_all(const Error& error) {
  for (const auto& call : calls_) end(*call, error);
  remove_ended();
  if (waiting_) waiting_->job->failed(error);
  waiting_.reset();
  for (const Wish& wish : wishes_) {
    if (wish.scratch >= 0 && std::ranges::find(free_scratch_, wish.scratch) == free_scratch_.end()) {
      free_scratch_.push_back(wish.scratch);
    }
  }
  wishes_.clear();
  prefixes_.clear();
  decoder_.forget_everything();
}

}  // namespace suffice::engine
