#pragma once
// The extractive worker: cites the passages that a SpanSelector finds. No model is asked and nothing is generated.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "workflow/model_port.hpp"
#include "workflow/patterns/minions/chunk_worker.hpp"
#include "workflow/patterns/minions/limits.hpp"
#include "workflow/patterns/minions/span_selector.hpp"

namespace suffice::workflow::minions {

struct SpanReading {
  std::shared_ptr<const SpanSelector> selector;
  double share = 0.15;  ///< of the document's bytes, how much may be cited for one task; in (0, 1]
  Limits limits;
};

/// A passage is a run of neighbouring units among those of the highest scores, as many as `share` of the document's bytes hold. A chunk
/// is answered with its best passage; sample s with its s-th best; without one, with an abstention. A passage over
/// limits.citation_bytes_max is cut to its best part. Deterministic.
class SpanWorker final : public ChunkWorker {
 public:
  /// `question` outlives it.
  SpanWorker(const SpanReading& reading, const Question& question, bool allowed);

  Task<Result<WorkerReply>> read(const ChunkQuestion& question) override;
  [[nodiscard]] bool may_be_asked() const override { return allowed_; }

  /// The citation for a chunk, empty for none. What read() wraps.
  [[nodiscard]] std::string_view passage(std::string_view instruction, const TextRange& chunk, std::size_t sample);

 private:
  struct Marked {
    std::vector<double> scores;  ///< by unit
    std::vector<bool> chosen;
  };
  const Marked& marked(std::string_view instruction);
  [[nodiscard]] TextRange cut_to_limit(const Marked& units, std::size_t first, std::size_t last) const;

  SpanReading reading_;
  const std::string& text_;
  std::vector<TextRange> units_;
  bool allowed_;
  std::unordered_map<std::string, Marked> by_instruction_;
};

/// Reads on this machine, so the levers that stop local models stop it too: the run is asked about a local model named "spans".
[[nodiscard]] MakeWorker span_reader(const SpanReading& reading);

}  // namespace suffice::workflow::minions
