#include "engine/embedder.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

namespace suffice::engine {
namespace {

std::uint64_t microseconds(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

const wire::EngineEmbed& asked(const Job& job) { return std::get<wire::EngineEmbed>(job.request()); }

}  // namespace

void Pool::add(std::span<const float> token) {
  ++count_;
  if (pooling_ == Pooling::Cls && count_ > 1) return;
  if (pooling_ == Pooling::Last) sum_.clear();
  sum_.resize(token.size(), 0);
  for (std::size_t i = 0; i < token.size(); ++i) sum_[i] += static_cast<double>(token[i]);
}

std::vector<float> Pool::take(bool normalise) const {
  double divisor = pooling_ == Pooling::Mean ? static_cast<double>(count_) : 1;
  if (normalise) {
    double squares = 0;
    for (const double value : sum_) squares += value * value;
    if (squares > 0) divisor = std::sqrt(squares);
  }
  std::vector<float> out;
  out.reserve(sum_.size());
  for (const double value : sum_) out.push_back(static_cast<float>(value / divisor));
  return out;
}

void Embedder::admit(std::shared_ptr<Job> job) {
  Result<Call> call = prepare(job);
  if (!call) return job->failed(std::move(call).error());
  calls_.push_back(*std::move(call));
}

Result<Embedder::Call> Embedder::prepare(std::shared_ptr<Job> job) const {
  const wire::EngineEmbed& frame = asked(*job);
  if (frame.texts.empty() || frame.texts.size() > kTextsMax) {
    return fail(ErrorCode::InvalidArgument, "an embedding call has 1 to 2,048 texts", "input");
  }
  Call call;
  SUFFICE_TRY(call.adapters, adapters_.resolve(frame.adapters));
  const std::size_t longest = decoder_.limits().step_tokens;
  for (std::size_t i = 0; i < frame.texts.size(); ++i) {
    const std::string where = "input/" + std::to_string(i);
    call.texts.push_back(decoder_.tokens(frame.texts[i]));
    if (call.texts.back().empty()) return fail(ErrorCode::InvalidArgument, "the text is empty", where);
    if (call.texts.back().size() > longest) {
      return fail(ErrorCode::ContextOverflow,
                  "the text has " + std::to_string(call.texts.back().size()) + " tokens and the embedded model reads " +
                      std::to_string(longest) + " at once",
                  where);
    }
    call.answer.usage.input_tokens += static_cast<std::int64_t>(call.texts.back().size());
  }
  call.started = clock_.steady_now();
  call.answer.queue_us = microseconds(job->accepted(), call.started);
  call.answer.pooling = frame.pooling == Pooling::Model ? decoder_.default_pooling() : frame.pooling;
  call.job = std::move(job);
  return call;
}

void Embedder::step() {
  if (calls_.empty()) return;
  Call& call = calls_.front();
  Result<void> computed;
  if (call.job->cancelled()) {
    computed = fail(ErrorCode::Cancelled, "the call was cancelled");
  } else if (clock_.steady_now() >= call.job->deadline()) {
    computed = fail(ErrorCode::DeadlineExceeded, "the embedded model did not answer before the deadline");
  } else {
    computed = compute(call);
  }
  if (computed && call.answer.vectors.size() < call.texts.size()) return;
  // Taken out first: ending it may let its id be used again.
  Call ended = std::move(call);
  calls_.pop_front();
  if (!computed) return ended.job->failed(std::move(computed).error());
  counters_.texts_embedded.fetch_add(ended.texts.size());
  ended.answer.compute_us = microseconds(ended.started, clock_.steady_now());
  ended.job->embedded(std::move(ended.answer));
}

Result<void> Embedder::compute(Call& call) {
  const std::size_t first = call.answer.vectors.size();
  std::size_t last = first;
  std::size_t tokens = 0;
  while (last < call.texts.size() && last - first < decoder_.limits().step_texts &&
         tokens + call.texts[last].size() <= decoder_.limits().step_tokens) {
    tokens += call.texts[last++].size();
  }
  std::vector<Pool> pools(last - first, Pool(call.answer.pooling));
  const auto add = [&](std::size_t text, std::span<const float> token) { pools[text].add(token); };
  const IsCancelled cancelled = [&] { return call.job->cancelled(); };
  SUFFICE_TRY_VOID(decoder_.embed(std::span(call.texts).subspan(first, last - first), call.adapters, add, cancelled));
  counters_.decode_steps.fetch_add(1);
  counters_.decode_tokens.fetch_add(tokens);
  for (const Pool& pool : pools) call.answer.vectors.push_back(pool.take(asked(*call.job).normalise));
  return {};
}

void Embedder::fail_all(const Error& error) {
  for (const Call& call : std::exchange(calls_, {})) call.job->failed(error);
}

}  // namespace suffice::engine
