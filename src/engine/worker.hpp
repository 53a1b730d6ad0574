#pragma once
// A thread that computes: takes calls from the queue and gives them to its batcher or its embedder, step by step.

#include <functional>
#include <memory>

#include "core/clock.hpp"
#include "engine/batcher.hpp"
#include "engine/counters.hpp"
#include "engine/decoder.hpp"
#include "engine/embedder.hpp"
#include "engine/job_queue.hpp"
#include "engine/prepared_call.hpp"

namespace suffice::engine {

/// Computes calls; one thread each.
class Worker {
 public:
  virtual ~Worker() = default;
  /// Returns when `queue` has been stopped and the calls taken from it have ended.
  virtual void run(JobQueue& queue) = 0;
};

/// Makes the embedding decoder when the first text comes: most engines never need its memory.
using MakeEmbeddingDecoder = std::function<Result<std::unique_ptr<EmbeddingDecoder>>()>;

/// Counts tokens, on a thread beside those that compute: a long text takes a while, and nobody else should wait for it.
class CountWorker final : public Worker {
 public:
  /// `language` outlives this.
  explicit CountWorker(const Language& language) : language_(language) {}
  void run(JobQueue& queue) override;

 private:
  const Language& language_;
};

class BatchWorker final : public Worker {
 public:
  /// `decoder` is null for a model that only embeds. An exception while computing fails the calls under way with Internal.
  BatchWorker(std::unique_ptr<Decoder> decoder, MakeEmbeddingDecoder make_embedding_decoder,
              const Preparation& preparation, const BatchPlan& plan, const Clock& clock);

  void run(JobQueue& queue) override;

 private:
  bool fill(JobQueue& queue);
  void admit(std::shared_ptr<Job> job);
  void embed(std::shared_ptr<Job> job);
  void step();
  [[nodiscard]] bool idle() const;

  std::unique_ptr<Decoder> decoder_;
  MakeEmbeddingDecoder make_embedding_decoder_;
  Preparation preparation_;
  const Clock& clock_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<EmbeddingDecoder> embedding_decoder_;
  std::unique_ptr<Embedder> embedder_;
};

}  // namespace suffice::engine
