#pragma once
// Certified thresholds: Learn-then-Test (Angelopoulos et al. 2021) by exact binomial tests along a fixed sequence of thresholds.
// decisions/0022 says what is proved, and of what.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "learned/calibration_metrics.hpp"

namespace suffice::learned {

/// What a false accept is a share of. Stored by name: never rename.
///   accepted     wrong answers among those that are accepted: what a caller of a local answer meets
///   all_traffic  accepted wrong answers among all requests: what the service as a whole lets through; never more than the other
enum class RiskUnit : std::uint8_t { Accepted, AllTraffic };
[[nodiscard]] std::string_view name(RiskUnit unit) noexcept;
[[nodiscard]] std::optional<RiskUnit> risk_unit(std::string_view name) noexcept;

/// "At most `false_accept_max` are wrong" is to hold with probability `confidence` over the draw of the labelled rows.
struct CertificationTerms {
  double false_accept_max = 0.05;
  double confidence = 0.95;
  RiskUnit unit = RiskUnit::Accepted;
  bool operator==(const CertificationTerms&) const = default;
};

/// Fewest rows that can certify anything, with not one wrong among them: 59 for 5 % at 95 %, 299 for 1 %.
[[nodiscard]] std::int64_t rows_needed_without_failures(const CertificationTerms& terms);

/// Thresholds from strict to lax, to be tested on `rows` rows: those that accept 50 evenly spread shares of `confidences`, the strictest one
/// accepting about as many of `rows` as still certify with six wrong among them (half of them at most). Never look at the
/// outcomes, nor at the confidences, of the rows that are tested: then each test is exact. Empty when `rows` cannot certify anything.
[[nodiscard]] std::vector<double> threshold_grid(std::span<const double> confidences, std::int64_t rows,
                                                 const CertificationTerms& terms);

/// One threshold's test.
struct ThresholdTest {
  double threshold = 0;
  std::int64_t accepted = 0;  ///< rows with at least this confidence
  std::int64_t failures = 0;  ///< wrong ones among them
  double p_value = 1;         ///< P(Bin(n, false_accept_max) <= failures); n: accepted, or all rows for AllTraffic
  bool certified = false;
};

struct Certification {
  std::vector<ThresholdTest>
      tests;  ///< by threshold of the grid; those after the first that failed are for looking at only
  std::int64_t rows = 0;
  std::optional<ThresholdTest> threshold;  ///< the laxest certified
  std::string refusal;                     ///< why there is none; for people
  /// Refused: about how many rows more would certify something, were the rates seen here the true ones. Nothing when no number would.
  std::optional<std::int64_t> more_rows;
};

/// Tests `grid` in its order and certifies while the p-value is at most 1 - confidence; stops at the first that fails. The probability
/// that a threshold with more risk than false_accept_max is certified is then at most 1 - confidence, whatever the confidences are worth,
/// if `rows` are exchangeable with the traffic and the grid was fixed without them. Pure; O(rows log rows).
[[nodiscard]] Certification certify(std::span<const Outcome> rows, std::span<const double> grid,
                                    const CertificationTerms& terms);

}  // namespace suffice::learned
