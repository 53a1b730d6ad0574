#include "lab/operate/review.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/hash.hpp"

namespace suffice::lab {
namespace {

/// What each kind of doubt weighs: what an application or another model said of this very answer counts more than a number near a line.
constexpr double kFeedbackWeight = 4;
constexpr double kShadowWeight = 3;
constexpr double kSecretWeight = 2;
constexpr double kNearWeight = 1;
constexpr double kRetryWeight = 0.5;

/// 2^64 equal parts of [0, 1).
double place_of(const std::string& id) {
  const Sha256 digest = sha256(id);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | digest[i];
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// Weeks since the Monday before 1970.
std::int64_t week_of(WallTime time) {
  constexpr std::int64_t kThursday = 3;  // 1970-01-01
  const std::int64_t days = std::chrono::floor<std::chrono::days>(time).time_since_epoch().count() + kThursday;
  return days >= 0 ? days / 7 : (days - 6) / 7;
}

/// Of (1 - threshold), how much lies between threshold and confidence.
std::optional<double> margin_of(std::optional<double> confidence, std::optional<double> threshold) {
  if (!confidence || !threshold) return std::nullopt;
  const double room = 1 - *threshold;
  return room <= 0 ? 0 : std::clamp((*confidence - *threshold) / room, 0.0, 1.0);
}

void suspect(ReviewItem& item, double weight, std::string words) {
  item.suspicion += weight;
  item.suspicions.push_back(std::move(words));
}

/// What the answer's own event says against it.
void add_own_suspicions(ReviewItem& item, const audit::Event& event) {
  // The placeholders of redaction (docs/formats.md): a secret in a text that no hard stop caught is the nearest miss there is.
  if (item.input.preview.find("[SECRET]") != std::string::npos ||
      item.output.preview.find("[SECRET]") != std::string::npos)
    suspect(item, kSecretWeight, "a secret in the text, and no hard stop fired");
  const std::optional<double> margin = margin_of(item.confidence, item.threshold);
  if (margin && band_of(item.confidence, item.threshold) == Band::Near)
    suspect(item, kNearWeight * (1 - *margin),
            fmt::format("confidence {:.3f} near the threshold {:.3f}", *item.confidence, *item.threshold));
  const auto refused =
      std::ranges::count_if(event.attempts, [](const audit::Attempt& one) { return one.local && !one.accepted; });
  if (refused > 0) suspect(item, kRetryWeight, fmt::format("{} local attempts before it were not accepted", refused));
}

using Stratum = std::tuple<std::string, std::int64_t, Band>;

/// Items of each task, week and band in the random order.
std::map<Stratum, std::vector<const ReviewItem*>> strata_of(const ReviewBook& book) {
  std::map<Stratum, std::vector<const ReviewItem*>> strata;
  for (const ReviewItem& item : book.items)
    strata[{item.task, week_of(item.time), band_of(item.confidence, item.threshold)}].push_back(&item);
  for (auto& [stratum, items] : strata) std::ranges::sort(items, {}, &ReviewItem::place);
  return strata;
}

/// How many of the beginning have labels.
std::size_t labelled_prefix(const std::vector<const ReviewItem*>& items) {
  const auto end = std::ranges::find_if(items, [](const ReviewItem* item) { return item->labels.empty(); });
  return static_cast<std::size_t>(end - items.begin());
}

bool is_defect(const ReviewItem& item) { return item.verdict() == ReviewLabel::Escalate; }

/// One task's strata: their size, how many of each were drawn, and how many of these are defects.
struct Drawn {
  std::int64_t size = 0;
  std::int64_t n = 0;
  std::int64_t defects = 0;
};

/// Fills rate and interval.
void estimate(DefectRate& rate, const std::vector<Drawn>& strata, double confidence) {
  const double tail = (1 - confidence) / static_cast<double>(strata.size());
  double low = 0;
  double high = 0;
  double middle = 0;
  double known = 0;
  for (const Drawn& drawn : strata) {
    const double weight = static_cast<double>(drawn.size) / static_cast<double>(rate.accepted);
    const double share = drawn.n > 0 ? static_cast<double>(drawn.defects) / static_cast<double>(drawn.n) : 0;
    // A stratum that was labelled to its end leaves nothing open.
    const learned::Interval interval = drawn.n == drawn.size
                                           ? learned::Interval{.low = share, .high = share}
                                           : learned::clopper_pearson(drawn.defects, drawn.n, 1 - tail);
    low += weight * interval.low;
    high += weight * interval.high;
    if (drawn.n == 0) continue;
    middle += weight * share;
    known += weight;
  }
  rate.interval = {.low = std::clamp(low, 0.0, 1.0), .high = std::clamp(high, 0.0, 1.0)};
  if (known > 0) rate.rate = middle / known;
}

}  // namespace

std::string_view name(ReviewLabel label) noexcept { return label == ReviewLabel::Accept ? "accept" : "escalate"; }

std::optional<ReviewLabel> review_label(std::string_view name) noexcept {
  if (name == "accept") return ReviewLabel::Accept;
  if (name == "escalate") return ReviewLabel::Escalate;
  return std::nullopt;
}

std::string_view name(Band band) noexcept {
  switch (band) {
    case Band::Unscored:
      return "unscored";
    case Band::Near:
      return "near";
    case Band::Middle:
      return "middle";
    case Band::Sure:
      return "sure";
  }
  return "unscored";
}

Band band_of(std::optional<double> confidence, std::optional<double> threshold) {
  constexpr double kNear = 0.25;
  constexpr double kSure = 0.75;
  const std::optional<double> margin = margin_of(confidence, threshold);
  if (!margin) return Band::Unscored;
  if (*margin < kNear) return Band::Near;
  return *margin < kSure ? Band::Middle : Band::Sure;
}

const GivenLabel* ReviewItem::label_by(std::string_view reviewer) const {
  const auto found = std::ranges::find(labels, reviewer, &GivenLabel::reviewer);
  return found == labels.end() ? nullptr : &*found;
}

std::optional<ReviewLabel> ReviewItem::verdict() const {
  if (labels.empty()) return std::nullopt;
  const auto against = std::ranges::count(labels, ReviewLabel::Escalate, &GivenLabel::label);
  return 2 * against >= std::ssize(labels) ? ReviewLabel::Escalate : ReviewLabel::Accept;
}

void ReviewBookBuilder::add(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  switch (event.kind) {
    case audit::Event::Kind::Request:
      add_item(recorded);
      break;
    case audit::Event::Kind::Review:
      add_review(event);
      break;
    case audit::Event::Kind::Feedback:
      if (event.label == "escalate")
        remarks_[event.refers_to].push_back({.weight = kFeedbackWeight, .words = "the application says it was wrong"});
      break;
    case audit::Event::Kind::Shadow:
      if (event.label == "differs")
        remarks_[event.refers_to].push_back({.weight = kShadowWeight, .words = "a shadow model answers otherwise"});
      break;
    default:
      break;
  }
}

void ReviewBookBuilder::add_item(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  if (!is_local_accept(event) || event.time < from_ || event.time >= to_) return;
  const audit::Attempt* served = accepted_attempt(event);
  if (served == nullptr) return;
  ReviewItem item{.event_id = event.id,
                  .time = event.time,
                  .task = subject_of(event),
                  .model = event.served_model,
                  .certificate = served->certificate,
                  .policy_version = event.policy_version,
                  .input = recorded.input,
                  .output = recorded.output,
                  .confidence = served->confidence,
                  .threshold = served->threshold,
                  .place = place_of(event.id)};
  add_own_suspicions(item, event);
  by_id_[event.id] = items_.size();
  items_.push_back(std::move(item));
}

void ReviewBookBuilder::add_review(const audit::Event& event) {
  std::map<std::string, GivenLabel>& given = labels_[event.refers_to];
  const std::optional<ReviewLabel> label = review_label(event.label);
  // A review without a label takes the reviewer's earlier one back.
  if (!label) {
    given.erase(event.actor);
    return;
  }
  given[event.actor] = {.reviewer = event.actor, .label = *label, .value = event.label_value, .time = event.time};
}

ReviewBook ReviewBookBuilder::build() {
  ReviewBook book;
  for (const auto& [id, given] : labels_) {
    const auto at = by_id_.find(id);
    if (at == by_id_.end()) {
      book.other_labels += std::ssize(given);
      continue;
    }
    for (const auto& [reviewer, label] : given) items_[at->second].labels.push_back(label);
  }
  for (const auto& [id, remarks] : remarks_) {
    const auto at = by_id_.find(id);
    if (at == by_id_.end()) continue;
    for (const Remark& remark : remarks) suspect(items_[at->second], remark.weight, remark.words);
  }
  book.items = std::move(items_);
  return book;
}

std::vector<QueueEntry> review_queue(const ReviewBook& book, const QueueOptions& options) {
  const auto wanted = [&](const ReviewItem& item) {
    return item.label_by(options.reviewer) == nullptr && (options.task.empty() || item.task == options.task);
  };
  std::set<const ReviewItem*> sample;
  for (const auto& [stratum, items] : strata_of(book)) {
    for (std::size_t i = 0; i < std::min(items.size(), options.sample_per_stratum); ++i) sample.insert(items[i]);
  }
  std::vector<const ReviewItem*> suspicious;
  std::vector<const ReviewItem*> drawn;
  for (const ReviewItem& item : book.items) {
    if (!wanted(item)) continue;
    if (item.suspicion > 0) suspicious.push_back(&item);
    if (item.suspicion <= 0 && sample.contains(&item)) drawn.push_back(&item);
  }
  std::ranges::sort(suspicious, [](const ReviewItem* one, const ReviewItem* other) {
    return std::tie(other->suspicion, one->place) < std::tie(one->suspicion, other->place);
  });
  std::ranges::sort(drawn, {}, &ReviewItem::place);
  suspicious.insert(suspicious.end(), drawn.begin(), drawn.end());
  std::vector<QueueEntry> queue;
  for (const ReviewItem* item : suspicious) {
    if (queue.size() == options.limit) break;
    queue.push_back({.item = static_cast<std::size_t>(item - book.items.data()), .sampled = sample.contains(item)});
  }
  return queue;
}

std::vector<DefectRate> defect_rates(const ReviewBook& book, double confidence) {
  std::map<std::string, DefectRate> rates;
  for (const ReviewItem& item : book.items) {
    DefectRate& rate = rates[item.task];
    rate.task = item.task;
    ++rate.accepted;
    rate.labelled += item.labels.empty() ? 0 : 1;
    rate.found += is_defect(item) ? 1 : 0;
  }
  std::map<std::string, std::vector<Drawn>> by_task;
  for (const auto& [stratum, items] : strata_of(book)) {
    Drawn drawn{.size = std::ssize(items), .n = static_cast<std::int64_t>(labelled_prefix(items))};
    for (std::int64_t i = 0; i < drawn.n; ++i) drawn.defects += is_defect(*items[static_cast<std::size_t>(i)]) ? 1 : 0;
    by_task[std::get<0>(stratum)].push_back(drawn);
    rates[std::get<0>(stratum)].drawn += drawn.n;
    rates[std::get<0>(stratum)].defects += drawn.defects;
  }
  std::vector<DefectRate> all;
  for (auto& [task, rate] : rates) {
    estimate(rate, by_task[task], confidence);
    all.push_back(rate);
  }
  return all;
}

std::vector<const ReviewItem*> drawn_items(const ReviewBook& book) {
  std::vector<const ReviewItem*> drawn;
  for (const auto& [stratum, items] : strata_of(book)) {
    const auto end = items.begin() + static_cast<std::ptrdiff_t>(labelled_prefix(items));
    drawn.insert(drawn.end(), items.begin(), end);
  }
  const auto labelled_at = [](const ReviewItem* item) {
    WallTime last = item->labels.front().time;
    for (const GivenLabel& label : item->labels) last = std::max(last, label.time);
    return std::pair(last, item->place);
  };
  std::ranges::sort(drawn, {}, labelled_at);
  return drawn;
}

std::vector<Agreement> agreements(const ReviewBook& book) {
  struct Counts {
    std::int64_t both = 0;
    std::int64_t same = 0;
    std::int64_t one_accepts = 0;
    std::int64_t other_accepts = 0;
  };
  std::map<std::pair<std::string, std::string>, Counts> pairs;
  for (const ReviewItem& item : book.items) {
    // Labels are in order of reviewers' names.
    for (std::size_t i = 0; i < item.labels.size(); ++i) {
      for (std::size_t j = i + 1; j < item.labels.size(); ++j) {
        Counts& counts = pairs[{item.labels[i].reviewer, item.labels[j].reviewer}];
        ++counts.both;
        counts.same += item.labels[i].label == item.labels[j].label ? 1 : 0;
        counts.one_accepts += item.labels[i].label == ReviewLabel::Accept ? 1 : 0;
        counts.other_accepts += item.labels[j].label == ReviewLabel::Accept ? 1 : 0;
      }
    }
  }
  std::vector<Agreement> all;
  for (const auto& [names, counts] : pairs) {
    const auto n = static_cast<double>(counts.both);
    const double one = static_cast<double>(counts.one_accepts) / n;
    const double other = static_cast<double>(counts.other_accepts) / n;
    const double by_chance = one * other + (1 - one) * (1 - other);
    Agreement made{.one = names.first, .other = names.second, .both = counts.both, .same = counts.same};
    if (by_chance < 1) made.kappa = (static_cast<double>(counts.same) / n - by_chance) / (1 - by_chance);
    all.push_back(std::move(made));
  }
  return all;
}

}  // namespace suffice::lab
