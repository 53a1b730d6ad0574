#pragma once
// Choosing among more than two models, from the request alone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/metrics.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "lab/evaluation/routers.hpp"

namespace suffice::lab {

/// One way to choose, over all rows.
struct ChoiceFigures {
  std::string name;
  Figure quality;              ///< mean of what was chosen, with its bootstrap
  std::optional<double> cost;  ///< mean price of a call in USD, where prices are known
};

/// A weight of money against quality, and what it gives: the model of greatest P(right) - lambda * price is asked.
struct TradeOff {
  double lambda = 0;  ///< per USD
  ChoiceFigures figures;
};

struct ManyModels {
  std::size_t rows = 0;  ///< those that every model answered
  std::vector<ChoiceFigures> choices;
  std::vector<TradeOff> trade_offs;  ///< by rising lambda; empty without prices or texts
};

struct ManyOptions {
  FoldOptions folds;
  int repetitions = 1000;
  std::vector<std::optional<double>> price = {};  ///< by model, USD a call; nothing: the mean of the recorded costs
  bool linear = true;                             ///< also fit the linear router, a fit a model and fold
};

/// Chance, the best single model (chosen on the other folds), the best by task (same), the linear router (P(right) of each model by
/// logistic regression over words, fitted on the other folds; where there are texts) and the oracle. InvalidArgument: no row that every
/// model answered; Cancelled.
[[nodiscard]] Result<ManyModels> many_models(const OutcomeSet& set, const ManyOptions& options);

}  // namespace suffice::lab
