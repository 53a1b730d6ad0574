#pragma once
// Hard stops: groups of patterns, and classifiers beside them, that keep a request or an answer away from local models, whatever the
// confidence.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/reasons.hpp"
#include "core/result.hpp"
#include "gate/stop_classifier.hpp"
#include "policy/policy.hpp"

namespace suffice::gate {

/// Which side of the exchange is looked at.
enum class Side : std::uint8_t { Input, Output };

/// Patterns of some groups, compiled to linear-time automata (RE2), and their classifiers. Immutable; any thread.
class HardStops {
 public:
  struct Match {
    std::string group;
    Reason reason = Reason::HardStopNovel;
    std::string rule;  ///< the policy's own word or pattern that fired, or its classifier; never the user's text
  };

  /// PolicyInvalid naming the group and the pattern that does not compile, or the classifier that cannot be used. Classifiers' files are
  /// mapped through `classifiers`.
  static Result<std::shared_ptr<const HardStops>> compile(const std::vector<policy::HardStopGroup>& groups,
                                                          ClassifierCache& classifiers);
  static Result<std::shared_ptr<const HardStops>> compile(const std::vector<policy::HardStopGroup>& groups);

  /// Every group that fires, once each, in the groups' order. Text is compared as match_text() gives it: NFKC, case
  /// folded, without zero-width and other ignorable characters. A group's classifier is asked where none of its patterns fires. O(text
  /// length), judge_bench.
  [[nodiscard]] std::vector<Match> match(std::string_view text, Side side) const;

  ~HardStops();
  HardStops(const HardStops&) = delete;
  HardStops& operator=(const HardStops&) = delete;

 private:
  HardStops();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::gate
