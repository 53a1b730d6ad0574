#pragma once
// Whether the traffic is still what it was: its inputs, its confidences, its answers, how much of it is accepted, and how much of that is wrong.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "lab/operate/recorded.hpp"
#include "lab/operate/review.hpp"

namespace suffice::lab {

struct DriftOptions {
  WallTime reference = {};  ///< the reference is [reference, from)
  WallTime from = {};       ///< the period is [from, to)
  WallTime to = {};
  /// Chance that a report of traffic that has not changed rings any alarm, shared evenly among its checks (Bonferroni).
  double false_alarms = 0.01;
  double psi_min = 0.1;  ///< no alarm below it, however sure: "a small change" by the usual reading of this index
  double acceptance_min = 0.05;    ///< no alarm for a smaller change of the acceptance rate
  double defects_max = 0.05;       ///< of accepted local answers, by review
  std::size_t sample_max = 1'000;  ///< requests of a task and side that are compared; drawn at random from all
  std::int64_t requests_min = 50;  ///< of a task on each side; fewer are not compared
  std::uint64_t seed = 1;
};

/// What is compared. Stored in reports by name.
enum class DriftOf : std::uint8_t { InputLength, InputWords, Confidence, Answers, Acceptance, Defects };
[[nodiscard]] std::string_view name(DriftOf what) noexcept;

struct DriftCheck {
  std::string task = {};
  DriftOf what = DriftOf::InputLength;
  std::int64_t n_reference = 0;
  std::int64_t n = 0;
  double value = 0;     ///< population stability index, acceptance rate, or defect rate
  double band_low = 0;  ///< the band it has to stay in
  double band_high = 0;
  std::optional<double> p_value = {};  ///< nothing where an exact bound decides (Defects)
  bool alarm = false;
};

struct DriftReport {
  std::vector<DriftCheck> checks = {};    ///< alarms first, then by task
  std::vector<std::string> too_few = {};  ///< tasks that were not compared
  [[nodiscard]] bool alarm() const;
};

/// Compares a period with the time before it; one thread.
///
/// Input length (powers of two of its bytes), the redacted preview's words (hashed into 64 buckets), confidence (tenths) and answer (digests, for
/// tasks with few different ones) are compared by the population stability index, sum (p - q) ln(p / q) with half a count added to every bucket.
/// How likely so large an index is by chance is found by permuting whole requests between the two sides, so that the words of one request
/// may depend on each other (sequential p-values of Besag and Clifford 1991). Acceptance: Fisher's exact test. Requests that a switch, a caller
/// or the policy sent to the frontier count for the inputs and not for acceptance. Neighbouring requests that resemble each other (one
/// job that retries all night) are more alike than permutation assumes, and ring more often than `false_alarms` says.
class DriftBuilder {
 public:
  explicit DriftBuilder(DriftOptions options);
  void add(const Recorded& recorded);
  /// `defects`: of the period's reviews.
  [[nodiscard]] DriftReport build(const std::vector<DefectRate>& defects) const;

 private:
  /// What is kept of one request.
  struct Profile {
    std::uint8_t length = 0;
    std::optional<std::uint8_t> confidence = {};
    std::uint64_t answer = 0;  ///< 0: none
    std::vector<std::uint8_t> words = {};
  };
  struct Side {
    std::vector<Profile> profiles = {};  ///< a uniform sample of those seen
    std::int64_t seen = 0;
    std::int64_t eligible = 0;  ///< for a local answer, as far as policy and switches go
    std::int64_t accepted = 0;
  };
  struct TaskSides {
    Side reference = {};
    Side period = {};
  };
  [[nodiscard]] static Profile profile_of(const Recorded& recorded);
  void keep(Side& side, Profile profile);
  [[nodiscard]] DriftCheck compare(DriftOf what, const TaskSides& sides, double false_alarms) const;
  [[nodiscard]] DriftCheck compare_acceptance(const TaskSides& sides, double false_alarms) const;

  DriftOptions options_;
  SeededRandom random_;
  std::map<std::string, TaskSides> tasks_ = {};
};

/// P of a table at least as improbable as k1 of n1 beside k2 of n2, given its margins (Fisher 1935, two-sided). 1 for empty rows.
[[nodiscard]] double fisher_exact(std::int64_t k1, std::int64_t n1, std::int64_t k2, std::int64_t n2);

}  // namespace suffice::lab
