#pragma once
// The classifier of a hard stop: says "this text is one of those" where no word of a list does.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "policy/policy.hpp"

namespace suffice::learned {
class LinearClassifier;
}

namespace suffice::gate {

/// Files mapped so far of one policy, by path: several groups and tasks may name the same one.
using ClassifierCache = std::map<std::string, std::shared_ptr<const learned::LinearClassifier>>;

/// One label of a fitted classifier with the probability from which it stops. Immutable; any thread.
class StopClassifier {
 public:
  /// Maps the file through `cache`. PolicyInvalid naming the group: no such file or not a classifier, another SHA-256, no such label.
  static Result<std::shared_ptr<const StopClassifier>> load(const policy::HardStopGroup& group, ClassifierCache& cache);

  /// What to record when `folded` (match_text.hpp) stops: file, label and probability, never text; nothing when it does not.
  /// Read in pieces (text_windows.hpp) up to the first that stops, so that a paragraph in a long log counts as much as one alone; a single
  /// sentence among a thousand bytes of something else may not. Linear in the text: judge_bench.
  [[nodiscard]] std::optional<std::string> match(std::string_view folded) const;

  /// The largest probability of the label over the pieces of `folded`.
  [[nodiscard]] double probability(std::string_view folded) const;

 private:
  StopClassifier() = default;
  [[nodiscard]] double score(std::string_view piece) const;

  std::shared_ptr<const learned::LinearClassifier> classifier_;
  std::string name_;
  std::string label_;
  std::size_t place_ = 0;
  double threshold_ = 1;
};

}  // namespace suffice::gate
