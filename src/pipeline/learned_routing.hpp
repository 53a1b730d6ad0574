#pragma once
// What fitted classifiers say of a request before any model is asked: which task it is, whether a local answer would do.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/verdict.hpp"
#include "learned/linear_classifier.hpp"
#include "policy/policy.hpp"

namespace suffice::pipeline {

/// Texts are read up to here: what a request is about is said early, and the time of a prediction grows with the text.
inline constexpr std::size_t kRoutedBytesMax = 8'192;

/// Names tasks. Immutable; any thread.
class TaskNamer {
 public:
  /// The file's errors; ModelInvalid when it is not the one pinned; PolicyInvalid when none of its labels is a task of `policy`.
  static Result<TaskNamer> load(const policy::TaskClassifier& rule, const policy::Policy& policy);
  /// The task of `text` (the caller's last message), or nothing when the classifier is not sure, the text is of another kind, or the
  /// label is no task of the policy.
  [[nodiscard]] std::optional<std::string> name(std::string_view text) const;

 private:
  TaskNamer(policy::TaskClassifier rule, learned::LinearClassifier classifier)
      : rule_(std::move(rule)), classifier_(std::move(classifier)) {}

  policy::TaskClassifier rule_;
  learned::LinearClassifier classifier_;
  std::vector<bool> is_task_;  ///< by label
};

/// Predicts what the frontier would add. Immutable; any thread.
class GainRouter {
 public:
  /// As TaskNamer::load; PolicyInvalid when its labels are not those of `suffice fit router`.
  static Result<GainRouter> load(const policy::Router& rule);
  /// P(only the frontier is right) - P(only the local model is), of the caller's text; in [-1, 1].
  [[nodiscard]] double gain(std::string_view text) const;
  /// Passed: a local model may try. The detail has the numbers, no text.
  [[nodiscard]] CheckResult check(std::string_view text) const;

 private:
  GainRouter(policy::Router rule, learned::LinearClassifier classifier)
      : rule_(std::move(rule)), classifier_(std::move(classifier)) {}

  policy::Router rule_;
  learned::LinearClassifier classifier_;
};

}  // namespace suffice::pipeline
