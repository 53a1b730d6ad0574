// Every order of models and every threshold of the grid, from sums over the cells of the grid instead of over rows.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "lab/ladder/ladder.hpp"

namespace suffice::lab {
namespace {

constexpr double kSame = 1e-12;  // sums in another order differ by less
constexpr double kDiffer = 0.5;  // one right, the other wrong
constexpr std::size_t kRungsMax = 3;
constexpr std::size_t kCutsMax = 200;

/// The thresholds of one model, rising, and where each row falls: in bin b are the scores from cut b - 1 up to cut b.
struct Binned {
  std::vector<double> cuts;
  std::vector<std::size_t> bin;  ///< by place among the search's rows
};

/// Bins [low, high) go on to the next model; high and above are accepted, below low are hopeless.
struct Window {
  std::size_t low = 0;
  std::size_t high = 0;
};

std::vector<double> quantile_cuts(std::vector<double> scores, std::size_t count) {
  std::ranges::sort(scores);
  std::vector<double> cuts;
  for (std::size_t i = 1; i < count; ++i) {
    const double cut = scores[i * scores.size() / count];
    if (cut > scores.front() && (cuts.empty() || cut > cuts.back())) cuts.push_back(cut);
  }
  // A score of few values may have a top that no quantile falls on.
  if (scores.back() > scores.front() && (cuts.empty() || scores.back() > cuts.back())) cuts.push_back(scores.back());
  return cuts;
}

}  // namespace

/// One search. Sums are over the rows of the search; means are taken when a point is offered.
class LadderWalk {
 public:
  LadderWalk(const LadderData& data, std::span<const std::size_t> rows, const SearchOptions& options,
             LadderSearch& search)
      : data_(data), rows_(rows), options_(options), search_(search) {
    for (std::size_t model = 0; model < data.models.size(); ++model) {
      binned_.push_back(bin(model));
      windows_.push_back(windows(binned_.back().cuts.size()));
    }
    find_disagreement();
  }

  /// False when it was stopped.
  bool run() {
    const std::size_t models = data_.models.size();
    for (std::size_t first = 0; first < models; ++first) {
      if (options_.progress && !options_.progress(static_cast<double>(first) / static_cast<double>(models)))
        return false;
      try_single(first);
    }
    for (std::size_t first = 0; first < models && options_.rungs_max > 1; ++first) {
      if (options_.progress && !options_.progress(static_cast<double>(first) / static_cast<double>(models)))
        return false;
      try_longer(first);
    }
    return true;
  }

 private:
  using Sums = std::vector<double>;

  [[nodiscard]] double quality(std::size_t i, std::size_t model) const {
    return data_.quality[data_.at(rows_[i], model)];
  }
  [[nodiscard]] double cost(std::size_t i, std::size_t model) const { return data_.cost[data_.at(rows_[i], model)]; }

  Binned bin(std::size_t model) const {
    Binned binned;
    if (!data_.scored[model]) return binned;
    std::vector<double> scores(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) scores[i] = data_.score[data_.at(rows_[i], model)];
    binned.cuts = quantile_cuts(scores, options_.cuts);
    for (const double score : scores) {
      binned.bin.push_back(
          static_cast<std::size_t>(std::ranges::upper_bound(binned.cuts, score) - binned.cuts.begin()));
    }
    return binned;
  }

  [[nodiscard]] std::vector<Window> windows(std::size_t cuts) const {
    std::vector<Window> all;
    for (std::size_t high = 1; high <= cuts; ++high) {
      for (std::size_t low = 0; low < (options_.keep_hopeless ? high : 1); ++low)
        all.push_back({.low = low, .high = high});
    }
    return all;
  }

  void find_disagreement() {
    const std::size_t models = data_.models.size();
    disagreement_.assign(models * models, 0);
    for (std::size_t a = 0; a < models; ++a) {
      for (std::size_t b = 0; b < models; ++b) {
        std::size_t differ = 0;
        for (std::size_t i = 0; i < rows_.size(); ++i)
          differ += std::abs(quality(i, a) - quality(i, b)) >= kDiffer ? 1 : 0;
        disagreement_[a * models + b] = static_cast<double>(differ) / static_cast<double>(rows_.size());
      }
    }
  }

