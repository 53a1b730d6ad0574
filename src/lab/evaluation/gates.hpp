#pragma once
// Gates over recorded answers of the weak model: which would have been served.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/paired.hpp"

namespace suffice::lab {

/// A gate over the weak model's recorded answers. Borrows the rows.
///
/// Named as on the command line:
///   valid          the answer's recorded form was right
///   agreement:M    the answer is M's answer (answers.hpp)
///   confidence     the recorded confidence
///   gate_score     the recorded score of a gate
///   judge          the recorded score of a judge
///   learned[:M,..] P(right) by a logistic correctness model over the mechanical features of the answer, and its agreement with the
///                  answers of the models M
/// Of several joined by "+" all must hold, or the least counts.
class RecordedGate {
 public:
  /// InvalidArgument or NotFound: no such gate or model, or not every row has what it looks at.
  static Result<RecordedGate> parse(std::string_view gate, const OutcomeSet& set, const PairedRows& rows);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Only 0 and 1: there is no threshold to choose.
  [[nodiscard]] bool binary() const { return binary_; }
  /// Of what the correctness model sees of a row: nothing of the right answer, nothing of the strong model. Empty for other gates.
  [[nodiscard]] const std::vector<std::string>& features() const { return feature_names_; }

  /// By place in `scored`: the higher, the rather the answer is kept. What is fitted sees `fitted_on` only.
  [[nodiscard]] std::vector<double> scores(std::span<const std::size_t> fitted_on,
                                           std::span<const std::size_t> scored) const;
  /// By place in `rows`: each scored by what was fitted on the other folds of `rows`.
  [[nodiscard]] std::vector<double> cross_scores(std::span<const std::size_t> rows, std::size_t folds,
                                                 std::uint64_t seed) const;

 private:
  explicit RecordedGate(const PairedRows& rows) : rows_(&rows) {}
  Result<void> add(std::string_view part, const OutcomeSet& set);
  Result<void> add_learned(std::string_view models, const OutcomeSet& set);
  void add_scores(const std::vector<double>& scores, bool binary);

  const PairedRows* rows_;
  std::string name_;
  bool binary_ = true;
  std::vector<double> fixed_;                  ///< by row; empty for a fitted gate
  std::vector<std::vector<double>> features_;  ///< by row; empty for a fixed gate
  std::vector<std::string> feature_names_;
};

/// The laxest threshold at which the cascade loses at most `loss` of mean quality against the strong model on these rows; infinite when
/// none does. A choice, not a proof: certificates are learned/certify.hpp.
[[nodiscard]] double threshold_for_loss(const Pair& pair, std::span<const double> score, double loss);

/// What is kept, by row. A gate with a threshold to choose (or a model to fit) has each half's chosen and fitted on the other half;
/// `threshold` given is used as it is.
[[nodiscard]] std::vector<bool> accepted_by_halves(const PairedRows& rows, const RecordedGate& gate,
                                                   std::optional<double> threshold, double loss, std::uint64_t seed);

/// APGR of asking the strong model in the order of rising gate score.
[[nodiscard]] double gate_apgr(const Pair& pair, std::span<const double> score);

/// One row of the table of verifiers: how a gate does on halves that it was not chosen, nor its model fitted, nor its threshold set on.
struct VerifierFigures {
  std::string name;
  double apgr_mean = 0;  ///< over all halves
  double apgr_low = 0;   ///< 2.5th and 97.5th percentile of the halves
  double apgr_high = 0;
  int chosen = 0;  ///< on how many of the other halves it was the best
};
struct VerifierChoice {
  std::vector<VerifierFigures> verifiers;
  int halves = 0;
  double chosen_apgr_mean = 0;  ///< of the chosen one, scored on the other half
  double chosen_apgr_low = 0;
  double chosen_apgr_high = 0;
};
/// `splits` seeded halvings, both directions each. On one half the best gate is chosen (a learned one by 5 folds within it) and fitted,
/// on the other it is scored.
[[nodiscard]] VerifierChoice choose_verifiers(std::span<const RecordedGate> gates, const PairedRows& rows, int splits,
                                              std::uint64_t seed);

}  // namespace suffice::lab
