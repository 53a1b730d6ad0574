#include "lab/operate/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include "lab/operate/money_rows.hpp"

namespace suffice::lab {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// At most so many slices, so that a plot of them can be read.
constexpr std::int64_t kSlicesMax = 62;

seconds slice_for(WallTime from, WallTime to) {
  for (const seconds length : {seconds(minutes(5)), seconds(hours(1)), seconds(hours(6)), seconds(hours(24))}) {
    if (to - from <= length * kSlicesMax) return length;
  }
  return std::chrono::ceil<hours>((to - from) / kSlicesMax);
}

/// The value that `share` of the sorted values do not exceed (the nearest rank).
double ranked_ms(std::vector<std::int64_t>& values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::ranges::nth_element(values, at);
  return static_cast<double>(*at) / 1'000;
}

Latency latency_of(std::vector<std::int64_t>& us) {
  if (us.empty()) return {};
  return {.n = static_cast<std::int64_t>(us.size()),
          .p50_ms = ranked_ms(us, 0.5),
          .p95_ms = ranked_ms(us, 0.95),
          .p99_ms = ranked_ms(us, 0.99)};
}

/// Sums of one task while it is being counted.
struct TaskSums {
  std::int64_t requests = 0;
  std::int64_t answered = 0;
  std::int64_t local = 0;
  std::int64_t escalated = 0;
  std::int64_t straight = 0;
  std::int64_t failed = 0;
  std::int64_t tried = 0;
  std::int64_t estimated = 0;
  Usd local_cost = {};
  Usd wasted = {};
  Usd frontier_cost = {};
  MoneyRows money = {};
};

struct ReasonSums {
  std::int64_t requests = 0;
  std::int64_t estimated = 0;
  Usd wasted = {};
  MoneyRows money = {};
};

/// What one event adds everywhere.
struct Facts {
  bool answered = false;
  bool tried = false;  ///< a local model was asked
  Usd local = {};
  Usd wasted = {};
  Usd frontier = {};
  std::int64_t local_us = 0;
};

Facts facts_of(const audit::Event& event) {
  Facts facts{.answered = event.outcome == "ok"};
  for (const audit::Attempt& attempt : event.attempts) {
    facts.tried |= attempt.local;
    (attempt.local ? facts.local : facts.frontier) += attempt.cost;
    if (!attempt.local) continue;
    facts.local_us += attempt.latency_us;
    if (!attempt.accepted || !facts.answered) facts.wasted += attempt.cost;
  }
  return facts;
}

void count(TaskSums& sums, const audit::Event& event, const Facts& facts) {
  ++sums.requests;
  sums.answered += facts.answered ? 1 : 0;
  sums.failed += facts.answered ? 0 : 1;
  sums.tried += facts.tried ? 1 : 0;
  if (facts.answered) {
    sums.local += event.route == Route::Local ? 1 : 0;
    sums.escalated += event.route == Route::EscalatedAfterValidation ? 1 : 0;
    sums.straight += event.route == Route::Frontier ? 1 : 0;
  }
  sums.local_cost += facts.local;
  sums.wasted += facts.wasted;
  sums.frontier_cost += facts.frontier;
  if (!event.counterfactual_cost) return;
  sums.money.add(event.cost, *event.counterfactual_cost);
  sums.estimated += event.counterfactual_estimated ? 1 : 0;
}

TaskNumbers numbers_of(const std::string& task, const TaskSums& sums, const NumbersOptions& options) {
  const auto share = [&](std::int64_t k, std::int64_t n) { return share_of(k, n, options.confidence); };
  TaskNumbers numbers{.task = task,
                      .requests = sums.requests,
                      .answered = sums.answered,
                      .local = share(sums.local, sums.requests),
                      .escalated = share(sums.escalated, sums.requests),
                      .straight = share(sums.straight, sums.requests),
                      .failed = share(sums.failed, sums.requests),
                      .accepted_of_tried = share(sums.local, sums.tried),
                      .local_usd = sums.local_cost.dollars(),
                      .wasted_local_usd = sums.wasted.dollars(),
                      .frontier_usd = sums.frontier_cost.dollars(),
                      .savings = sums.money.savings(options)};
  numbers.savings.estimated = sums.estimated;
  numbers.paid_usd = (sums.local_cost + sums.frontier_cost).dollars();
  return numbers;
}

std::optional<double> per_success(double usd, double successes) {
  if (!(successes > 0)) return std::nullopt;
  return usd / successes;
}

}  // namespace

