#pragma once
// Who reads a part of the document: a language model, or a function that picks sentences.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/chain_of_agents/carried_state.hpp"
#include "workflow/patterns/chain_of_agents/chain_prompts.hpp"
#include "workflow/patterns/chain_of_agents/worker_reply.hpp"

namespace suffice::workflow::chain {

/// One hop as its worker sees it. The views outlive the call.
struct HopInput {
  std::string_view query;
  std::string_view chunk;
  std::string_view state;                ///< as it is shown, within HopBudget::state
  const CarriedState* ledger = nullptr;  ///< all of it, for a worker that is no model
  std::size_t attempt = 0;               ///< 1: the first answer could not be used
};

/// Immutable; shared by runs. What it answers is checked by parse_worker_reply(), whoever it is.
class ChainWorker {
 public:
  virtual ~ChainWorker() = default;
  /// The answer as text. OutputRejected when it was cut off; a model's errors otherwise.
  [[nodiscard]] virtual Task<Result<std::string>> read(const HopInput& input, FlowRun& run) const = 0;
  /// Tokens of the prompt of this hop, exactly where that can be known.
  [[nodiscard]] virtual Task<std::int64_t> prompt_tokens(const HopInput& input, FlowRun& run) const = 0;
  /// Tokens of prompt and answer together; 0: no limit.
  [[nodiscard]] virtual std::int64_t window() const = 0;
  /// What its answers depend on: in the flow's shape, so that a journal is not resumed with another worker.
  [[nodiscard]] virtual std::string version() const = 0;
};

/// Asks a model for the JSON of worker_reply.hpp, at temperature 0 first, warmer the second time.
[[nodiscard]] std::unique_ptr<ChainWorker> model_worker(std::shared_ptr<const PortModel> model,
                                                        const ReplyLimits& limits, std::int64_t answer_tokens_max);

/// How the worker without a model picks sentences.
struct ExtractiveOptions {
  std::size_t sentences_max = 2;  ///< of one chunk
  double score_min =
      1.0;  ///< of BM25, summed over the words of the question and, at `notes_weight`, of the facts found so far
  double notes_weight = 0.25;            ///< what a word of the ledger is worth beside one of the question
  std::size_t sentence_bytes_max = 600;  ///< longer ones are no citations
};

/// Sentences that share rare words with the question, or with what was found before: no model, no cost. A yardstick, and what the shipped
/// example runs on. A question in other words than the text's finds nothing, and on meetings its quotes answer hardly more often than sentences
/// taken by chance (docs/evidence_patterns.md).
[[nodiscard]] std::unique_ptr<ChainWorker> extractive_worker(const ExtractiveOptions& options);

}  // namespace suffice::workflow::chain
