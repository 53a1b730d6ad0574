#pragma once
// Fits linear classifiers, through liblinear.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "learned/linear_classifier.hpp"

namespace suffice::learned {

/// A text and the label it ought to get.
struct LabelledText {
  std::string text;
  std::string label;
};

struct FitOptions {
  FeatureSpec spec = {};
  double cost = 10;                ///< liblinear's C: how much an error weighs against small weights
  double tolerance = 0.01;         ///< liblinear's stopping criterion
  int document_frequency_min = 2;  ///< n-grams of fewer texts are left out
  unsigned threads = 1;            ///< labels are fitted side by side
  Provenance provenance = {};      ///< `examples` and `cost` are filled in
  /// Told after each label; false ends the fit with Cancelled. One thread at a time.
  std::function<bool(std::size_t labels_done, std::size_t labels)> progress = {};
};

/// The classifier of `examples`, labels in byte order. The same examples in the same order give the same file, whatever the threads.
/// Errors: InvalidArgument (fewer than two labels, more than 65,535, spec out of range), Cancelled.
[[nodiscard]] Result<std::string> fit_classifier(std::span<const LabelledText> examples, const FitOptions& options);

}  // namespace suffice::learned
