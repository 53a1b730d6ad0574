#include "lab/operate/drift.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>

#include "core/text.hpp"

namespace suffice::lab {
namespace {

constexpr std::size_t kBuckets = 64;
constexpr std::size_t kWordsMax = 60;
/// Tasks with more different answers than this say something new each time: their digests are no distribution.
constexpr std::size_t kAnswersMax = 40;
/// Exceedances after which a p-value is known well enough.
constexpr std::int64_t kExceedancesMax = 20;

using Counts = std::array<std::int64_t, kBuckets>;

/// FNV-1a, the upper bits.
std::uint8_t bucket_of(std::string_view word) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return static_cast<std::uint8_t>((hash ^ hash >> 32) % kBuckets);
}

std::vector<std::uint8_t> word_buckets(std::string_view text) {
  const std::string folded = fold_case(text);
  std::vector<std::uint8_t> buckets;
  std::size_t begin = 0;
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80; };
  for (std::size_t i = 0; i <= folded.size() && buckets.size() < kWordsMax; ++i) {
    if (i < folded.size() && is_word(folded[i])) continue;
    if (i > begin + 1) buckets.push_back(bucket_of(std::string_view(folded).substr(begin, i - begin)));
    begin = i + 1;
  }
  return buckets;
}

/// With half a count added to each bucket that either side uses.
double stability_index(const Counts& one, const Counts& other) {
  std::int64_t n_one = 0;
  std::int64_t n_other = 0;
  std::int64_t used = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    n_one += one[i];
    n_other += other[i];
    used += one[i] + other[i] > 0 ? 1 : 0;
  }
  double index = 0;
  const double room = 0.5 * static_cast<double>(used);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (one[i] + other[i] == 0) continue;
    const double p = (static_cast<double>(one[i]) + 0.5) / (static_cast<double>(n_one) + room);
    const double q = (static_cast<double>(other[i]) + 0.5) / (static_cast<double>(n_other) + room);
    index += (p - q) * std::log(p / q);
  }
  return index;
}

/// What one request adds to a histogram.
using Marks = std::vector<std::uint8_t>;

Counts counts_of(const std::vector<const Marks*>& requests, std::size_t begin, std::size_t end) {
  Counts counts{};
  for (std::size_t i = begin; i < end; ++i) {
    for (const std::uint8_t mark : *requests[i]) ++counts[mark];
  }
  return counts;
}

/// How often a random division of the same requests gives an index at least as large: at most `permutations` divisions.
double permuted_p(std::vector<const Marks*> requests, std::size_t reference, double index, std::int64_t permutations,
                  std::uint64_t seed) {
  SeededRandom random(seed);
  const Counts all = counts_of(requests, 0, requests.size());
  // The smaller side is drawn and the other is what is left.
  const std::size_t drawn = std::min(reference, requests.size() - reference);
  std::int64_t exceedances = 0;
  for (std::int64_t i = 1; i <= permutations; ++i) {
    for (std::size_t place = 0; place < drawn; ++place)
      std::swap(requests[place], requests[place + random.below(requests.size() - place)]);
    const Counts one = counts_of(requests, 0, drawn);
    Counts other = all;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) other[bucket] -= one[bucket];
    exceedances += stability_index(one, other) >= index - 1e-12 ? 1 : 0;
    if (exceedances == kExceedancesMax) return static_cast<double>(exceedances) / static_cast<double>(i);
  }
  return static_cast<double>(exceedances + 1) / static_cast<double>(permutations + 1);
}

double log_choose(std::int64_t n, std::int64_t k) {
  return std::lgamma(static_cast<double>(n + 1)) - std::lgamma(static_cast<double>(k + 1)) -
         std::lgamma(static_cast<double>(n - k + 1));
}

/// Whether somebody's decision, not the model's answer, sent it to the frontier.
bool sent_by_somebody(const audit::Event& event) {
  return std::ranges::any_of(event.reasons, [](Reason reason) {
    return reason == Reason::KillSwitch || reason == Reason::ManualOverride ||
           reason == Reason::PolicyRequiresFrontier || reason == Reason::UnknownTask;
  });
}

}  // namespace

