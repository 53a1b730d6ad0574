#pragma once
// How far a measured figure may be from the truth: exact binomial tails, intervals of shares, the bootstrap of anything else.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace suffice::learned {

/// Ends included.
struct Interval {
  double low = 0;
  double high = 1;
  [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
  bool operator==(const Interval&) const = default;
};

/// P(X <= k) of X ~ Binomial(n, p), through the incomplete beta function. 0 for k < 0, 1 for k >= n; p is clamped to [0, 1]. Pure.
[[nodiscard]] double binomial_cdf(std::int64_t k, std::int64_t n, double p);

/// The exact interval of a share (Clopper and Pearson 1934): it covers the truth at least as often as `confidence` says, usually more
/// often. k of n; [0, 1] when n is 0. Two-sided: each end is wrong with at most (1 - confidence) / 2.
[[nodiscard]] Interval clopper_pearson(std::int64_t k, std::int64_t n, double confidence = 0.95);

/// Wilson's score interval (1927): shorter than the exact one and right on average, not always. [0, 1] when n is 0.
[[nodiscard]] Interval wilson(std::int64_t k, std::int64_t n, double confidence = 0.95);

/// Percentile bootstrap (Efron 1979) of any statistic of `n` rows: `statistic` gets n row numbers drawn with replacement, `repetitions`
/// times, and the middle `confidence` of its values is the interval. The same seed gives the same interval on every machine. Values that
/// are not numbers are left out; both ends are NaN when none is left or n is 0. Cost: `repetitions` calls of `statistic`.
[[nodiscard]] Interval bootstrap(std::size_t n, const std::function<double(std::span<const std::size_t>)>& statistic,
                                 int repetitions, std::uint64_t seed, double confidence = 0.95);

}  // namespace suffice::learned
