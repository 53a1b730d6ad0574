// Cascades: what a gate keeps, what it serves wrongly, what that costs.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lab/evaluation/metrics.hpp"

namespace suffice::lab {
namespace {

constexpr double kConfidence = 0.95;
constexpr double kRight = 0.5;

Figure exact_share(std::size_t k, std::size_t n) {
  const double value =
      n == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(k) / static_cast<double>(n);
  return {
      .value = value,
      .interval = learned::clopper_pearson(static_cast<std::int64_t>(k), static_cast<std::int64_t>(n), kConfidence)};
}

/// A statistic of rows, of all of them and with its bootstrap.
template <class Statistic>
Figure bootstrapped(std::size_t rows, const Statistic& statistic, int repetitions, std::uint64_t seed) {
  std::vector<std::size_t> all(rows);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {.value = statistic(std::span<const std::size_t>(all)),
          .interval = learned::bootstrap(rows, statistic, repetitions, seed, kConfidence)};
}

bool recorded(const Pair& pair, const CallCosts& costs) {
  return costs.weak.size() == pair.rows() && costs.strong.size() == pair.rows() && pair.rows() > 0;
}

/// Sums over some rows that every figure of money is made of.
struct Sums {
  double quality = 0;
  double cost = 0;
  double strong_quality = 0;
  double strong_cost = 0;
};

Sums sums_of(const Pair& pair, const std::vector<bool>& accepted, const CallCosts& costs,
             std::span<const std::size_t> rows) {
  Sums sums;
  for (const std::size_t i : rows) {
    sums.quality += accepted[i] ? pair.weak[i] : pair.strong[i];
    sums.cost += costs.weak[i] + costs.judge + (accepted[i] ? 0 : costs.strong[i]);
    sums.strong_quality += pair.strong[i];
    sums.strong_cost += costs.strong[i];
  }
  return sums;
}

void add_money(CascadeFigures& figures, const Pair& pair, const std::vector<bool>& accepted, const CallCosts& costs,
               int repetitions, std::uint64_t seed) {
  const auto rows = static_cast<double>(pair.rows());
  const double weak = std::accumulate(costs.weak.begin(), costs.weak.end(), 0.0);
  double strong = 0;
  double strong_all = 0;
  for (std::size_t i = 0; i < pair.rows(); ++i) {
    strong_all += costs.strong[i];
    if (!accepted[i]) strong += costs.strong[i];
  }
  figures.weak_cost = weak;
  figures.strong_cost = strong;
  figures.judge_cost = costs.judge * rows;
  figures.cost = weak + strong + costs.judge * rows;
  figures.weak_cost_per_success = weak / (figures.always_weak * rows);
  figures.strong_cost_per_success = strong_all / (figures.always_strong * rows);
  figures.cost_per_success = bootstrapped(
      pair.rows(),
      [&](std::span<const std::size_t> drawn) {
        const Sums sums = sums_of(pair, accepted, costs, drawn);
        return sums.cost / sums.quality;
      },
      repetitions, seed);
  figures.price_share = bootstrapped(
      pair.rows(),
      [&](std::span<const std::size_t> drawn) {
        const Sums sums = sums_of(pair, accepted, costs, drawn);
        return sums.cost / sums.quality / (sums.strong_cost / sums.strong_quality);
      },
      repetitions, seed);
}

}  // namespace

CascadeFigures cascade_figures(const Pair& pair, const std::vector<bool>& accepted, const CallCosts& costs,
                               int repetitions, std::uint64_t seed) {
  CascadeFigures figures;
  const std::size_t rows = pair.rows();
  figures.rows = rows;
  std::size_t wrong_kept = 0;
  std::size_t right_left = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool right = pair.weak[i] >= kRight;
    if (accepted[i]) {
      ++figures.accepted;
      if (!right) ++wrong_kept;
    } else if (right) {
      ++right_left;
    }
  }
  figures.acceptance = exact_share(figures.accepted, rows);
  figures.strong_calls = exact_share(rows - figures.accepted, rows);
  figures.false_accepts_of_all = exact_share(wrong_kept, rows);
  figures.false_accepts_accepted = exact_share(wrong_kept, figures.accepted);
  figures.false_rejects_of_all = exact_share(right_left, rows);
  figures.accuracy_accepted = exact_share(figures.accepted - wrong_kept, figures.accepted);
  if (!two_by_two(pair)) {
    figures.accuracy_accepted = bootstrapped(
        rows,
        [&](std::span<const std::size_t> drawn) {
          double sum = 0;
          double kept = 0;
          for (const std::size_t i : drawn) {
            if (accepted[i]) sum += pair.weak[i], kept += 1;
          }
          return sum / kept;
        },
        repetitions, seed);
  }
  figures.quality = bootstrapped(
      rows,
      [&](std::span<const std::size_t> drawn) {
        double sum = 0;
        for (const std::size_t i : drawn) sum += accepted[i] ? pair.weak[i] : pair.strong[i];
        return sum / static_cast<double>(drawn.size());
      },
      repetitions, seed);
  const Curve best = Ranking(pair, oracle_score(pair)).curve();
  figures.always_weak = best.weak();
  figures.always_strong = best.strong();
  const double share = figures.strong_calls.value;
  figures.random = best.weak() + share * (best.strong() - best.weak());
  figures.oracle = best.at(share);
  if (recorded(pair, costs)) add_money(figures, pair, accepted, costs, repetitions, seed);
  return figures;
}

std::optional<BreakEven> judge_break_even(const Pair& pair, const std::vector<bool>& accepted, const CallCosts& costs) {
  if (!recorded(pair, costs)) return std::nullopt;
  CallCosts without = costs;
  without.judge = 0;
  std::vector<std::size_t> all(pair.rows());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const Sums sums = sums_of(pair, accepted, without, all);
  const auto rows = static_cast<double>(pair.rows());
  return BreakEven{.per_success = (sums.strong_cost / sums.strong_quality * sums.quality - sums.cost) / rows,
                   .per_request = (sums.strong_cost - sums.cost) / rows};
}

}  // namespace suffice::lab
