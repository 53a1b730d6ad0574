#include "lab/evaluation/paired.hpp"

#include <algorithm>
#include <set>

#include "learned/split.hpp"

namespace suffice::lab {

bool PairedRows::has_texts() const {
  return !rows.empty() && std::ranges::none_of(rows, [](const OutcomeRow* row) { return row->text.empty(); });
}

bool PairedRows::has_tasks() const {
  return !rows.empty() &&
         std::ranges::any_of(rows, [&](const OutcomeRow* row) { return row->task != rows.front()->task; });
}

PairedRows paired_rows(const OutcomeSet& set, std::size_t weak, std::size_t strong) {
  PairedRows paired{.weak = weak, .strong = strong, .rows = {}, .pair = {}, .costs = {}};
  bool costs = true;
  for (const OutcomeRow& row : set.rows) {
    const auto& small = row.models[weak];
    const auto& large = row.models[strong];
    if (!small || !large) continue;
    paired.rows.push_back(&row);
    paired.pair.weak.push_back(small->quality);
    paired.pair.strong.push_back(large->quality);
    costs = costs && small->cost_usd && large->cost_usd;
    if (!costs) continue;
    paired.costs.weak.push_back(*small->cost_usd);
    paired.costs.strong.push_back(*large->cost_usd);
  }
  if (!costs) paired.costs = {};
  return paired;
}

double mean_quality(const OutcomeSet& set, std::size_t model) {
  double sum = 0;
  double rows = 0;
  for (const OutcomeRow& row : set.rows) {
    if (row.models[model]) sum += row.models[model]->quality, rows += 1;
  }
  return rows == 0 ? 0 : sum / rows;
}

ModelPair usual_pair(const OutcomeSet& set) {
  ModelPair pair{.weak = 0, .strong = set.models.size() - 1};
  if (set.shape == OutcomeShape::Ladder) return pair;
  double low = 2;
  double high = -1;
  for (std::size_t i = 0; i < set.models.size(); ++i) {
    const double mean = mean_quality(set, i);
    if (mean < low) low = mean, pair.weak = i;
    if (mean >= high) high = mean, pair.strong = i;
  }
  return pair;
}

std::size_t fold_of(const OutcomeRow& row, std::size_t folds, std::uint64_t seed) {
  const double place = learned::place_of(row.text.empty() ? row.id : row.text, seed);
  return std::min(folds - 1, static_cast<std::size_t>(place * static_cast<double>(folds)));
}

}  // namespace suffice::lab
