#pragma once
// What reviewed answers do to a certified threshold: raised by mistakes, lowered again by right ones, and withdrawn when the mistakes show
// that the traffic is no longer what was certified. Pure functions of values.

#include <cstdint>

namespace suffice::learned {

struct MonitorTerms {
  double threshold_certified = 1;  ///< never served below it
  double false_accept_max = 0.05;  ///< among accepted, as certified
  double step = 0.01;              ///< how far one reviewed answer moves the threshold at most
  double confidence =
      0.99;  ///< a task that keeps its bound is withdrawn in a block of reviews with at most 1 - confidence
  std::int64_t block = 500;  ///< reviews; then counting begins anew, so that a long good time does not hide a bad one
  std::int64_t reviews_min = 10;  ///< before the first look
};

struct MonitorState {
  double threshold = 1;      ///< in force; start with the certified one
  std::int64_t reviews = 0;  ///< of this block
  std::int64_t defects = 0;  ///< of these: accepted and wrong
  std::int64_t looks = 0;    ///< tests made in this block
  bool withdrawn = false;    ///< stays so until a new certificate comes
  bool operator==(const MonitorState&) const = default;
};

[[nodiscard]] MonitorState begin_monitoring(const MonitorTerms& terms);

/// One accepted answer was reviewed.
///
/// Correction is the step of adaptive conformal inference (Gibbs and Candes 2021), threshold += step * (defect - false_accept_max), kept
/// within [certified, 1]. As long as it stays below 1, at most false_accept_max + (1 - certified) / (step * N) of N reviewed answers are
/// defects, however the traffic drifts. Withdrawal: the exact lower bound (Clopper and Pearson, one-sided) of the block's defects is above the
/// bound. Looks are made at 10, 12, 15, ... reviews (a quarter more each time), the k-th with (1 - confidence) / (k * (k + 1)) of error, so
/// that all looks of a block together err no oftener than once says.
[[nodiscard]] MonitorState observe(const MonitorTerms& terms, MonitorState state, bool defect);

}  // namespace suffice::learned
