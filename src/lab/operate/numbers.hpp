#pragma once
// The figures an operator sees (spec 1.8): what stayed local, what it cost, and whether that was worth it.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/units.hpp"
#include "lab/operate/recorded.hpp"
#include "lab/suites/score.hpp"
#include "learned/intervals.hpp"

namespace suffice::lab {

/// What the record does not say.
struct NumbersOptions {
  WallTime from = {};
  WallTime to = {};  ///< excluded
  double confidence = 0.95;
  int repetitions = 1'000;  ///< of each bootstrap
  std::uint64_t seed = 1;
  /// A fixed sum for the whole period: the people who keep it running. None: not counted, and said.
  std::optional<Usd> engineering = {};
  /// Dollars an hour of each local model's hardware, busy or not (`hardware_per_hour` of the policy). The record charges a call only the
  /// seconds that it held the model; a machine that is rented by the hour costs the idle hours too. Empty: only busy seconds are counted.
  std::map<std::string, double> hardware_per_hour = {};
  std::map<std::string, std::int64_t> tokens_per_minute = {};  ///< quota by model of the policy; 0 or absent: none
};

/// A sum with its bootstrap interval. Nothing for the interval when fewer than 10 requests are behind it.
struct Money {
  double usd = 0;
  std::optional<learned::Interval> interval = {};
};

/// Paid against "had everything gone to the frontier". Over requests whose counterfactual is known, and no others.
struct Savings {
  std::int64_t requests = 0;
  std::int64_t estimated = 0;  ///< of these: a local answer, whose frontier price is estimated from its bytes
  double paid_usd = 0;
  double frontier_usd = 0;  ///< the counterfactual
  Money saved = {};         ///< negative: the cascade loses money
  /// saved / frontier_usd; nothing when the frontier would have cost nothing.
  std::optional<double> share = {};
  std::optional<learned::Interval> share_interval = {};
};

struct Latency {
  std::int64_t n = 0;
  double p50_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
};

/// One task, or all of them. Every share is of `requests` unless it says otherwise; intervals are exact.
struct TaskNumbers {
  std::string task = {};  ///< empty: requests that named none
  std::int64_t requests = 0;
  std::int64_t answered = 0;     ///< outcome "ok"
  Share local = {};              ///< answered by a local model
  Share escalated = {};          ///< a local model was asked, its answer was not accepted
  Share straight = {};           ///< went to the frontier without a local attempt
  Share failed = {};             ///< no answer
  Share accepted_of_tried = {};  ///< local answers, of the requests that a local model was asked
  double local_usd = 0;          ///< busy local hardware
  double wasted_local_usd = 0;   ///< of it: attempts whose answer was not served
  double frontier_usd = 0;       ///< paid to hosted models
  Savings savings = {};
  double successes = 0;  ///< answered, less the defects that reviews found to be likely among local answers
  double paid_usd = 0;   ///< local_usd + frontier_usd
  /// paid_usd / successes. Of everything (Numbers::total) idle hardware and engineering are part of it.
  std::optional<double> usd_per_success = {};
};

/// What requests with this primary reason cost.
struct ReasonNumbers {
  std::string reason = {};  ///< empty: answered locally
  std::int64_t requests = 0;
  double wasted_local_usd = 0;
  Savings savings = {};
};

struct ModelLoad {
  std::string model = {};
  std::int64_t tokens_per_minute_max = 0;  ///< of the busiest minute
  std::int64_t quota = 0;                  ///< 0: none known
};

/// One part of the period, for plots.
struct Slice {
  WallTime begin = {};
  std::int64_t requests = 0;
  std::int64_t local = 0;
  std::int64_t escalated = 0;
  double paid_usd = 0;
  double frontier_usd = 0;  ///< counterfactual
};

struct Numbers {
  WallTime from = {};
  WallTime to = {};
  std::chrono::seconds slice_length{86'400};
  std::int64_t other_events = 0;  ///< changes of state, embeddings
  std::int64_t stand_in = 0;      ///< requests answered by recordings: nothing was paid for them
  TaskNumbers total = {};
  std::vector<TaskNumbers> tasks = {};                     ///< most requests first
  std::vector<ReasonNumbers> reasons = {};                 ///< most requests first
  std::map<std::string, std::int64_t> failed_checks = {};  ///< of local attempts and of inputs, by the check's name
  std::map<std::string, std::int64_t> local_reasons = {};  ///< every reason that fired against a local answer
  Latency local_latency = {};
  Latency straight_latency = {};
  Latency fallback_latency = {};  ///< whole requests that escalated: the local attempt and the frontier
  Latency fallback_waste = {};    ///< of these: the time that local attempts took
  std::vector<ModelLoad> loads = {};
  std::vector<Slice> slices = {};
  double hours = 0;                              ///< from the first event of the period to its end
  std::optional<double> idle_hardware_usd = {};  ///< rented and not busy; nothing without hardware prices
  std::optional<double> engineering_usd = {};
  double all_usd = 0;    ///< paid, idle hardware and engineering
  Money net_saved = {};  ///< savings less idle hardware and engineering: what the bill says
};

/// Collects decisions, in any order; one thread. Memory: some 8 bytes a request, for latencies.
class NumbersBuilder {
 public:
  explicit NumbersBuilder(NumbersOptions options);
  ~NumbersBuilder();
  NumbersBuilder(const NumbersBuilder&) = delete;
  NumbersBuilder& operator=(const NumbersBuilder&) = delete;

  /// Events outside [from, to) are left out.
  void add(const Recorded& recorded);
  /// `defect_rates`: share of wrong answers among accepted local ones, by task, where reviews say so. To be called once.
  [[nodiscard]] Numbers build(const std::map<std::string, double>& defect_rates = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace suffice::lab
