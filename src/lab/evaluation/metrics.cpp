#include "lab/evaluation/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/random.hpp"

namespace suffice::lab {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kConfidence = 0.95;
// Of PGR: sums of thousands of qualities are right to about this.
constexpr double kRounding = 1e-12;

}  // namespace

std::optional<TwoByTwo> two_by_two(const Pair& pair) {
  TwoByTwo counts;
  for (std::size_t i = 0; i < pair.rows(); ++i) {
    const double weak = pair.weak[i];
    const double strong = pair.strong[i];
    if ((weak != 0 && weak != 1) || (strong != 0 && strong != 1)) return std::nullopt;
    std::size_t& count = weak == 1 ? (strong == 1 ? counts.both : counts.only_weak)
                                   : (strong == 1 ? counts.only_strong : counts.neither);
    ++count;
  }
  return counts;
}

double Curve::at(double share) const {
  const auto after = std::ranges::upper_bound(points_, share, {}, &Point::share);
  if (after == points_.end()) return strong();
  if (after == points_.begin()) return weak();
  const Point& from = *(after - 1);
  return from.quality + (after->quality - from.quality) * (share - from.share) / (after->share - from.share);
}

double Curve::pgr(double share) const {
  const double gap = strong() - weak();
  return gap == 0 ? kNan : (at(share) - weak()) / gap;
}

double Curve::apgr() const {
  const double gap = strong() - weak();
  if (gap == 0) return kNan;
  double area = 0;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    area += (points_[i].share - points_[i - 1].share) * (points_[i].quality + points_[i - 1].quality) / 2;
  }
  return (area - weak()) / gap;
}

std::optional<double> Curve::cpt(double x) const {
  const double gap = strong() - weak();
  if (gap == 0) return std::nullopt;
  double before = 0;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const double here = (points_[i].quality - weak()) / gap;
    if (here >= x - kRounding) {
      if (i == 0 || here <= before) return points_[i].share;
      const double part = std::min(1.0, (x - before) / (here - before));
      return points_[i - 1].share + part * (points_[i].share - points_[i - 1].share);
    }
    before = here;
  }
  return std::nullopt;
}

Ranking::Ranking(const Pair& pair, std::span<const double> score) : pair_(pair), group_(score.size()) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && score[order[i]] != score[order[i - 1]]) ++groups_;
    group_[order[i]] = groups_;
  }
  if (!order.empty()) ++groups_;
}

Curve Ranking::curve() const { return curve_of(std::vector<std::uint32_t>(group_.size(), 1)); }

Curve Ranking::curve(std::span<const std::size_t> drawn) const {
  std::vector<std::uint32_t> times(group_.size(), 0);
  for (const std::size_t row : drawn) ++times[row];
  return curve_of(times);
}

Curve Ranking::curve_of(std::span<const std::uint32_t> times) const {
  struct Group {
    double rows = 0;
    double gain = 0;
  };
  std::vector<Group> groups(groups_);
  double rows = 0;
  double quality = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double weight = times[i];
    rows += weight;
    quality += weight * pair_.weak[i];
    groups[group_[i]].rows += weight;
    groups[group_[i]].gain += weight * (pair_.strong[i] - pair_.weak[i]);
  }
  std::vector<Curve::Point> points;
  points.reserve(groups.size() + 1);
  points.push_back({.share = 0, .quality = quality / rows});
  double asked = 0;
  for (const Group& group : groups) {
    if (group.rows == 0) continue;
    asked += group.rows;
    quality += group.gain;
    points.push_back({.share = asked / rows, .quality = quality / rows});
  }
  return Curve(std::move(points));
}

std::vector<double> oracle_score(const Pair& pair) {
  std::vector<double> gain(pair.rows());
  for (std::size_t i = 0; i < gain.size(); ++i) gain[i] = pair.strong[i] - pair.weak[i];
  return gain;
}

RouterFigures router_figures(const Pair& pair, std::span<const double> score, int repetitions, std::uint64_t seed) {
  const Ranking ranking(pair, score);
  const Curve curve = ranking.curve();
  RouterFigures figures;
  figures.apgr.value = curve.apgr();
  figures.apgr.interval = learned::bootstrap(
      pair.rows(), [&](std::span<const std::size_t> drawn) { return ranking.curve(drawn).apgr(); }, repetitions, seed,
      kConfidence);
  const auto threshold = [&](double x, double& unreached) {
    int none = 0;
    Figure figure{.value = curve.cpt(x).value_or(kNan)};
    figure.interval = learned::bootstrap(
        pair.rows(),
        [&](std::span<const std::size_t> drawn) {
          const std::optional<double> share = ranking.curve(drawn).cpt(x);
          if (!share) ++none;
          return share.value_or(kNan);
        },
        repetitions, seed, kConfidence);
    unreached = repetitions > 0 ? static_cast<double>(none) / repetitions : 0;
    return figure;
  };
  figures.cpt50 = threshold(0.5, figures.cpt50_unreached);
  figures.cpt80 = threshold(0.8, figures.cpt80_unreached);
  return figures;
}

RandomBaseline random_baseline(const Pair& pair, int runs, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<double> score(pair.rows());
  double sum = 0;
  double squares = 0;
  for (int run = 0; run < runs; ++run) {
    for (double& value : score) value = random.uniform();
    const double apgr = Ranking(pair, score).curve().apgr();
    sum += apgr;
    squares += apgr * apgr;
  }
  const double mean = sum / runs;
  const double variance = runs > 1 ? (squares - sum * mean) / (runs - 1) : 0;
  return {.mean = mean, .deviation = std::sqrt(std::max(0.0, variance)), .runs = runs};
}

std::vector<SweepPoint> threshold_sweep(std::span<const double> quality, std::span<const double> confidence,
                                        std::size_t points_max) {
  std::vector<std::size_t> order(quality.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return confidence[a] > confidence[b]; });
  std::vector<SweepPoint> points;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (quality[order[i]] >= 0.5) ++right;
    if (i + 1 < order.size() && confidence[order[i + 1]] == confidence[order[i]]) continue;
    const std::size_t accepted = i + 1;
    points.push_back({.threshold = confidence[order[i]],
                      .accepted = accepted,
                      .acceptance = static_cast<double>(accepted) / static_cast<double>(order.size()),
                      .accuracy = static_cast<double>(right) / static_cast<double>(accepted),
                      .band = learned::Interval{.low = static_cast<double>(right), .high = 0}});
  }
  std::ranges::reverse(points);
  if (points_max > 0 && points.size() > points_max) {
    std::vector<SweepPoint> some;
    some.reserve(points_max);
    for (std::size_t i = 0; i < points_max; ++i)
      some.push_back(points[i * (points.size() - 1) / std::max<std::size_t>(points_max - 1, 1)]);
    points = std::move(some);
  }
  for (SweepPoint& point : points) {
    point.band = learned::clopper_pearson(static_cast<std::int64_t>(point.band.low),
                                          static_cast<std::int64_t>(point.accepted), kConfidence);
  }
  return points;
}

}  // namespace suffice::lab
