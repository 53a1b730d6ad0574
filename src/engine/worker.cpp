#include "engine/worker.hpp"

#include <exception>
#include <utility>
#include <variant>

namespace suffice::engine {

void CountWorker::run(JobQueue& queue) {
  const auto any = [](const std::string&) { return true; };
  while (const std::shared_ptr<Job> job = queue.take(JobQueue::Wait::Yes, any)) {
    const auto& asked = std::get<wire::EngineCount>(job->request());
    if (asked.messages.empty()) {
      job->failed({.code = ErrorCode::InvalidArgument, .message = "the call has no messages", .where = "messages"});
      continue;
    }
    try {
      job->counted({.tokens = language_.prompt(asked.messages).tokens.size()});
    } catch (const std::exception&) {
      job->failed({.code = ErrorCode::Internal, .message = "the embedded model failed on this text", .where = {}});
    }
  }
}

BatchWorker::BatchWorker(std::unique_ptr<Decoder> decoder, MakeEmbeddingDecoder make_embedding_decoder,
                         const Preparation& preparation, const BatchPlan& plan, const Clock& clock)
    : decoder_(std::move(decoder)),
      make_embedding_decoder_(std::move(make_embedding_decoder)),
      preparation_(preparation),
      clock_(clock) {
  if (decoder_) batcher_ = std::make_unique<Batcher>(*decoder_, preparation_, plan, clock_);
}

bool BatchWorker::idle() const { return (!batcher_ || batcher_->idle()) && (!embedder_ || embedder_->idle()); }

void BatchWorker::run(JobQueue& queue) {
  while (fill(queue)) {
    preparation_.counters.busy.fetch_add(1);
    while (!idle()) {
      step();
      fill(queue);
    }
    preparation_.counters.busy.fetch_sub(1);
  }
}

/// Takes what there is to take; waits for it when there is nothing to do. False when the queue was stopped.
bool BatchWorker::fill(JobQueue& queue) {
  const auto may_take = [this](const std::string& task) { return !batcher_ || batcher_->wants(task); };
  while (!batcher_ || batcher_->wants_more()) {
    const bool nothing_to_do = idle();
    // One embedding call at a time: it is computed in steps beside the others, and its texts fill them.
    if (embedder_ && !embedder_->idle()) break;
    std::shared_ptr<Job> job = queue.take(nothing_to_do ? JobQueue::Wait::Yes : JobQueue::Wait::No, may_take);
    if (!job) return !nothing_to_do;
    admit(std::move(job));
  }
  return true;
}

void BatchWorker::admit(std::shared_ptr<Job> job) {
  try {
    if (std::holds_alternative<wire::EngineEmbed>(job->request())) return embed(job);
    if (batcher_) return batcher_->admit(job);
    job->failed({.code = ErrorCode::UnsupportedField,
                 .message = "this embedded model gives embeddings only; it cannot write text",
                 .where = "model"});
  } catch (const std::exception&) {
    // Not its text: an exception of the library may quote what it was given.
    job->failed({.code = ErrorCode::Internal, .message = "the embedded model failed on this call", .where = {}});
  }
}

void BatchWorker::embed(std::shared_ptr<Job> job) {
  if (!embedder_) {
    Result<std::unique_ptr<EmbeddingDecoder>> made = make_embedding_decoder_();
    if (!made) return job->failed(std::move(made).error());
    embedding_decoder_ = *std::move(made);
    embedder_ = std::make_unique<Embedder>(*embedding_decoder_, preparation_.adapters, preparation_.counters, clock_);
  }
  embedder_->admit(std::move(job));
}

void BatchWorker::step() {
  const Error failed{.code = ErrorCode::Internal, .message = "the embedded model failed on this call", .where = {}};
  try {
    if (batcher_) batcher_->step();
  } catch (const std::exception&) {
    batcher_->fail_all(failed);
  }
  try {
    if (embedder_) embedder_->step();
  } catch (const std::exception&) {
    embedder_->fail_all(failed);
  }
}

}  // namespace suffice::engine
