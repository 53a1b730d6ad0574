#pragma once
// Texts to vectors: pooling, and the calls that wait for them.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "engine/counters.hpp"
#include "engine/decoder.hpp"
#include "engine/job_queue.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

using Pooling = wire::EngineEmbed::Pooling;

/// Adds up the vectors of one text's tokens. One thread.
class Pool {
 public:
  explicit Pool(Pooling pooling) : pooling_(pooling) {}
  void add(std::span<const float> token);
  /// The text's vector; of length 1 when `normalise`, unless it is all zeros. Empty for no token.
  [[nodiscard]] std::vector<float> take(bool normalise) const;

 private:
  Pooling pooling_;
  std::vector<double> sum_;
  std::size_t count_ = 0;
};

/// Computes the last layer's vectors of tokens. One thread.
class EmbeddingDecoder {
 public:
  struct Limits {
    std::size_t step_tokens = 0;  ///< of all texts of a step; also the longest text
    std::size_t step_texts = 0;
  };
  virtual ~EmbeddingDecoder() = default;
  [[nodiscard]] virtual const Limits& limits() const = 0;
  /// What the file says, never Model.
  [[nodiscard]] virtual Pooling default_pooling() const = 0;
  /// Tokens of a text as the model wants to see it, with its own beginning and end.
  [[nodiscard]] virtual std::vector<Token> tokens(const std::string& text) const = 0;

  using Visit = std::function<void(std::size_t text, std::span<const float> token)>;
  /// Calls `visit` for every token of every text, in order. Cancelled, NotFound (adapter), Internal.
  virtual Result<void> embed(std::span<const std::vector<Token>> texts, const AdapterSet& adapters, const Visit& visit,
                             const IsCancelled& cancelled) = 0;
};

/// Embedding calls of one worker, a step at a time. One thread.
class Embedder {
 public:
  Embedder(EmbeddingDecoder& decoder, const AdapterShelf& adapters, Counters& counters, const Clock& clock)
      : decoder_(decoder), adapters_(adapters), counters_(counters), clock_(clock) {}

  [[nodiscard]] bool idle() const { return calls_.empty(); }
  /// `job` holds an EngineEmbed. Ends it at once when it cannot be computed: InvalidArgument (no texts, an empty one),
  /// ContextOverflow (a text that is too long; it is never cut), NotFound (an adapter).
  void admit(std::shared_ptr<Job> job);
  /// Some texts of the first call.
  void step();
  void fail_all(const Error& error);

  static constexpr std::size_t kTextsMax = 2'048;

 private:
  struct Call {
    std::shared_ptr<Job> job;
    AdapterSet adapters;
    std::vector<std::vector<Token>> texts;
    wire::EngineEmbedded answer;
    SteadyTime started;
  };
  [[nodiscard]] Result<Call> prepare(std::shared_ptr<Job> job) const;
  Result<void> compute(Call& call);

  EmbeddingDecoder& decoder_;
  const AdapterShelf& adapters_;
  Counters& counters_;
  const Clock& clock_;
  std::deque<Call> calls_;
};

}  // namespace suffice::engine