std::string_view name(DriftOf what) noexcept {
  switch (what) {
    case DriftOf::InputLength:
      return "input_length";
    case DriftOf::InputWords:
      return "input_words";
    case DriftOf::Confidence:
      return "confidence";
    case DriftOf::Answers:
      return "answers";
    case DriftOf::Acceptance:
      return "acceptance";
    case DriftOf::Defects:
      return "defects";
  }
  return "acceptance";
}

bool DriftReport::alarm() const { return std::ranges::any_of(checks, &DriftCheck::alarm); }

double fisher_exact(std::int64_t k1, std::int64_t n1, std::int64_t k2, std::int64_t n2) {
  if (n1 <= 0 || n2 <= 0) return 1;
  const std::int64_t successes = k1 + k2;
  const std::int64_t low = std::max<std::int64_t>(0, successes - n2);
  const std::int64_t high = std::min(n1, successes);
  const double base = log_choose(n1 + n2, successes);
  const auto probability = [&](std::int64_t k) {
    return std::exp(log_choose(n1, k) + log_choose(n2, successes - k) - base);
  };
  // Room for the rounding of lgamma: a table that is exactly as improbable counts.
  const double limit = probability(k1) * (1 + 1e-7);
  const auto mode = static_cast<std::int64_t>(static_cast<double>(n1 + 1) * static_cast<double>(successes + 1) /
                                              static_cast<double>(n1 + n2 + 2));
  double sum = 0;
  // Outward from the mode until what is left cannot be seen.
  const auto walk = [&](std::int64_t from, std::int64_t step) {
    for (std::int64_t k = from; k >= low && k <= high; k += step) {
      const double p = probability(k);
      if (p <= limit) sum += p;
      if (p <= limit && p < 1e-18 * std::max(sum, 1e-300)) break;
    }
  };
  walk(std::clamp(mode, low, high), 1);
  walk(std::clamp(mode, low, high) - 1, -1);
  return std::min(1.0, sum);
}

DriftBuilder::DriftBuilder(DriftOptions options) : options_(options), random_(options.seed) {}

DriftBuilder::Profile DriftBuilder::profile_of(const Recorded& recorded) {
  Profile profile;
  profile.length = static_cast<std::uint8_t>(
      std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(0, recorded.input.bytes))) % kBuckets);
  profile.words = word_buckets(recorded.input.preview);
  for (const audit::Attempt& attempt : recorded.event.attempts) {
    if (!attempt.local) continue;
    if (attempt.confidence)
      profile.confidence = static_cast<std::uint8_t>(std::clamp(*attempt.confidence, 0.0, 1.0) * 9.999);
    // The first 15 hex digits of the answer's digest.
    std::uint64_t digest = 0;
    if (attempt.output_sha256.size() >= 15)
      std::from_chars(attempt.output_sha256.data(), attempt.output_sha256.data() + 15, digest, 16);
    profile.answer = digest;
  }
  return profile;
}

/// Algorithm R (Vitter 1985): every request of the side has the same chance to be kept.
void DriftBuilder::keep(Side& side, Profile profile) {
  ++side.seen;
  if (side.profiles.size() < options_.sample_max) {
    side.profiles.push_back(std::move(profile));
    return;
  }
  const std::uint64_t place = random_.below(static_cast<std::uint64_t>(side.seen));
  if (place < side.profiles.size()) side.profiles[place] = std::move(profile);
}

void DriftBuilder::add(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  if (!is_decision(event) || event.time < options_.reference || event.time >= options_.to) return;
  TaskSides& sides = tasks_[subject_of(event)];
  Side& side = event.time < options_.from ? sides.reference : sides.period;
  keep(side, profile_of(recorded));
  if (sent_by_somebody(event)) return;
  ++side.eligible;
  side.accepted += event.route == Route::Local ? 1 : 0;
}

