#pragma once
// Everything that MINIONS ever says to a remote model, and exactly how many tokens that is.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/documents/document.hpp"
#include "workflow/patterns/minions/findings.hpp"
#include "workflow/patterns/minions/limits.hpp"

namespace suffice::workflow::minions {

/// A verified citation as the frontier sees it. Its number is its place in RemoteView::citations, from 1.
struct ShownCitation {
  std::string task;
  std::size_t votes = 1;
  std::string text;
};

/// THE DATA BOUNDARY: what remote prompts are made of. The document is not here, nor what a worker wrote: only the user's question, the
/// document's metadata, the frontier's own words of earlier calls, and bytes of the document that passed as citations.
struct RemoteView {
  std::string query;
  JsonText metadata;               ///< Document::metadata()
  std::string advice;              ///< the frontier's own, first round
  std::string feedback;            ///< the frontier's own, of the round before
  std::string scratchpad;          ///< the same
  std::vector<std::string> asked;  ///< tasks of all rounds so far, by the frontier's own names
  std::vector<ShownCitation> citations;
  std::size_t round = 1;
  std::size_t rounds_max = 1;
};

/// `findings` as citations of `text`, in their order.
[[nodiscard]] std::vector<ShownCitation> shown(std::string_view text, const std::vector<Finding>& findings);

/// "How would you find this out?": short advice for the plan.
[[nodiscard]] std::vector<Message> advise_prompt(const RemoteView& view);
/// Asks for a manifest. `problem` is what was wrong with the last one, empty the first time.
[[nodiscard]] std::vector<Message> plan_prompt(const RemoteView& view, const Limits& limits, std::string_view problem);
/// Citations grouped by task; asks for a Decision. `problem` as above.
[[nodiscard]] std::vector<Message> reduce_prompt(const RemoteView& view, std::string_view problem);

/// Tokens of `messages` by `count`, each text alone. The prompts of this folder are what they return and nothing else is added, so this
/// is known before a call is made, and it is what is sent (marks that a provider puts around messages aside).
[[nodiscard]] std::int64_t prefill_tokens(const std::vector<Message>& messages, const prompts::TokenCounter& count);

/// The same from its parts, for counters that add up: the reduce prompt without citations, the heading of each task once, and each
/// citation's line.
[[nodiscard]] std::int64_t reduce_prefill_tokens(const RemoteView& view, const prompts::TokenCounter& count);

/// What a worker is told about one chunk. Local: it holds the chunk.
[[nodiscard]] std::vector<Message> worker_prompt(std::string_view instruction, std::string_view chunk,
                                                 const Limits& limits);

}  // namespace suffice::workflow::minions