struct NumbersBuilder::State {
  NumbersOptions options;
  Numbers numbers;
  TaskSums total;
  std::map<std::string, TaskSums> tasks = {};
  std::map<std::string, ReasonSums> reasons = {};
  std::map<std::string, std::map<std::int64_t, std::int64_t>> tokens = {};  ///< by model and minute
  std::map<std::string, Usd> busy = {};                                     ///< by local model
  std::map<std::int64_t, Slice> slices = {};
  std::vector<std::int64_t> local_us;
  std::vector<std::int64_t> straight_us;
  std::vector<std::int64_t> fallback_us;
  std::vector<std::int64_t> waste_us;
  std::optional<WallTime> first = {};

  void count_reason(const audit::Event& event, const Facts& facts) {
    const bool local = event.route == Route::Local && facts.answered;
    const std::string reason = local ? "" : event.reasons.empty() ? "(none)" : std::string(name(event.reasons.front()));
    ReasonSums& sums = reasons[reason];
    ++sums.requests;
    sums.wasted += facts.wasted;
    if (!event.counterfactual_cost) return;
    sums.money.add(event.cost, *event.counterfactual_cost);
    sums.estimated += event.counterfactual_estimated ? 1 : 0;
  }

  void count_attempts(const audit::Event& event) {
    const std::int64_t minute = std::chrono::floor<minutes>(event.time).time_since_epoch().count();
    for (const CheckResult& check : event.input_checks) numbers.failed_checks[check.check] += check.passed ? 0 : 1;
    for (const audit::Attempt& attempt : event.attempts) {
      if (!attempt.local) {
        tokens[attempt.model][minute] += attempt.usage.input_tokens + attempt.usage.output_tokens;
        continue;
      }
      busy[attempt.model] += attempt.cost;
      for (const CheckResult& check : attempt.checks) numbers.failed_checks[check.check] += check.passed ? 0 : 1;
      for (const Reason reason : attempt.reasons) ++numbers.local_reasons[std::string(name(reason))];
    }
  }

  void count_latency(const audit::Event& event, const Facts& facts) {
    if (!facts.answered) return;
    if (event.route == Route::Local) local_us.push_back(event.latency_us);
    if (event.route == Route::Frontier) straight_us.push_back(event.latency_us);
    if (event.route != Route::EscalatedAfterValidation) return;
    fallback_us.push_back(event.latency_us);
    waste_us.push_back(facts.local_us);
  }

  void count_slice(const audit::Event& event, const Facts& facts) {
    const std::int64_t place = (event.time - options.from) / numbers.slice_length;
    Slice& slice = slices[place];
    slice.begin = options.from + numbers.slice_length * place;
    ++slice.requests;
    slice.local += facts.answered && event.route == Route::Local ? 1 : 0;
    slice.escalated += facts.answered && event.route == Route::EscalatedAfterValidation ? 1 : 0;
    if (!event.counterfactual_cost) return;
    slice.paid_usd += event.cost.dollars();
    slice.frontier_usd += event.counterfactual_cost->dollars();
  }

  void build_tasks(const std::map<std::string, double>& defect_rates) {
    double successes = 0;
    for (const auto& [task, sums] : tasks) {
      TaskNumbers made = numbers_of(task, sums, options);
      const auto rate = defect_rates.find(task);
      made.successes = static_cast<double>(sums.answered) -
                       (rate == defect_rates.end() ? 0 : rate->second * static_cast<double>(sums.local));
      made.usd_per_success = per_success(made.paid_usd, made.successes);
      successes += made.successes;
      numbers.tasks.push_back(std::move(made));
    }
    std::ranges::sort(numbers.tasks, {},
                      [](const TaskNumbers& one) { return std::pair(-one.requests, std::string_view(one.task)); });
    numbers.total = numbers_of("", total, options);
    numbers.total.successes = successes;
  }

