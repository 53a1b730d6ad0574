#include "learned/calibration_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace suffice::learned {

std::vector<ReliabilityBin> reliability(std::span<const Outcome> outcomes, int bins) {
  std::vector<ReliabilityBin> table(static_cast<std::size_t>(std::max(1, bins)));
  const auto width = 1 / static_cast<double>(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i].low = static_cast<double>(i) * width;
    table[i].high = static_cast<double>(i + 1) * width;
  }
  for (const Outcome& outcome : outcomes) {
    const double place = std::floor(outcome.confidence * static_cast<double>(table.size()));
    const double last = static_cast<double>(table.size() - 1);
    ReliabilityBin& bin = table[static_cast<std::size_t>(std::clamp(place, 0.0, last))];
    ++bin.rows;
    bin.correct += outcome.correct ? 1 : 0;
    bin.confidence_sum += outcome.confidence;
  }
  return table;
}

double expected_calibration_error(std::span<const Outcome> outcomes, int bins) {
  if (outcomes.empty()) return 0;
  double sum = 0;
  for (const ReliabilityBin& bin : reliability(outcomes, bins)) {
    sum += std::abs(static_cast<double>(bin.correct) - bin.confidence_sum);
  }
  return sum / static_cast<double>(outcomes.size());
}

double brier_score(std::span<const Outcome> outcomes) {
  if (outcomes.empty()) return 0;
  double sum = 0;
  for (const Outcome& outcome : outcomes) {
    const double distance = outcome.confidence - (outcome.correct ? 1 : 0);
    sum += distance * distance;
  }
  return sum / static_cast<double>(outcomes.size());
}

double auroc(std::span<const Outcome> outcomes) {
  std::vector<Outcome> sorted(outcomes.begin(), outcomes.end());
  std::ranges::sort(sorted, {}, &Outcome::confidence);
  double won = 0;  // pairs of a right and a wrong answer that the confidence orders well
  double wrong_below = 0;
  double right = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    double right_here = 0;
    for (; end < sorted.size() && sorted[end].confidence == sorted[begin].confidence; ++end) {
      right_here += sorted[end].correct ? 1 : 0;
    }
    const double wrong_here = static_cast<double>(end - begin) - right_here;
    won += right_here * (wrong_below + wrong_here / 2);
    wrong_below += wrong_here;
    right += right_here;
    begin = end;
  }
  if (right == 0 || wrong_below == 0) return std::numeric_limits<double>::quiet_NaN();
  return won / (right * wrong_below);
}

}  // namespace suffice::learned
