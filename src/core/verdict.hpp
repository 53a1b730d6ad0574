#pragma once
// What the gate says of one answer.

#include <string>
#include <vector>

#include "core/reasons.hpp"
#include "core/units.hpp"

namespace suffice {

/// One check and its outcome, as the record shows it. `detail` is for people and free of user text.
struct CheckResult {
  std::string check;  ///< "schema", "labels", "hard_stop:access", ...
  bool passed = false;
  std::string detail;
  bool operator==(const CheckResult&) const = default;
};

/// One confidence signal, named as in the record ("label_probability", "mean_logprob", "self_reported", ...).
struct Signal {
  std::string name;
  double value = 0;
  bool operator==(const Signal&) const = default;
};

/// Accept, or the reasons why not. `reasons` is empty exactly when the answer is accepted; its first element is the primary reason.
struct Verdict {
  std::vector<Reason> reasons;
  std::vector<CheckResult> checks;
  std::vector<Signal> signals;
  Probability confidence;         ///< the one number compared with the threshold
  std::string confidence_source;  ///< which signal or calibrator it is; empty when none
  Probability threshold;          ///< what it was compared with
  std::string certificate;        ///< id of the threshold's certificate; empty for a raw min_confidence
  std::string served_text;        ///< the answer as it may be shown: markers removed, label canonicalised

  [[nodiscard]] bool accepted() const { return reasons.empty(); }
};

}  // namespace suffice
