#pragma once
// MINIONS (arXiv 2502.15964) as a flow: a remote model plans and concludes, local workers read; the document stays here.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/model_port.hpp"
#include "workflow/patterns/minions/chunk_worker.hpp"
#include "workflow/patterns/minions/limits.hpp"
#include "workflow/patterns/minions/run_state.hpp"

namespace suffice::workflow::minions {

/// Immutable; shared by runs.
struct MinionsSpec {
  std::string name = "minions";
  std::string version = {};  ///< of the worker's and the frontier's models; a journal of another version is not resumed
  Limits limits;
  DocumentLimits document;
  std::size_t at_once = 4;  ///< jobs side by side
  /// The task's own manifest, "{query}" in an instruction standing for the question: then the frontier neither advises nor plans the
  /// first round.
  std::optional<JobManifest> manifest = {};
  std::int64_t remote_output_tokens_max = 800;
  std::int64_t remote_tokens_max = 0;  ///< of a reduce prompt; 0: what the frontier's window holds
  prompts::TokenCounter count_remote = prompts::estimate_tokens;  ///< tokens of the frontier's tokenizer
};

/// A run starts with a request and ends with an answer (flow_io.hpp), or with this:
/// the frontier could not be asked or could not be understood: {"answer": null, "error": {"code", "message"}, ...}, with the verified
/// citations that the workers found. Nothing is claimed.
inline constexpr std::string_view kUnansweredType = "unanswered";

/// Executors "advise", "plan", "map", "reduce"; "reduce" leads back to "plan" while rounds are left.
///
/// An answer's body: {"answer": text or null, "text": the same with its evidence, for people, "found", "evidence": [{"number", "task", "begin", "end", "votes", "text"}], "citations": all that
/// the frontier was shown, "rounds", "map": the counts of MapReport, "remote_tokens", "document_tokens", "cited_bytes",
/// "document_bytes"}. Answer null and found false: the document does not say, as far as the workers could see.
///
/// Errors of a run: Question::read's; those that end it (BudgetExhausted, Cancelled, DeadlineExceeded); map_jobs'. InvalidArgument
/// here: limits, no frontier.
[[nodiscard]] Result<std::shared_ptr<const Flow>> build_minions(std::shared_ptr<const MinionsSpec> spec,
                                                                MakeWorker worker,
                                                                std::shared_ptr<const PortModel> frontier);

}  // namespace suffice::workflow::minions
