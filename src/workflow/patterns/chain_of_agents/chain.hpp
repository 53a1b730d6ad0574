#pragma once
// Chain of agents (arXiv 2406.02818): workers read a long document part by part, each with what the ones before found; a manager who
// never sees the document answers from the last state.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/chain_of_agents/carried_state.hpp"
#include "workflow/patterns/chain_of_agents/chain_prompts.hpp"
#include "workflow/patterns/chain_of_agents/chain_worker.hpp"
#include "workflow/patterns/chain_of_agents/worker_reply.hpp"

namespace suffice::workflow::chain {

/// The order in which one path reads the parts.
enum class ReadingOrder : std::uint8_t { Forward, Backward, Shuffled };
[[nodiscard]] std::string_view name(ReadingOrder order) noexcept;
/// "forward", "backward", "shuffled"; nothing otherwise.
[[nodiscard]] std::optional<ReadingOrder> reading_order_named(std::string_view name) noexcept;

struct ChainSpec {
  std::vector<ReadingOrder> paths = {ReadingOrder::Forward};  ///< each once; more than one: their answers vote
  HopBudget budget;
  ReplyLimits reply;
  std::size_t hops_max = 500;           ///< of one path
  std::size_t facts_max = 400;          ///< in a ledger; further ones are refused and counted
  std::size_t unread_in_a_row_max = 3;  ///< parts; then the run ends, for this worker can do nothing with this document
  std::int64_t answer_tokens_max = 512;  ///< of the manager
  /// What a hosted manager is shown. Everything lets free text of the workers leave the machine, who may have put anything into it.
  Shown share = Shown::Quotes;
};

/// No worker: extractive_worker(). No manager: the answer is the list of quotes.
struct ChainModels {
  std::shared_ptr<const ChainWorker> worker;
  std::shared_ptr<const PortModel> manager;
};

/// A part that no worker could make anything of, and why.
struct UnreadPart {
  std::size_t chunk = 0;
  std::string why;
  bool operator==(const UnreadPart&) const = default;
};

/// What became of the parts of one path.
struct PathReport {
  std::size_t read = 0;
  std::size_t retried = 0;           ///< parts whose first answer could not be used
  std::size_t facts_unverified = 0;  ///< proposed with a quote that does not stand in the part
  std::size_t facts_refused = 0;     ///< the ledger was full
  std::size_t facts_hidden = 0;      ///< most that one worker was not shown for want of room
  std::int64_t prompt_tokens = 0;    ///< of all worker prompts that were sent, as far as counted
  std::vector<UnreadPart> unread;
  bool operator==(const PathReport&) const = default;
};

struct PathAnswer {
  ReadingOrder order = ReadingOrder::Forward;
  std::string answer;
  bool found = false;
  CarriedState state;
  PathReport report;
  bool operator==(const PathAnswer&) const = default;
};

struct ChainOutcome {
  std::string answer;
  bool found = false;  ///< false: the facts do not answer the question; that too is an answer
  std::size_t chunks = 0;
  std::size_t agreeing = 1;  ///< paths that gave this answer; 0: they differed and the manager answered from all facts
  std::vector<LedgerFact> facts;  ///< of all paths, in the order of the document
  std::vector<PathAnswer> paths;

  /// A flow's answer (flow_io.hpp): "answer" is null when nothing was found, "text" what was said; "chunks", "agreeing", "ledger" and
  /// "paths" stand beside them.
  [[nodiscard]] FlowMessage to_message() const;
  static Result<ChainOutcome> of(const FlowMessage& message);
};

/// Answers that say the same: case, white space and punctuation at the ends do not count.
[[nodiscard]] std::string canonical_answer(std::string_view answer);
/// Whether an answer says that there is none: empty, "none", "not found", "null"...
[[nodiscard]] bool says_not_found(std::string_view answer);

/// The flow, from a request (flow_io.hpp) with its documents to an answer: "plan" cuts the document (several are one, each below its name); "forward" (and so on) reads a part a step, so that every hop is a checkpoint; "forward_answer" asks
/// the manager; "vote" where there are several paths.
///
/// Errors of a run: InvalidArgument (empty document or question, nothing fits into a call), PayloadTooLarge (more parts than hops_max),
/// OutputRejected (unread_in_a_row_max parts unread, or a manager without an answer twice), those of RunLedger and of the models. A
/// part whose worker fails twice is in PathReport::unread, never left out silently. InvalidArgument here: no path, a path twice.
[[nodiscard]] Result<std::shared_ptr<const Flow>> chain_flow(const ChainSpec& spec, const ChainModels& models);

}  // namespace suffice::workflow::chain
