#pragma once
// What a worker of a chain answers: facts with quotes, and its summary. Foreign text: checked whole or refused.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "workflow/documents/quotes.hpp"
#include "workflow/documents/text_range.hpp"
#include "workflow/patterns/chain_of_agents/carried_state.hpp"

namespace suffice::workflow::chain {

/// What one answer may hold. A longer one is refused, not cut.
struct ReplyLimits {
  std::size_t facts_max = 8;
  std::size_t fact_bytes_max = 400;
  std::size_t summary_bytes_max = 1500;
  QuoteRules quotes = {};
};

struct ProposedFact {
  std::string text;
  std::string quote;
  bool operator==(const ProposedFact&) const = default;
};

/// A worker that found nothing has no facts and no summary.
struct WorkerReply {
  std::vector<ProposedFact> facts;
  std::optional<std::string> summary;  ///< nothing: the former one stays
  bool operator==(const WorkerReply&) const = default;
};

/// {"facts": [{"fact": "", "quote": ""}], "summary": ""}, alone or in one Markdown code fence. "fact" may be missing (the quote says it), and
/// "facts" null. A summary that is null, empty or "none" says nothing new. OutputRejected, with what is wrong in `where` (a JSON
/// pointer) and no byte of the answer: no JSON, other members, wrong types, over a limit, a fact without a quote.
[[nodiscard]] Result<WorkerReply> parse_worker_reply(std::string_view text, const ReplyLimits& limits);

/// The JSON Schema of that, for models that write by one.
[[nodiscard]] JsonText worker_reply_schema(const ReplyLimits& limits);

/// What became of the facts of one reply.
struct TakenFacts {
  std::size_t added = 0;
  std::size_t known = 0;       ///< in the ledger already
  std::size_t unverified = 0;  ///< the quote does not stand in the chunk, or is too short or too long
  std::size_t refused = 0;     ///< the ledger is full
};

/// Adds to `state` the facts of `reply` whose quotes stand in the chunk; the document's bytes are kept, not the worker's.
TakenFacts take_facts(const WorkerReply& reply, std::string_view document, TextRange chunk, std::size_t chunk_number,
                      const QuoteRules& rules, std::size_t facts_max, CarriedState& state);

}  // namespace suffice::workflow::chain
