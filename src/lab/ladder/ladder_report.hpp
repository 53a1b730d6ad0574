#pragma once
// Learned ladders under budgets, measured on rows that nothing was learned on, beside every single model and the oracle.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/ladder/ladder.hpp"
#include "lab/ladder/ladder_data.hpp"

namespace suffice::lab {

/// USD a request, or a share of what the best single model costs.
struct Budget {
  double amount = 0;
  bool is_share = false;
};
/// "0.002" is USD, "30%" a share of the best single model's cost; InvalidArgument.
[[nodiscard]] Result<Budget> budget_named(std::string_view text);

struct LadderReportOptions {
  LadderDataOptions data;
  SearchOptions search;
  std::vector<Budget> budgets = {};  ///< none: 10 % to 100 % of the best single model's cost, in tenths
  double max_loss = 0.01;            ///< of mean quality against the best single model, for LadderReport::matching
  int repetitions = 1000;
  std::uint64_t seed = 1;
};

/// One ladder: what it promised on the training rows and what it does on the others.
struct LadderLine {
  LadderPoint train;
  LadderFigures test;
  LadderDifference beside;  ///< the best single model, on the same test rows
};

struct BudgetLine {
  double budget = 0;               ///< USD a request
  std::optional<LadderLine> line;  ///< nothing: even the cheapest model costs more
};

struct LadderReport {
  std::vector<std::string> models;
  std::size_t train_rows = 0;
  std::size_t test_rows = 0;
  ScoreSource source = ScoreSource::Auto;
  std::size_t ladders = 0;
  std::size_t pruned = 0;
  std::size_t best_single = 0;      ///< by training rows, the cheaper of equals
  std::vector<LadderLine> singles;  ///< by model
  std::vector<BudgetLine> budgets;  ///< by rising budget
  /// The cheapest ladder that was at most `max_loss` worse than the best single model on the training rows.
  std::optional<LadderLine> matching;
  LadderFigures oracle;  ///< on the test rows
};

/// Errors: those of ladder_rows() and LadderSearch::run().
[[nodiscard]] Result<LadderReport> ladder_report(const OutcomeSet& set, const LadderReportOptions& options);

}  // namespace suffice::lab