  void build_reasons() {
    for (const auto& [reason, sums] : reasons) {
      ReasonNumbers made{.reason = reason,
                         .requests = sums.requests,
                         .wasted_local_usd = sums.wasted.dollars(),
                         .savings = sums.money.savings(options)};
      made.savings.estimated = sums.estimated;
      numbers.reasons.push_back(std::move(made));
    }
    std::ranges::sort(numbers.reasons, {},
                      [](const ReasonNumbers& one) { return std::pair(-one.requests, std::string_view(one.reason)); });
    std::erase_if(numbers.failed_checks, [](const auto& check) { return check.second == 0; });
  }

  void build_loads() {
    for (const auto& [model, by_minute] : tokens) {
      ModelLoad load{.model = model};
      for (const auto& [minute, sum] : by_minute)
        load.tokens_per_minute_max = std::max(load.tokens_per_minute_max, sum);
      const auto quota = options.tokens_per_minute.find(model);
      if (quota != options.tokens_per_minute.end()) load.quota = quota->second;
      numbers.loads.push_back(std::move(load));
    }
  }

  /// A machine is paid from the first event of the period to its end, whether it computes or not.
  void build_costs() {
    numbers.hours = first ? std::chrono::duration<double, std::ratio<3600>>(options.to - *first).count() : 0;
    if (!options.hardware_per_hour.empty()) {
      double idle = 0;
      for (const auto& [model, per_hour] : options.hardware_per_hour) {
        const auto used = busy.find(model);
        const double paid = used == busy.end() ? 0 : used->second.dollars();
        idle += std::max(0.0, per_hour * numbers.hours - paid);
      }
      numbers.idle_hardware_usd = idle;
    }
    if (options.engineering) numbers.engineering_usd = options.engineering->dollars();
    const double fixed = numbers.idle_hardware_usd.value_or(0) + numbers.engineering_usd.value_or(0);
    numbers.all_usd = numbers.total.paid_usd + fixed;
    numbers.total.usd_per_success = per_success(numbers.all_usd, numbers.total.successes);
    numbers.net_saved = numbers.total.savings.saved;
    numbers.net_saved.usd -= fixed;
    if (numbers.net_saved.interval) {
      numbers.net_saved.interval->low -= fixed;
      numbers.net_saved.interval->high -= fixed;
    }
  }
};

NumbersBuilder::NumbersBuilder(NumbersOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->numbers.from = state_->options.from;
  state_->numbers.to = state_->options.to;
  state_->numbers.slice_length = slice_for(state_->options.from, state_->options.to);
}
NumbersBuilder::~NumbersBuilder() = default;

void NumbersBuilder::add(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  if (event.time < state_->options.from || event.time >= state_->options.to) return;
  if (!is_decision(event)) {
    ++state_->numbers.other_events;
    return;
  }
  if (!state_->first || event.time < *state_->first) state_->first = event.time;
  state_->numbers.stand_in += event.stand_in ? 1 : 0;
  const Facts facts = facts_of(event);
  count(state_->total, event, facts);
  count(state_->tasks[subject_of(event)], event, facts);
  state_->count_reason(event, facts);
  state_->count_attempts(event);
  state_->count_latency(event, facts);
  state_->count_slice(event, facts);
}

Numbers NumbersBuilder::build(const std::map<std::string, double>& defect_rates) {
  State& state = *state_;
  state.build_tasks(defect_rates);
  state.build_reasons();
  state.build_loads();
  state.numbers.local_latency = latency_of(state.local_us);
  state.numbers.straight_latency = latency_of(state.straight_us);
  state.numbers.fallback_latency = latency_of(state.fallback_us);
  state.numbers.fallback_waste = latency_of(state.waste_us);
  for (const auto& [place, slice] : state.slices) state.numbers.slices.push_back(slice);
  state.build_costs();
  return std::move(state.numbers);
}

}  // namespace suffice::lab
