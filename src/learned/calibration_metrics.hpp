#pragma once
// How far confidences are from the truth: reliability table, ECE, Brier score, AUROC.

#include <cstdint>
#include <span>
#include <vector>

namespace suffice::learned {

/// An answer with how sure its model was, and whether it was right.
struct Outcome {
  double confidence = 0;
  bool correct = false;
  bool operator==(const Outcome&) const = default;
};

/// One bar of a reliability diagram.
struct ReliabilityBin {
  double low = 0;  ///< the bin is [low, high), the last one [low, 1]
  double high = 1;
  std::int64_t rows = 0;
  std::int64_t correct = 0;
  double confidence_sum = 0;
  [[nodiscard]] double accuracy() const {
    return rows > 0 ? static_cast<double>(correct) / static_cast<double>(rows) : 0;
  }
  [[nodiscard]] double confidence() const { return rows > 0 ? confidence_sum / static_cast<double>(rows) : 0; }
};

/// Equal-width bins over [0, 1]; confidences outside count in the first or the last.
[[nodiscard]] std::vector<ReliabilityBin> reliability(std::span<const Outcome> outcomes, int bins = 10);

/// Expected calibration error (Naeini et al. 2015; Guo et al. 2017): mean over the rows of |accuracy - mean confidence| of their bin, ten
/// equal-width bins. 0 of no rows.
[[nodiscard]] double expected_calibration_error(std::span<const Outcome> outcomes, int bins = 10);

/// Mean squared distance between confidence and outcome (Brier 1950). 0 of no rows.
[[nodiscard]] double brier_score(std::span<const Outcome> outcomes);

/// Probability that a right answer has more confidence than a wrong one, ties counted half (Mann and Whitney 1947). NaN when there are
/// only right ones or only wrong ones.
[[nodiscard]] double auroc(std::span<const Outcome> outcomes);

}  // namespace suffice::learned
