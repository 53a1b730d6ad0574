#pragma once
// Confidence: every signal the answer carries is recorded, one is compared with the task's threshold.

#include <optional>
#include <string_view>
#include <vector>

#include "core/verdict.hpp"
#include "gate/checks.hpp"
#include "gate/self_report.hpp"

namespace suffice::gate {

/// All signals of the answer, named as in the record:
///   label_probability  P(answered label) of the label distribution     label_margin  it minus its best rival (negative: not the top)
///   label_entropy      natural log                                     outside_mass  mass outside the label set
///   mean_logprob       exp(mean natural-log probability) of the tokens, in (0, 1]
///   min_token_probability   exp of the smallest                        self_reported rating / 10; 0 when there is none
///   agreement          share of several samples that say the same
/// `answer` is the canonical label where the task has labels. Broken numbers (NaN, positive log-probabilities) are no signal.
[[nodiscard]] std::vector<Signal> signals_of(const Completion& completion, std::string_view answer,
                                             const std::optional<SelfReport>& self_report);

/// The record's name of a signal: the same as policy's. Empty for None.
[[nodiscard]] std::string_view signal_name(policy::ConfidenceSignal signal) noexcept;

/// Compares the task's signal with its threshold; writes signals, confidence and reasons of missing ones to the card's verdict.
void check_confidence(const Judged& judged, const std::optional<SelfReport>& self_report, Scorecard& card);

}  // namespace suffice::gate
