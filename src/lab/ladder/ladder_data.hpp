#pragma once
// Recorded outcomes as the rows that ladders are learned on, and the scores of their answers.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "lab/evaluation/routers.hpp"
#include "lab/ladder/ladder.hpp"

namespace suffice::lab {

/// What an answer is judged by.
enum class ScoreSource : std::uint8_t {
  Auto,        ///< the first of the recorded ones that some model has on every row, else Learned
  Confidence,  ///< recorded
  Gate,        ///< recorded share of a gate's checks that passed
  Judge,       ///< recorded
  Valid,       ///< recorded: 1 where the form was right, else 0
  Learned,     ///< P(right) of each model's answer, fitted on the training rows alone: see learned_scores()
};
[[nodiscard]] std::string_view name_of(ScoreSource source);
/// "auto", "confidence", "gate", "judge", "valid", "learned"; InvalidArgument lists them.
[[nodiscard]] Result<ScoreSource> score_source_named(std::string_view name);

struct LadderDataOptions {
  ScoreSource source = ScoreSource::Auto;
  std::map<std::string, double, std::less<>> prices = {};  ///< USD of a call by model, outranks recorded costs
  double train_share = 0.5;                                ///< of the rows, by the hash of their texts
  std::uint64_t seed = 1;
  Progress progress = {};
};

struct LadderRows {
  LadderData data;
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
  ScoreSource source = ScoreSource::Auto;  ///< what was taken
};

/// The rows that every model answered. InvalidArgument: none, fewer than ten on either side, a call without cost (names the model), a
/// source that no model has on every row, nothing to learn a score from; Cancelled.
[[nodiscard]] Result<LadderRows> ladder_rows(const OutcomeSet& set, const LadderDataOptions& options);

/// P(right) of one model's answers: logistic regression over what is known once the answer is there: the words of request and answer
/// (themselves judged by a linear classifier), whether its form was valid, its length. Training rows are scored by what was fitted on the
/// other half of them, so that thresholds chosen on them are not those of a scorer that has seen the answer. InvalidArgument when there is
/// neither text, form nor length.
[[nodiscard]] Result<std::vector<double>> learned_scores(const std::vector<const OutcomeRow*>& rows, std::size_t model,
                                                         const std::vector<bool>& is_train);

}  // namespace suffice::lab
