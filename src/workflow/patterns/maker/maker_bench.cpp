// What MAKER itself costs a step: a simulated worker (p = .9978, k = 3) on Towers of Hanoi.
// The oracle that plays the worker is measured apart: subtract it.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "net/run_sync.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"
#include "workflow/patterns/maker/steps.hpp"

namespace suffice::workflow::maker {
namespace {

constexpr int kDisks = 12;

Plan hanoi_plan(int disks) {
  return *Plan::create(Hanoi::create(disks)->json(),
                       {{.instruction = "Make the next move.", .times = hanoi_steps(disks)}},
                       {.steps_max = std::uint64_t{1} << disks});
}

/// Time a step, without a journal.
void vote_and_commit(benchmark::State& state) {
  const Plan plan = hanoi_plan(kDisks);
  StepRules rules;
  rules.voting = {.ahead_by = 3, .samples_max = 60};
  const StepHooks hooks;
  std::uint64_t steps = 0;
  for (auto _ : state) {
    SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = 1, .seed = 1});
    Progress at;
    at.state = plan.start();
    benchmark::DoNotOptimize(net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks)));
    steps += at.step;
  }
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(vote_and_commit)->Unit(benchmark::kMillisecond);

/// The worker's own share of it: one oracle a step, three samples.
void simulate_worker(benchmark::State& state) {
  SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = 1, .seed = 1});
  const std::string start = Hanoi::create(kDisks)->json();
  std::vector<Result<Sample>> samples;
  std::uint64_t step = 0;
  for (auto _ : state) {
    const StepQuestion question{.step = step++, .instruction = "Make the next move.", .state = start};
    benchmark::DoNotOptimize(net::run_sync(worker.sample(question, {.first = 0, .count = 3}, samples)));
  }
}
BENCHMARK(simulate_worker)->Unit(benchmark::kMicrosecond);

/// The checkpoint's text.
void write_checkpoint(benchmark::State& state) {
  Progress at;
  at.state = Hanoi::create(20)->json();
  at.action = hanoi_action_json({1, 0, 2});
  std::string text;
  for (auto _ : state) {
    text.clear();
    at.append_json(text);
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(write_checkpoint)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace suffice::workflow::maker
