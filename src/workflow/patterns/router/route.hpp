#pragma once
// Which model a request goes to, from the request alone: the pure part of the router. Every way of not knowing leads to the strong model.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/usage.hpp"
#include "learned/linear_classifier.hpp"
#include "workflow/flow_io.hpp"

namespace suffice::workflow::router {

/// Where a request goes. `model` is a role of the workflow's `models:`.
struct Route {
  std::string model;
  std::string
      why;  ///< "task", "unknown_task", "long_input", "gain", "quality", "simple", "complex", "unparsable", "failed"
  std::optional<double> score = {};  ///< what was compared, where something was
  bool prefix_flip = false;          ///< the strong model was asked for by the first words alone: see PrefixGuard
  bool operator==(const Route&) const = default;
};

inline constexpr std::string_view kWeak = "weak";
inline constexpr std::string_view kStrong = "strong";

/// The text that routing looks at: the caller's own words. Documents, tool results and whatever else was retrieved are never part of it,
/// because who can write them could choose the model (and the bill). At most 8 KiB, cut between characters, and of each word only the first
/// four: repeating one buys nothing.
[[nodiscard]] std::string routed_text(const FlowRequest& request);
/// `text` without its first `words` words (runs without white space); all of it for 0.
[[nodiscard]] std::string_view without_words(std::string_view text, std::size_t words);
[[nodiscard]] std::size_t count_words(std::string_view text);

/// A fixed prefix can push every request to the strong model (arXiv 2501.01818). So a request goes there only if it would also without its
/// first k words, for every k up to `words` that leaves `words_left`. What a prefix of so many words is put before goes where it
/// would have gone without: proved by route_test.cpp. 0: off.
struct PrefixGuard {
  std::size_t words = 12;
  std::size_t words_left = 8;
};

/// Task types and length. Unknown tasks, and what is long, go to the strong model.
struct RuleForm {
  std::shared_ptr<const learned::LinearClassifier> tasks;  ///< its labels are task types; null: only the length counts
  double min_probability = 0.6;                            ///< below, the task is unknown
  std::vector<std::string> weak_tasks = {};
  std::int64_t input_tokens_max = 4000;  ///< query and documents together, estimated
};
[[nodiscard]] Route route_by_rules(const RuleForm& form, const FlowRequest& request);

/// Expected gain P(strong right) - P(weak right), by a file of `suffice fit router`.
struct GainForm {
  std::shared_ptr<const learned::LinearClassifier> classifier;  ///< labels strong, weak, same
  double gain_max = 0.3;                                        ///< from this on the strong model is asked
  PrefixGuard guard = {};
};
/// P(strong) - P(weak) of a classifier with those labels; in [-1, 1].
[[nodiscard]] double predicted_gain(const learned::LinearClassifier& classifier, std::string_view text);
[[nodiscard]] Route route_by_gain(const GainForm& form, const FlowRequest& request);

/// Among any number of models: the greatest P(right) - lambda * cost. Equal ones: the first.
struct QualityForm {
  struct Choice {
    std::string model;                                       ///< role
    std::shared_ptr<const learned::LinearClassifier> right;  ///< labels right and wrong
    Price price;
  };
  std::vector<Choice> choices;
  double lambda = 0;                 ///< worth of one US dollar, in right answers
  std::int64_t output_tokens = 300;  ///< an answer's, for the price
};
/// USD of one call: estimated input tokens and `output_tokens` at `price`.
[[nodiscard]] double expected_cost(const Price& price, std::int64_t input_tokens, std::int64_t output_tokens);
[[nodiscard]] Route route_by_quality(const QualityForm& form, const FlowRequest& request);

/// What a small model said when it was asked whether a request is simple or complex; nothing for anything else.
[[nodiscard]] std::optional<bool> says_simple(std::string_view answer);

/// The threshold that sends about `share` of `scores` to the strong model (at least this score goes there), and the share that really goes:
/// equal scores stay together. An empty list: nothing goes.
struct ShareThreshold {
  double threshold = 0;
  double share = 0;
};
[[nodiscard]] ShareThreshold threshold_for_share(std::vector<double> scores, double share);

}  // namespace suffice::workflow::router
