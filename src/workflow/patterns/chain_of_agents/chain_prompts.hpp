#pragma once
// What the models of a chain are sent, and how much of a document fits into one call.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/documents/chunks.hpp"

namespace suffice::workflow::chain {

/// Changes whenever the words below do: a run is not resumed by another version.
inline constexpr std::string_view kPromptVersion = "1";

/// Tokens of one call of a worker.
struct HopBudget {
  std::int64_t window = 4096;   ///< of the model, prompt and answer together
  std::int64_t headroom = 512;  ///< for the answer
  std::int64_t state = 1024;    ///< most that the carried state is shown in
  std::int64_t chunk_max = 0;   ///< a chunk has no more, however much would fit; 0: no such limit
  bool operator==(const HopBudget&) const = default;
};

/// System and user message of hop `number` of `chunks`. The state and the chunk come last, each under a heading, so that the
/// beginning is the same in every hop (prefix caches).
[[nodiscard]] std::vector<Message> worker_messages(std::string_view query, std::string_view state,
                                                   std::string_view chunk);
/// Those of the manager, who sees a document's metadata and the last state, never a chunk.
[[nodiscard]] std::vector<Message> manager_messages(std::string_view query, std::string_view metadata,
                                                    std::string_view state);
/// Texts of `messages` joined: what a token counter counts.
[[nodiscard]] std::string joined_text(const std::vector<Message>& messages);

/// B = window - |instructions and query| - state - headroom: most tokens of a chunk, for counters for which a whole has no more tokens than its parts
/// together. InvalidArgument, with the numbers, when nothing is left.
[[nodiscard]] Result<std::int64_t> chunk_tokens(std::string_view query, const HopBudget& budget,
                                                const prompts::TokenCounter& count);

/// The document's chunks: they concatenate to it exactly and each has at most chunk_tokens(). PayloadTooLarge when there would be more
/// than `hops_max`, with both numbers; InvalidArgument as above, and for an empty text or query.
[[nodiscard]] Result<Chunks> plan_chunks(std::string_view document, std::string_view query, const HopBudget& budget,
                                         std::size_t hops_max, const prompts::TokenCounter& count);

/// Tokens of all worker prompts: n + l (|instructions| + |query|) + the sum of the carried states, where n is the document and l the number of
/// chunks. Exact for counters that add up; what is really sent is counted by tests.
[[nodiscard]] std::int64_t prompt_tokens_total(std::string_view document, std::string_view query,
                                               const std::vector<std::string>& states,
                                               const prompts::TokenCounter& count);

}  // namespace suffice::workflow::chain
