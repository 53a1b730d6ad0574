#include "lab/ladder/ladder.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace suffice::lab {
namespace {

/// What was served, by place among the rows.
struct ServedRows {
  std::vector<double> quality;
  std::vector<double> cost;

  void add(double row_quality, double row_cost) {
    quality.push_back(row_quality);
    cost.push_back(row_cost);
  }
};

double mean_of(const std::vector<double>& values, std::span<const std::size_t> drawn) {
  double sum = 0;
  for (const std::size_t i : drawn) sum += values[i];
  return sum / static_cast<double>(drawn.size());
}

template <class Statistic>
Figure figure_of(std::size_t rows, const Statistic& statistic, int repetitions, std::uint64_t seed) {
  std::vector<std::size_t> all(rows);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {.value = statistic(std::span<const std::size_t>(all)),
          .interval = learned::bootstrap(rows, statistic, repetitions, seed)};
}

Figure mean_figure(const std::vector<double>& values, int repetitions, std::uint64_t seed) {
  return figure_of(
      values.size(), [&](std::span<const std::size_t> drawn) { return mean_of(values, drawn); }, repetitions, seed);
}

ServedRows served_rows(const LadderData& data, const Ladder& ladder, std::span<const std::size_t> rows) {
  ServedRows served;
  for (const std::size_t row : rows) {
    const Served one = serve(data, ladder, row);
    served.add(one.quality, one.cost);
  }
  return served;
}

}  // namespace

std::string describe(const Ladder& ladder, const std::vector<std::string>& models) {
  std::string text;
  for (std::size_t i = 0; i < ladder.rungs.size(); ++i) {
    const Rung& rung = ladder.rungs[i];
    text += (i == 0 ? "" : ", ") + models[rung.model];
    if (i + 1 == ladder.rungs.size()) continue;
    text += fmt::format(" >= {:.4g}", rung.accept_min);
    if (rung.keep_below > -std::numeric_limits<double>::infinity())
      text += fmt::format(" (hopeless < {:.4g})", rung.keep_below);
  }
  return text;
}

Served serve(const LadderData& data, const Ladder& ladder, std::size_t row) {
  Served served;
  for (std::size_t i = 0; i < ladder.rungs.size(); ++i) {
    const Rung& rung = ladder.rungs[i];
    const std::size_t at = data.at(row, rung.model);
    served.rung = i;
    served.quality = data.quality[at];
    served.cost += data.cost[at];
    if (i + 1 == ladder.rungs.size()) break;
    served.hopeless = data.score[at] < rung.keep_below;
    if (served.hopeless || data.score[at] >= rung.accept_min) break;
  }
  return served;
}

LadderFigures ladder_figures(const LadderData& data, const Ladder& ladder, std::span<const std::size_t> rows,
                             int repetitions, std::uint64_t seed) {
  LadderFigures figures;
  figures.share.assign(ladder.rungs.size(), 0);
  const double each = rows.empty() ? 0 : 1 / static_cast<double>(rows.size());
  for (const std::size_t row : rows) {
    const Served served = serve(data, ladder, row);
    figures.share[served.rung] += each;
    if (served.hopeless) figures.hopeless += each;
  }
  const ServedRows served = served_rows(data, ladder, rows);
  figures.quality = mean_figure(served.quality, repetitions, seed);
  figures.cost = mean_figure(served.cost, repetitions, seed);
  return figures;
}

LadderDifference ladder_difference(const LadderData& data, const Ladder& first, const Ladder& second,
                                   std::span<const std::size_t> rows, int repetitions, std::uint64_t seed) {
  const ServedRows one = served_rows(data, first, rows);
  const ServedRows two = served_rows(data, second, rows);
  LadderDifference difference;
  difference.quality = figure_of(
      rows.size(),
      [&](std::span<const std::size_t> drawn) { return mean_of(one.quality, drawn) - mean_of(two.quality, drawn); },
      repetitions, seed);
  difference.saved = figure_of(
      rows.size(),
      [&](std::span<const std::size_t> drawn) { return 1 - mean_of(one.cost, drawn) / mean_of(two.cost, drawn); },
      repetitions, seed);
  return difference;
}

LadderFigures ladder_oracle(const LadderData& data, std::span<const std::size_t> rows, int repetitions,
                            std::uint64_t seed) {
  ServedRows served;
  for (const std::size_t row : rows) {
    std::size_t best = data.at(row, 0);
    for (std::size_t model = 1; model < data.models.size(); ++model) {
      const std::size_t at = data.at(row, model);
      const double gain = data.quality[at] - data.quality[best];
      if (gain > 0 || (gain == 0 && data.cost[at] < data.cost[best])) best = at;
    }
    served.add(data.quality[best], data.cost[best]);
  }
  LadderFigures figures;
  figures.quality = mean_figure(served.quality, repetitions, seed);
  figures.cost = mean_figure(served.cost, repetitions, seed);
  return figures;
}

}  // namespace suffice::lab
