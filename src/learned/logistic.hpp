#pragma once
// Logistic regression over a handful of numbers: the correctness model of the gate, Platt's scaling, routers over few features.
// Texts have linear_classifier.hpp.

#include <span>
#include <vector>

namespace suffice::learned {

/// P(y = 1 | x) = 1 / (1 + exp(-(bias + sum of weight * (x - mean) / scale))). A value; any thread.
struct Logistic {
  std::vector<double> mean;    ///< by input
  std::vector<double> scale;   ///< by input; > 0, and 1 for one that never changed
  std::vector<double> weight;  ///< by input, of the standardised one
  double bias = 0;

  /// The exponent above, for who wants it unsquashed. `x` has one number an input.
  [[nodiscard]] double log_odds(std::span<const double> x) const;
  /// In [0, 1].
  [[nodiscard]] double probability(std::span<const double> x) const;
  bool operator==(const Logistic&) const = default;
};

/// Least log loss plus l2 / 2 * |weight|^2, by Newton's method with halved steps; deterministic. `y` holds 0 and 1, one a row of `x`;
/// rows are equally long and finite. l2 > 0 keeps separable data finite (the bias has a thousandth of it, so that labels of one kind
/// do as well). No rows: bias 0, no weights. Cost: rows * inputs^2 a step, a few dozen steps at most.
[[nodiscard]] Logistic fit_logistic(std::span<const std::vector<double>> x, std::span<const int> y, double l2 = 1);

/// 1 / (1 + exp(-x)), without overflow.
[[nodiscard]] double sigmoid(double x);

}  // namespace suffice::learned