  [[nodiscard]] bool differ(std::size_t a, std::size_t b) const {
    return disagreement_[a * data_.models.size() + b] >= options_.disagreement_min;
  }

  [[nodiscard]] Rung rung(std::size_t model, Window window) const {
    Rung rung{.model = model, .accept_min = binned_[model].cuts[window.high - 1]};
    if (window.low > 0) rung.keep_below = binned_[model].cuts[window.low - 1];
    return rung;
  }

  /// `make` builds the ladder, only where it is wanted: millions are not.
  template <class Make>
  void offer(double quality_sum, double cost_sum, const Make& make) {
    const auto rows = static_cast<double>(rows_.size());
    const double mean_quality = quality_sum / rows;
    const double mean_cost = cost_sum / rows;
    if (search_.wanted(mean_quality, mean_cost))
      search_.insert(LadderPoint{.ladder = make(), .quality = mean_quality, .cost = mean_cost});
  }

  void try_single(std::size_t model) {
    ++search_.ladders_;
    double quality_sum = 0;
    double cost_sum = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) quality_sum += quality(i, model), cost_sum += cost(i, model);
    offer(quality_sum, cost_sum, [&] { return Ladder{.rungs = {Rung{.model = model}}}; });
  }

  void try_longer(std::size_t first) {
    const std::size_t models = data_.models.size();
    if (windows_[first].empty()) return;
    for (std::size_t second = 0; second < models; ++second) {
      if (second == first) continue;
      if (!differ(first, second)) {
        ++search_.pruned_;
        continue;
      }
      ++search_.ladders_;
      try_two(first, second);
      for (std::size_t third = 0; third < models && options_.rungs_max > 2 && !windows_[second].empty(); ++third) {
        if (third == first || third == second) continue;
        if (!differ(second, third) || !differ(first, third)) {
          ++search_.pruned_;
          continue;
        }
        ++search_.ladders_;
        try_three(first, second, third);
      }
    }
  }

  /// Sums by bin of `first`, as prefix sums: entry b holds the bins below b.
  template <class Get>
  [[nodiscard]] Sums prefix(std::size_t first, const Get& get) const {
    const Binned& binned = binned_[first];
    Sums sums(binned.cuts.size() + 2, 0);
    for (std::size_t i = 0; i < rows_.size(); ++i) sums[binned.bin[i] + 1] += get(i);
    for (std::size_t b = 1; b < sums.size(); ++b) sums[b] += sums[b - 1];
    return sums;
  }

