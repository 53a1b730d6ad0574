#pragma once
// What a chain of agents carries from one part of a document to the next: a ledger of quoted facts, and a short running summary.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/token_budget.hpp"

namespace suffice::workflow::chain {

/// A fact and where it stands. Only what was found verbatim in its chunk becomes one (documents/quotes.hpp).
struct LedgerFact {
  std::string text;       ///< in the worker's words
  std::string quote;      ///< the document's own bytes
  std::size_t chunk = 0;  ///< number of the chunk
  std::size_t begin = 0;  ///< where the quote begins in the document, in bytes
  bool operator==(const LedgerFact&) const = default;
};

/// A worker only proposes facts; the ledger is kept here and has no way to lose one. A rewritten summary alone keeps a fact of hop i with
/// probability r^(l - i) after l hops (chain_truth_test.cpp counts it).
class CarriedState {
 public:
  /// False, and nothing happens, when a fact with the same place or the same quote and words is there already.
  bool add(LedgerFact fact);
  void set_summary(std::string summary) { summary_ = std::move(summary); }

  [[nodiscard]] const std::vector<LedgerFact>& facts() const {
    return facts_;
  }  ///< in the order in which they were found
  [[nodiscard]] const std::string& summary() const { return summary_; }
  [[nodiscard]] bool empty() const { return facts_.empty() && summary_.empty(); }
  /// Whether every fact of `before` is here still, in its order.
  [[nodiscard]] bool keeps(const CarriedState& before) const;

  /// {"facts": [{"text", "quote", "chunk", "begin"}], "summary": ""}: in journals and results; members are added, never renamed.
  [[nodiscard]] JsonText to_json() const;
  /// MalformedRequest.
  static Result<CarriedState> from_json(std::string_view text);
  bool operator==(const CarriedState&) const = default;

 private:
  std::vector<LedgerFact> facts_;
  std::string summary_;
};

/// Both ledgers in the order of the document, each fact once; the summaries behind each other.
[[nodiscard]] CarriedState merged(const std::vector<CarriedState>& states);

/// What of a state is shown.
enum class Shown : std::uint8_t {
  Everything,  ///< quotes, the workers' words and the summary
  Quotes,      ///< verified quotes alone: no free text of a worker, who may have put anything into it
};

/// A state as a model reads it. Facts that do not fit are not lost, only not shown.
struct StateView {
  std::string text;
  std::size_t hidden = 0;
};

/// The state within `tokens_max` by `count`: all of it where that fits, else the facts that share most with `akin_to` (BM25), in the order of
/// the ledger, and how many are not shown; then a summary of more than half the room is left out. An empty state is empty text.
[[nodiscard]] StateView view_of(const CarriedState& state, Shown shown, std::string_view akin_to,
                                std::int64_t tokens_max, const prompts::TokenCounter& count);

}  // namespace suffice::workflow::chain
