#pragma once
// Reviewing accepted local answers: which to look at first, what reviewers say, how far they agree, and how many answers are wrong.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "lab/operate/recorded.hpp"
#include "lab/suites/score.hpp"
#include "learned/intervals.hpp"

namespace suffice::lab {

/// Whether a local answer was rightly accepted. Stored by name (docs/formats.md, label of a review).
enum class ReviewLabel : std::uint8_t { Accept, Escalate };
[[nodiscard]] std::string_view name(ReviewLabel label) noexcept;
[[nodiscard]] std::optional<ReviewLabel> review_label(std::string_view name) noexcept;

/// One reviewer's last word on one event.
struct GivenLabel {
  std::string reviewer = {};
  ReviewLabel label = ReviewLabel::Accept;
  std::string value = {};  ///< the right answer, where the reviewer gave it
  WallTime time = {};
};

/// How far a confidence is above its threshold. Stored in reports by name.
enum class Band : std::uint8_t { Unscored, Near, Middle, Sure };
[[nodiscard]] std::string_view name(Band band) noexcept;
/// Near: the lowest quarter between threshold and 1; Sure: the highest. Unscored without confidence or threshold.
[[nodiscard]] Band band_of(std::optional<double> confidence, std::optional<double> threshold);

/// An accepted local answer.
struct ReviewItem {
  std::string event_id = {};
  WallTime time = {};
  std::string task = {};
  std::string model = {};
  std::string certificate = {};
  std::string policy_version = {};
  Excerpt input = {};
  Excerpt output = {};
  std::optional<double> confidence = {};
  std::optional<double> threshold = {};
  std::vector<std::string> suspicions = {};  ///< why it may be a false accept, in words
  double suspicion = 0;                      ///< how much; 0: nothing speaks against it
  double place = 0;  ///< in [0, 1), by SHA-256 of the id: the random order of the sample, the same for everybody
  std::vector<GivenLabel> labels = {};

  [[nodiscard]] const GivenLabel* label_by(std::string_view reviewer) const;
  /// What most reviewers said; Escalate when they are even. Nothing without labels.
  [[nodiscard]] std::optional<ReviewLabel> verdict() const;
};

/// Accepted local answers of a period with everything that was said about them.
struct ReviewBook {
  std::vector<ReviewItem> items = {};  ///< in order of time
  std::int64_t other_labels = 0;       ///< of events that are no accepted local answer of the period
};

/// Collects events, oldest first; one thread.
class ReviewBookBuilder {
 public:
  /// Answers of [from, to); labels of any later time count.
  ReviewBookBuilder(WallTime from, WallTime to) : from_(from), to_(to) {}
  void add(const Recorded& recorded);
  [[nodiscard]] ReviewBook build();

 private:
  void add_item(const Recorded& recorded);
  void add_review(const audit::Event& event);
  /// Something another event says of an answer.
  struct Remark {
    double weight = 0;
    std::string words;
  };

  WallTime from_;
  WallTime to_;
  std::vector<ReviewItem> items_;
  std::map<std::string, std::size_t, std::less<>> by_id_;
  std::map<std::string, std::vector<Remark>> remarks_;
  std::map<std::string, std::map<std::string, GivenLabel>> labels_;  ///< by event and reviewer
};

struct QueueOptions {
  std::string reviewer = {};           ///< what this one has labelled is left out
  std::string task = {};               ///< empty: every task
  std::size_t limit = 50;              ///< entries
  std::size_t sample_per_stratum = 5;  ///< of each week, task and band; the rest of the queue are suspicions
};

struct QueueEntry {
  std::size_t item = 0;  ///< of ReviewBook::items
  bool sampled = false;  ///< part of the random sample
};

/// The most suspicious first, then the random sample: of every week (of UTC, from Monday), task and band the first in the random order. An answer
/// that is both stands with the suspicions.
[[nodiscard]] std::vector<QueueEntry> review_queue(const ReviewBook& book, const QueueOptions& options);

/// How many accepted local answers of a task are wrong.
///
/// Suspicious answers are reviewed first and are worse than the rest, so they must not be counted as if they were drawn. Of each stratum
/// (week and band) only the beginning of the random order counts, up to its first answer without a label; strata are weighted by
/// their size. The interval is Clopper and Pearson's in each stratum at 1 - (1 - confidence) / strata, weighted in the same way: it covers at
/// least as often as it says (Bonferroni); with one stratum it is the exact interval itself.
struct DefectRate {
  std::string task = {};
  std::int64_t accepted = 0;  ///< local answers of the period
  std::int64_t labelled = 0;  ///< of these, for whatever reason they were looked at
  std::int64_t found = 0;     ///< defects among these
  std::int64_t drawn = 0;     ///< labelled answers of the random sample
  std::int64_t defects = 0;   ///< among these
  std::optional<double> rate = {};
  learned::Interval interval = {};
};
/// By task, in order of names.
[[nodiscard]] std::vector<DefectRate> defect_rates(const ReviewBook& book, double confidence = 0.95);

/// The labelled beginning of the random order of every stratum, in order of the labels' time: what learned/threshold_monitor may be fed with.
[[nodiscard]] std::vector<const ReviewItem*> drawn_items(const ReviewBook& book);

/// How far two reviewers say the same of the answers that both labelled.
struct Agreement {
  std::string one = {};
  std::string other = {};
  std::int64_t both = 0;
  std::int64_t same = 0;
  /// Cohen (1960): agreement beyond what their rates alone would give; nothing when both always say the same one word.
  std::optional<double> kappa = {};
};
/// Of every pair that has answers in common, by names.
[[nodiscard]] std::vector<Agreement> agreements(const ReviewBook& book);

}  // namespace suffice::lab
