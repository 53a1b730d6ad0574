#pragma once
// From the runs of a suite to its figures. Pure; definitions of spec 3.2.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/suites/case_run.hpp"
#include "lab/suites/suite.hpp"
#include "learned/intervals.hpp"

namespace suffice::lab {

/// k of n with its exact interval (Clopper-Pearson).
struct Share {
  std::int64_t k = 0;
  std::int64_t n = 0;
  learned::Interval interval = {};
  [[nodiscard]] double value() const { return n > 0 ? static_cast<double>(k) / static_cast<double>(n) : 0; }
};
[[nodiscard]] Share share_of(std::int64_t k, std::int64_t n, double confidence);

/// What the task brings to the figures.
struct TaskFacts {
  std::vector<std::string> labels = {};           ///< empty: free text or JSON
  std::vector<std::string> escalate_labels = {};  ///< cases whose right answer is one of these are not of low risk
  bool has_schema = false;
  bool has_local_tier = true;
  double threshold = 0;  ///< its min_confidence, for plots
};

/// A case whose local answer ought not to have been served.
struct FalseAccept {
  std::string id = {};
  std::size_t line = 0;
  bool hard_stop = false;     ///< the case must escalate
  std::string expected = {};  ///< the label or text; empty when a checker decides
  std::string preview = {};   ///< of the answer, redacted
  std::optional<double> confidence = {};
};

/// Quality and money of one way to answer all cases.
struct Baseline {
  std::string name = {};
  std::optional<double> quality = {};       ///< share of cases answered right, of those where that is known
  std::optional<double> cost_usd = {};      ///< a case
  std::optional<double> strong_calls = {};  ///< share of cases that a frontier model answers
  std::string note = {};
};

struct RiskPoint {
  double threshold = 0;
  double coverage = 0;  ///< share of the scored cases at or above it
  double risk = 0;      ///< share of wrong answers among these
};

struct ReliabilityBin {
  double confidence = 0;  ///< mean in the bin
  double right = 0;
  std::int64_t n = 0;
};

struct SuiteScore {
  std::size_t cases = 0;
  Share accepted;                  ///< answered locally, of all cases
  Share right_of_accepted;         ///< of low risk: neither must_escalate nor an escalating label
  Share false_accepts;             ///< wrong or forbidden local answers, of all cases
  Share false_accepts_accepted;    ///< the same, of the accepted
  Share hard_stop_accepts;         ///< accepted of the cases that must escalate
  Share false_rejects;             ///< right local answers that the gate did not serve, of the cases that may be local
  Share right;                     ///< final answers of either tier, of those known
  Share valid;                     ///< local answers that satisfy the schema
  Share kill_switch;               ///< answered locally while the kill switch was on
  std::size_t errors = 0;          ///< cases without any answer
  std::vector<FalseAccept> wrong;  ///< hard stops first, then the most confident
  std::map<std::string, std::size_t> reasons;  ///< primary reasons of what escalated
  std::map<std::string, std::map<std::string, std::size_t>>
      confusion;                            ///< [expected][answered by the local model, gates off]
  std::vector<RiskPoint> risk_coverage;     ///< strict to lax; of the local model's answers, gates off
  std::vector<ReliabilityBin> reliability;  ///< ten of equal width, empty ones left out
  std::optional<double> ece;
  std::optional<double> brier;
  std::vector<Baseline> baselines;
  bool stand_in = false;  ///< frontier answers are recorded: they say nothing of a frontier model's quality
};

/// `runs` in any order; cases without a gated run are left out of every figure (`--limit`, an interruption).
[[nodiscard]] SuiteScore score_suite(const Suite& suite, const TaskFacts& task, std::span<const CaseRun> runs);

enum class GateState : std::uint8_t { Met, NotMet, NotApplicable };
[[nodiscard]] std::string_view name(GateState state) noexcept;

/// One line of the release gate's table.
struct GateLine {
  std::string name = {};
  std::string wanted = {};
  Share measured = {};
  GateState state = GateState::NotApplicable;
  std::string note = {};
};

/// The release gate (spec 1.7). A gate that is asked for and has nothing to be measured on is not met, and says what is missing; for a
/// task without a local tier nothing is released and nothing is asked.
[[nodiscard]] std::vector<GateLine> release_gate(const Suite& suite, const TaskFacts& task, const SuiteScore& score);
[[nodiscard]] bool all_met(std::span<const GateLine> gates);

}  // namespace suffice::lab
