#pragma once
// Inside the chain of agents: what the first step decides and every later one reads, and what passes from hop to hop.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/documents/chunks.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"

namespace suffice::workflow::chain {

/// In the run's state, so that it is written once and not with every hop.
struct ChainPlan {
  std::string document;
  std::string metadata;  ///< Document::metadata()
  std::string query;
  Chunks chunks;
  double scale = 1;  ///< what estimate_tokens() is multiplied by, for a model that needs more tokens than it says
  std::uint64_t shuffle = 0;

  void keep(FlowRun& run) const;
  static Result<ChainPlan> of(const FlowRun& run);
  [[nodiscard]] prompts::TokenCounter counter() const;
  /// The number of the chunk that is read as the `at`-th.
  [[nodiscard]] std::size_t chunk_at(ReadingOrder order, std::size_t at) const;
};

/// The message between hops.
struct HopState {
  std::size_t at = 0;
  std::size_t unread_in_a_row = 0;
  CarriedState state;
  PathReport report;

  [[nodiscard]] FlowMessage message(std::string type) const;
  static Result<HopState> of(const FlowMessage& message);
};

inline constexpr std::string_view kPartType = "chain_part";  ///< a part is still to be read
inline constexpr std::string_view kReadType = "chain_read";  ///< none is

}  // namespace suffice::workflow::chain
