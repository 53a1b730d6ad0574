#include "learned/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>

#include "core/random.hpp"

namespace suffice::learned {
namespace {

/// Of sorted values, with linear interpolation (type 7 of Hyndman and Fan 1996, what numpy does).
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  p = std::clamp(p, 0.0, 1.0);
  return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p);
}

Interval clopper_pearson(std::int64_t k, std::int64_t n, double confidence) {
  if (n <= 0) return {};
  const double tail = (1 - confidence) / 2;
  const auto right = static_cast<double>(k);
  const auto wrong = static_cast<double>(n - k);
  return {.low = k <= 0 ? 0 : boost::math::ibeta_inv(right, wrong + 1, tail),
          .high = k >= n ? 1 : boost::math::ibetac_inv(right + 1, wrong, tail)};
}

Interval wilson(std::int64_t k, std::int64_t n, double confidence) {
  if (n <= 0) return {};
  const double z = std::sqrt(2.0) * boost::math::erf_inv(confidence);
  const auto of = static_cast<double>(n);
  const double share = static_cast<double>(k) / of;
  const double middle = (share + z * z / (2 * of)) / (1 + z * z / of);
  const double half = z / (1 + z * z / of) * std::sqrt(share * (1 - share) / of + z * z / (4 * of * of));
  return {.low = std::max(0.0, middle - half), .high = std::min(1.0, middle + half)};
}

Interval bootstrap(std::size_t n, const std::function<double(std::span<const std::size_t>)>& statistic, int repetitions,
                   std::uint64_t seed, double confidence) {
  SeededRandom random(seed);
  std::vector<std::size_t> rows(n);
  std::vector<double> values;
  for (int i = 0; n > 0 && i < repetitions; ++i) {
    for (std::size_t& row : rows) row = random.below(n);
    const double value = statistic(rows);
    if (!std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    return {.low = nothing, .high = nothing};
  }
  std::ranges::sort(values);
  return {.low = quantile(values, (1 - confidence) / 2), .high = quantile(values, (1 + confidence) / 2)};
}

}  // namespace suffice::learned
