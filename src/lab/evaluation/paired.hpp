#pragma once
// The rows of recorded outcomes that two models both answered, and how they are dealt into folds.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/evaluation/metrics.hpp"
#include "lab/evaluation/outcomes.hpp"

namespace suffice::lab {

/// Borrows the set.
struct PairedRows {
  std::size_t weak = 0;  ///< places among the set's models
  std::size_t strong = 0;
  std::vector<const OutcomeRow*> rows;  ///< in the set's order, those with both outcomes
  Pair pair;
  CallCosts costs;  ///< where every row has both

  [[nodiscard]] const Outcome& weak_outcome(std::size_t row) const { return *rows[row]->models[weak]; }
  [[nodiscard]] const Outcome& strong_outcome(std::size_t row) const { return *rows[row]->models[strong]; }
  [[nodiscard]] bool has_texts() const;
  [[nodiscard]] bool has_tasks() const;  ///< two different ones at least
};

[[nodiscard]] PairedRows paired_rows(const OutcomeSet& set, std::size_t weak, std::size_t strong);

/// The models of lowest and highest mean quality (of a ladder its first and last; by place when equal).
struct ModelPair {
  std::size_t weak = 0;
  std::size_t strong = 0;
};
[[nodiscard]] ModelPair usual_pair(const OutcomeSet& set);

/// Mean quality of a model over the rows that it answered.
[[nodiscard]] double mean_quality(const OutcomeSet& set, std::size_t model);

/// The fold, in [0, folds), of a row: by the hash of its text (its id when it has none) and the seed, so that copies of a text are on one
/// side and the order of rows does not matter.
[[nodiscard]] std::size_t fold_of(const OutcomeRow& row, std::size_t folds, std::uint64_t seed);

}  // namespace suffice::lab
