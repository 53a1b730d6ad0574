#pragma once
// What a choice between two models is worth: curves, their summaries, cascades and the baselines beside them.
// RouteLLM (arXiv 2406.18665) defines PGR, APGR and CPT.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "learned/intervals.hpp"

namespace suffice::lab {

/// Two models' qualities in [0, 1] on the same requests, by row.
struct Pair {
  std::vector<double> weak;
  std::vector<double> strong;
  [[nodiscard]] std::size_t rows() const { return weak.size(); }
};

/// Who was right, where every quality is 0 or 1.
struct TwoByTwo {
  std::size_t both = 0;
  std::size_t only_strong = 0;
  std::size_t only_weak = 0;
  std::size_t neither = 0;
  bool operator==(const TwoByTwo&) const = default;
};

/// Nothing when some quality is neither 0 nor 1.
[[nodiscard]] std::optional<TwoByTwo> two_by_two(const Pair& pair);

/// Mean quality by the share of rows that the strong model answers, straight between its points. From (0, always weak) to
/// (1, always strong).
class Curve {
 public:
  struct Point {
    double share = 0;
    double quality = 0;
  };
  explicit Curve(std::vector<Point> points) : points_(std::move(points)) {}

  [[nodiscard]] const std::vector<Point>& points() const { return points_; }
  [[nodiscard]] double weak() const { return points_.front().quality; }
  [[nodiscard]] double strong() const { return points_.back().quality; }
  [[nodiscard]] double at(double share) const;
  /// (quality - weak) / (strong - weak); not a number when the models are equally good.
  [[nodiscard]] double pgr(double share) const;
  /// Mean PGR over shares 0 to 1, by the trapezoid rule over all points.
  [[nodiscard]] double apgr() const;
  /// Smallest share at which PGR is `x`, between points by straight lines; nothing when it never is.
  [[nodiscard]] std::optional<double> cpt(double x) const;

 private:
  std::vector<Point> points_;
};

/// The rows of a pair by falling score: the first is the first to go to the strong model.
///
/// Rows of equal score are one straight piece of the curve: what a random order among them gives on average. No figure depends on the
/// order of the rows.
class Ranking {
 public:
  Ranking(const Pair& pair, std::span<const double> score);
  [[nodiscard]] Curve curve() const;
  /// Of rows drawn with replacement, for the bootstrap.
  [[nodiscard]] Curve curve(std::span<const std::size_t> drawn) const;

 private:
  [[nodiscard]] Curve curve_of(std::span<const std::uint32_t> times) const;

  const Pair& pair_;
  std::vector<std::size_t> group_;  ///< by row: its place among the different scores, highest first
  std::size_t groups_ = 0;
};

/// By (strong - weak): the best any router can do. For right and wrong, quality(c) = w + min(c, only strong) - max(0, c - (1 - only weak)).
[[nodiscard]] std::vector<double> oracle_score(const Pair& pair);

/// A figure and its interval.
struct Figure {
  double value = 0;
  learned::Interval interval = {};
};

/// The figures of one router, each with a percentile bootstrap of 95 % over the rows.
struct RouterFigures {
  Figure apgr;
  Figure cpt50;  ///< not a number: unreached
  Figure cpt80;
  double cpt50_unreached = 0;  ///< share of the bootstrap's samples in which it is; the interval is of the others
  double cpt80_unreached = 0;
};

[[nodiscard]] RouterFigures router_figures(const Pair& pair, std::span<const double> score, int repetitions,
                                           std::uint64_t seed);

/// Mean and standard deviation of the APGR of random orders.
struct RandomBaseline {
  double mean = 0;
  double deviation = 0;
  int runs = 0;
};
[[nodiscard]] RandomBaseline random_baseline(const Pair& pair, int runs, std::uint64_t seed);

/// What calls cost, by row; empty where it was not recorded. `judge` is for every request.
struct CallCosts {
  std::vector<double> weak;
  std::vector<double> strong;
  double judge = 0;
};

/// A cascade: the weak model answers, a gate accepts or not, the strong model answers what is not accepted.
struct CascadeFigures {
  std::size_t rows = 0;
  std::size_t accepted = 0;
  Figure acceptance;              ///< share of all that the weak model keeps; exact interval
  Figure accuracy_accepted;       ///< mean quality of what is kept; exact for right and wrong, else bootstrap
  Figure false_accepts_of_all;    ///< kept and wrong, of all traffic; quality below 1/2 is wrong
  Figure false_accepts_accepted;  ///< kept and wrong, of what is kept
  Figure false_rejects_of_all;    ///< right and not kept, of all traffic
  Figure quality;                 ///< of what is served; bootstrap
  Figure strong_calls;            ///< share of all; exact
  // Beside it, at the same share of strong calls.
  double always_weak = 0;
  double always_strong = 0;
  double random = 0;  ///< expected
  double oracle = 0;
  // Money, where recorded: totals over all rows in USD.
  std::optional<double> weak_cost;    ///< every request
  std::optional<double> strong_cost;  ///< only those not kept
  std::optional<double> judge_cost;
  std::optional<double> cost;
  std::optional<Figure> cost_per_success;  ///< total cost / sum of quality; bootstrap
  std::optional<double> weak_cost_per_success;
  std::optional<double> strong_cost_per_success;
  std::optional<Figure> price_share;  ///< cost per success over that of always-strong; bootstrap
};

/// `accepted` by row.
[[nodiscard]] CascadeFigures cascade_figures(const Pair& pair, const std::vector<bool>& accepted,
                                             const CallCosts& costs, int repetitions, std::uint64_t seed);

/// The price of one judge call, in USD, at which a cascade costs as much as always asking the strong model, per success
/// (`per_success`) and per request. Nothing without recorded costs; negative: it is dearer already.
struct BreakEven {
  double per_success = 0;
  double per_request = 0;
};
[[nodiscard]] std::optional<BreakEven> judge_break_even(const Pair& pair, const std::vector<bool>& accepted,
                                                        const CallCosts& costs);

/// One threshold of a sweep: what is kept at `confidence >= threshold`, and how good it is, with the exact band of 95 %.
struct SweepPoint {
  double threshold = 0;
  std::size_t accepted = 0;
  double acceptance = 0;
  double accuracy = 0;  ///< share of right (quality >= 1/2) among the kept
  learned::Interval band = {};
};
/// At every different confidence, at most `points_max` of them evenly by rank, laxest first.
[[nodiscard]] std::vector<SweepPoint> threshold_sweep(std::span<const double> quality,
                                                      std::span<const double> confidence, std::size_t points_max);

}  // namespace suffice::lab