  void prepare_two(std::size_t first, std::size_t second) {
    gain_ = prefix(first, [&](std::size_t i) { return quality(i, second) - quality(i, first); });
    paid_ = prefix(first, [&](std::size_t i) { return cost(i, second); });
    quality_base_ = 0;
    cost_base_ = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) quality_base_ += quality(i, first), cost_base_ += cost(i, first);
  }

  void try_two(std::size_t first, std::size_t second) {
    prepare_two(first, second);
    for (const Window& window : windows_[first]) {
      offer(quality_base_ + gain_[window.high] - gain_[window.low], cost_base_ + paid_[window.high] - paid_[window.low],
            [&] { return Ladder{.rungs = {rung(first, window), Rung{.model = second}}}; });
    }
  }

  /// Over the cells (bin of first, bin of second), as two-dimensional prefix sums.
  void fill_cells(std::size_t first, std::size_t second, std::size_t third) {
    const Binned& a = binned_[first];
    const Binned& b = binned_[second];
    width_ = b.cuts.size() + 2;
    const std::size_t height = a.cuts.size() + 2;
    gain_cells_.assign(width_ * height, 0);
    paid_cells_.assign(width_ * height, 0);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::size_t cell = (a.bin[i] + 1) * width_ + b.bin[i] + 1;
      gain_cells_[cell] += quality(i, third) - quality(i, second);
      paid_cells_[cell] += cost(i, third);
    }
    for (std::size_t y = 1; y < height; ++y) {
      for (std::size_t x = 1; x < width_; ++x) {
        const std::size_t cell = y * width_ + x;
        gain_cells_[cell] += gain_cells_[cell - 1] + gain_cells_[cell - width_] - gain_cells_[cell - width_ - 1];
        paid_cells_[cell] += paid_cells_[cell - 1] + paid_cells_[cell - width_] - paid_cells_[cell - width_ - 1];
      }
    }
  }

  [[nodiscard]] double in(const Sums& cells, Window y, Window x) const {
    return cells[y.high * width_ + x.high] - cells[y.low * width_ + x.high] - cells[y.high * width_ + x.low] +
           cells[y.low * width_ + x.low];
  }

  void try_three(std::size_t first, std::size_t second, std::size_t third) {
    fill_cells(first, second, third);
    for (const Window& one : windows_[first]) {
      const double quality_two = quality_base_ + gain_[one.high] - gain_[one.low];
      const double cost_two = cost_base_ + paid_[one.high] - paid_[one.low];
      for (const Window& two : windows_[second]) {
        offer(quality_two + in(gain_cells_, one, two), cost_two + in(paid_cells_, one, two),
              [&] { return Ladder{.rungs = {rung(first, one), rung(second, two), Rung{.model = third}}}; });
      }
    }
  }

  const LadderData& data_;
  std::span<const std::size_t> rows_;
  const SearchOptions& options_;
  LadderSearch& search_;
  std::vector<Binned> binned_;
  std::vector<std::vector<Window>> windows_;  ///< by model
  std::vector<double> disagreement_;
  // Of the two models at hand.
  double quality_base_ = 0;
  double cost_base_ = 0;
  Sums gain_;
  Sums paid_;
  // Of the three at hand.
  std::size_t width_ = 0;
  Sums gain_cells_;
  Sums paid_cells_;
};

bool LadderSearch::wanted(double quality, double cost) const {
  // The points up to this cost; the last of them is the best of them.
  const auto after = std::ranges::upper_bound(frontier_, cost + kSame, {}, &LadderPoint::cost);
  return after == frontier_.begin() || std::prev(after)->quality < quality - kSame;
}

void LadderSearch::insert(LadderPoint point) {
  const auto from = std::ranges::lower_bound(frontier_, point.cost - kSame, {}, &LadderPoint::cost);
  const auto to =
      std::find_if(from, frontier_.end(), [&](const LadderPoint& p) { return p.quality > point.quality + kSame; });
  const auto place = frontier_.erase(from, to);
  frontier_.insert(place, std::move(point));
}

Result<LadderSearch> LadderSearch::run(const LadderData& data, std::span<const std::size_t> rows,
                                       const SearchOptions& options) {
  if (rows.empty() || data.models.empty()) return fail(ErrorCode::InvalidArgument, "no rows to learn a ladder from");
  if (options.rungs_max < 1 || options.rungs_max > kRungsMax)
    return fail(ErrorCode::InvalidArgument, "a ladder has 1 to 3 models", "--rungs");
  if (options.cuts < 2 || options.cuts > kCutsMax)
    return fail(ErrorCode::InvalidArgument, "2 to 200 quantiles can be tried", "--thresholds");
  LadderSearch search;
  if (!LadderWalk(data, rows, options, search).run()) return fail(ErrorCode::Cancelled, "stopped");
  return search;
}

std::optional<LadderPoint> LadderSearch::best_within(double budget) const {
  const auto after = std::ranges::upper_bound(frontier_, budget + kSame, {}, &LadderPoint::cost);
  if (after == frontier_.begin()) return std::nullopt;
  return *std::prev(after);
}

std::optional<LadderPoint> LadderSearch::cheapest_reaching(double quality) const {
  const auto found = std::ranges::lower_bound(frontier_, quality - kSame, {}, &LadderPoint::quality);
  if (found == frontier_.end()) return std::nullopt;
  return *found;
}

}  // namespace suffice::lab