DriftCheck DriftBuilder::compare(DriftOf what, const TaskSides& sides, double false_alarms) const {
  // Ranks of answers by how often either side gave them; the rest share the last bucket.
  std::map<std::uint64_t, std::size_t> answers;
  for (const Side* side : {&sides.reference, &sides.period}) {
    for (const Profile& profile : side->profiles) {
      if (profile.answer != 0) answers.try_emplace(profile.answer, answers.size());
    }
  }
  const auto marks_of = [&](const Profile& profile) -> Marks {
    switch (what) {
      case DriftOf::InputLength:
        return {profile.length};
      case DriftOf::InputWords:
        return profile.words;
      case DriftOf::Confidence:
        return profile.confidence ? Marks{*profile.confidence} : Marks{};
      default:
        if (profile.answer == 0 || answers.size() > kAnswersMax) return {};
        return {static_cast<std::uint8_t>(answers.at(profile.answer))};
    }
  };
  std::vector<Marks> marks;
  std::size_t reference = 0;
  for (const Side* side : {&sides.reference, &sides.period}) {
    for (const Profile& profile : side->profiles) {
      Marks made = marks_of(profile);
      if (!made.empty()) marks.push_back(std::move(made));
    }
    if (side == &sides.reference) reference = marks.size();
  }
  DriftCheck check{.what = what,
                   .n_reference = static_cast<std::int64_t>(reference),
                   .n = static_cast<std::int64_t>(marks.size() - reference),
                   .band_high = options_.psi_min};
  if (check.n_reference < options_.requests_min || check.n < options_.requests_min) return check;
  std::vector<const Marks*> requests;
  requests.reserve(marks.size());
  for (const Marks& one : marks) requests.push_back(&one);
  check.value = stability_index(counts_of(requests, 0, reference), counts_of(requests, reference, requests.size()));
  if (check.value < options_.psi_min) return check;  // no alarm whatever its p-value
  const auto permutations = static_cast<std::int64_t>(std::ceil(2 / false_alarms));
  check.p_value = permuted_p(std::move(requests), reference, check.value, permutations, options_.seed);
  check.alarm = *check.p_value <= false_alarms;
  return check;
}

DriftCheck DriftBuilder::compare_acceptance(const TaskSides& sides, double false_alarms) const {
  const Side& before = sides.reference;
  const Side& now = sides.period;
  DriftCheck check{.what = DriftOf::Acceptance, .n_reference = before.eligible, .n = now.eligible};
  if (before.eligible < options_.requests_min || now.eligible < options_.requests_min) return check;
  const double rate = static_cast<double>(before.accepted) / static_cast<double>(before.eligible);
  check.value = static_cast<double>(now.accepted) / static_cast<double>(now.eligible);
  check.band_low = std::max(0.0, rate - options_.acceptance_min);
  check.band_high = std::min(1.0, rate + options_.acceptance_min);
  check.p_value = fisher_exact(before.accepted, before.eligible, now.accepted, now.eligible);
  const bool outside = check.value < check.band_low || check.value > check.band_high;
  check.alarm = outside && *check.p_value <= false_alarms;
  return check;
}

DriftReport DriftBuilder::build(const std::vector<DefectRate>& defects) const {
  constexpr std::array kCompared = {DriftOf::InputLength, DriftOf::InputWords, DriftOf::Confidence, DriftOf::Answers};
  DriftReport report;
  std::int64_t compared = 0;
  for (const auto& [task, sides] : tasks_) {
    const bool enough = sides.reference.seen >= options_.requests_min && sides.period.seen >= options_.requests_min;
    compared += enough ? 1 : 0;
    if (!enough && sides.period.seen > 0) report.too_few.push_back(task);
  }
  const auto checks = static_cast<std::int64_t>(kCompared.size() + 1) * compared + std::ssize(defects);
  const double each = options_.false_alarms / static_cast<double>(std::max<std::int64_t>(1, checks));
  const auto add = [&](DriftCheck check, const std::string& task) {
    if (check.n < options_.requests_min && check.what != DriftOf::Defects) return;
    if (check.n_reference < options_.requests_min && check.what != DriftOf::Defects) return;
    check.task = task;
    report.checks.push_back(std::move(check));
  };
  for (const auto& [task, sides] : tasks_) {
    for (const DriftOf what : kCompared) add(compare(what, sides, each), task);
    add(compare_acceptance(sides, each), task);
  }
  for (const DefectRate& rate : defects) {
    if (!rate.rate) continue;
    add({.what = DriftOf::Defects,
         .n = rate.drawn,
         .value = *rate.rate,
         .band_high = options_.defects_max,
         .alarm = rate.interval.low > options_.defects_max},
        rate.task);
  }
  std::ranges::sort(report.checks, {}, [](const DriftCheck& check) {
    return std::tuple(!check.alarm, std::string_view(check.task), check.what);
  });
  return report;
}

}  // namespace suffice::lab
