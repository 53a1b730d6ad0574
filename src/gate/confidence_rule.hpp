#pragma once
// How the confidence of a tier's answers is weighed: its calibrator, its certificate, and whether that certificate is about this tier.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "gate/judge.hpp"
#include "learned/calibrator.hpp"
#include "learned/certificate.hpp"
#include "policy/policy.hpp"

namespace suffice::gate {

struct ConfidenceRule {
  std::shared_ptr<const learned::Calibrator> calibrator;    ///< null: the task's signal as it is
  std::shared_ptr<const learned::Certificate> certificate;  ///< null: the task's min_confidence
  std::vector<std::string> foreign;                         ///< in what the certificate is about something else
};

/// What a certificate of tier `tier` would have to be about.
[[nodiscard]] learned::CertificateScope scope_of(const policy::Policy& policy, const policy::Task& task,
                                                 std::size_t tier, const learned::Calibrator* calibrator);

/// Loads what the tier (else its task) names; null when that is nothing, or the tier is not local and names none itself. The Error's
/// `where` is "calibrator" or "certificate": the file cannot be used, or the calibrator reads another signal than the task compares.
[[nodiscard]] Result<std::shared_ptr<const ConfidenceRule>> compile_confidence(const policy::Policy& policy,
                                                                               const policy::Task& task,
                                                                               std::size_t tier);

/// Why the certificate of `rule` is not believed at `now`: each part that is foreign, then its age. Empty: believed, or there is none.
[[nodiscard]] std::vector<std::string> doubts(const ConfidenceRule& rule, WallTime now);

/// The rule of a tier; null when its signal is compared as it is with min_confidence.
[[nodiscard]] const ConfidenceRule* rule_of(const GateRules& rules, std::size_t tier);

/// Least raw value of the task's signal that could be accepted of this tier, so that a model may stop early; 0 when that is not known.
[[nodiscard]] double raw_floor(const GateRules& rules, std::size_t tier);

/// Whether the answer's confidence needs log-probabilities of tokens.
[[nodiscard]] bool needs_logprobs(const GateRules& rules, std::size_t tier);

}  // namespace suffice::gate
