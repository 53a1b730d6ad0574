#pragma once
// Ladders of models learned from recorded answers (FrugalGPT, arXiv 2305.05176): which models to ask in which order, and from which score on
// an answer is kept.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/metrics.hpp"

namespace suffice::lab {

/// What every model made of every request, row after row.
struct LadderData {
  std::vector<std::string> models;
  std::vector<double> quality;  ///< in [0, 1]
  std::vector<double> score;    ///< of the answer, by a gate or scorer; higher is surer. Any scale
  std::vector<double> cost;     ///< USD of the call, >= 0
  std::vector<bool> scored;     ///< by model; one without scores can only be the last of a ladder

  [[nodiscard]] std::size_t rows() const { return models.empty() ? 0 : quality.size() / models.size(); }
  [[nodiscard]] std::size_t at(std::size_t row, std::size_t model) const { return row * models.size() + model; }
};

/// One model of a ladder. Its answer is kept from `accept_min` on; below `keep_below` the case counts as hopeless: the answer is handed out
/// as it is, for no later model is expected to be right (AutoMix, arXiv 2310.12963). Everything between goes to the next model.
struct Rung {
  std::size_t model = 0;
  double accept_min = -std::numeric_limits<double>::infinity();
  double keep_below = -std::numeric_limits<double>::infinity();
  bool operator==(const Rung&) const = default;
};

/// The last rung accepts whatever comes.
struct Ladder {
  std::vector<Rung> rungs;
  bool operator==(const Ladder&) const = default;
};

/// "small >= 0.8, middle >= 0.5, large"; names by place among `models`.
[[nodiscard]] std::string describe(const Ladder& ladder, const std::vector<std::string>& models);

/// What a ladder makes of one request. Every call on the way is paid.
struct Served {
  std::size_t rung = 0;
  bool hopeless = false;
  double quality = 0;
  double cost = 0;
};
[[nodiscard]] Served serve(const LadderData& data, const Ladder& ladder, std::size_t row);

/// A ladder and its means over the rows that it was looked for on.
struct LadderPoint {
  Ladder ladder;
  double quality = 0;
  double cost = 0;  ///< USD a request
};

struct SearchOptions {
  std::size_t rungs_max = 3;  ///< 1 to 3
  std::size_t cuts = 20;      ///< thresholds are tried at these many quantiles of a model's scores
  /// Ladders with two models that differ (one right, one wrong) on less than this share of the rows are not tried: asking the second after
  /// the first cannot change more than that.
  double disagreement_min = 0.01;
  bool keep_hopeless = false;                       ///< also fit Rung::keep_below
  std::function<bool(double share)> progress = {};  ///< false stops with Cancelled
};

/// The ladders that no other beats on the rows of the search, from cheapest to best. Any ladder within a budget is answered from them.
class LadderSearch {
 public:
  /// Tries every order of up to `rungs_max` models and every threshold of the grid, exactly. InvalidArgument: no rows or no models, options
  /// out of range; Cancelled. Cost: models^rungs * (rows + cuts^(rungs - 1)); with keep_hopeless cuts^(2 (rungs - 1)).
  static Result<LadderSearch> run(const LadderData& data, std::span<const std::size_t> rows,
                                  const SearchOptions& options);

  /// The best whose mean cost is at most `budget`, or nothing when even the cheapest model costs more.
  [[nodiscard]] std::optional<LadderPoint> best_within(double budget) const;
  /// The cheapest whose mean quality is at least `quality`.
  [[nodiscard]] std::optional<LadderPoint> cheapest_reaching(double quality) const;

  [[nodiscard]] const std::vector<LadderPoint>& frontier() const { return frontier_; }
  [[nodiscard]] std::size_t ladders() const { return ladders_; }  ///< orders of models that were tried
  [[nodiscard]] std::size_t pruned() const { return pruned_; }    ///< and those that were not, for want of disagreement

 private:
  friend class LadderWalk;
  /// Whether no point of the frontier is at least as good for no more.
  [[nodiscard]] bool wanted(double quality, double cost) const;
  void insert(LadderPoint point);

  std::vector<LadderPoint> frontier_;  ///< cost and quality both rise
  std::size_t ladders_ = 0;
  std::size_t pruned_ = 0;
};

/// A ladder on rows, with a percentile bootstrap of 95 % over them.
struct LadderFigures {
  Figure quality;
  Figure cost;                ///< USD a request
  std::vector<double> share;  ///< by rung, of the requests that end there
  double hopeless = 0;        ///< share of the requests that were kept as hopeless
};
[[nodiscard]] LadderFigures ladder_figures(const LadderData& data, const Ladder& ladder,
                                           std::span<const std::size_t> rows, int repetitions, std::uint64_t seed);

/// The same requests by two ladders: first minus second, and the share of the second's cost that the first saves.
struct LadderDifference {
  Figure quality;
  Figure saved;
};
[[nodiscard]] LadderDifference ladder_difference(const LadderData& data, const Ladder& first, const Ladder& second,
                                                 std::span<const std::size_t> rows, int repetitions,
                                                 std::uint64_t seed);

/// Who knows beforehand which models are right asks the cheapest of the best, once.
[[nodiscard]] LadderFigures ladder_oracle(const LadderData& data, std::span<const std::size_t> rows, int repetitions,
                                          std::uint64_t seed);

}  // namespace suffice::lab
