#include "workflow/patterns/maker/demo.hpp"

#include <utility>

#include "core/random.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {
namespace {

constexpr PlanLimits kLimits{.steps_max = 100'000, .entries_max = 100'000};

StepRules rules_of(int ahead_by, int samples_max) {
  StepRules rules;
  rules.voting = {.ahead_by = ahead_by, .samples_max = samples_max};
  rules.format.shape = AnswerFormat::Shape::Value;
  rules.format.state = CanonicalForm::Number;
  rules.format.bytes_max = 32;
  return rules;
}

Task<Result<Progress>> make_chain(const StepRules& rules, const Chain& chain, const Noise& noise,
                                  const StepHooks& hooks) {
  const Result<Plan> plan = plan_of(chain, kLimits);
  if (!plan) co_return fail(plan.error());
  SimulatedWorker worker(arithmetic_oracle(), noise);
  SimulatedWorker frontier(arithmetic_oracle(), {.right = 1, .valid = 1, .seed = noise.seed});
  Progress at;
  at.state = plan->start();
  Result<void> made = co_await make_steps(rules, *plan, worker, &frontier, at, hooks);
  if (!made) co_return fail(std::move(made).error());
  co_return at;
}

Task<Result<void>> make_calculation(const DemoOptions& options, const StepRules& rules, DemoReport& report) {
  const Result<Chain> chain = read_chain(options.calculation);
  if (!chain) co_return fail(chain.error());
  const Result<std::vector<std::int64_t>> truth = truth_of(*chain);
  if (!truth) co_return fail(truth.error());
  Progress before;
  StepHooks hooks;
  hooks.committed = [&](const Progress& now) -> Result<void> {
    const Operation& operation = chain->operations[now.step - 1];
    report.calculation.push_back({.instruction = std::string(1, operation.sign) + std::to_string(operation.by),
                                  .state = now.state,
                                  .truth = std::to_string((*truth)[now.step - 1]),
                                  .votes = now.votes - before.votes,
                                  .discarded = now.discarded.total() - before.discarded.total(),
                                  .escalated = now.escalated > before.escalated});
    before = now;
    return {};
  };
  const Noise noise{.right = options.right, .valid = options.valid, .seed = options.seed};
  Result<Progress> end = co_await make_chain(rules, *chain, noise, hooks);
  if (!end) co_return fail(std::move(end).error());
  report.calculation_end = *std::move(end);
  co_return Result<void>{};
}

Task<Result<DemoChains>> make_chains(const DemoOptions& options, const StepRules& rules) {
  DemoChains made;
  const VoteOdds odds = VoteOdds::of(options.right);
  const int k = rules.voting.ahead_by;
  made.expected = run_success(odds, k, options.length);
  made.expected_calls = expected_calls(odds, k, options.valid) * static_cast<double>(options.length * options.chains);
  SeededRandom random(options.seed);
  const StepHooks hooks;
  for (std::size_t i = 0; i < options.chains; ++i) {
    const Chain chain = random_chain(options.length, random);
    const Noise noise{.right = options.right, .valid = options.valid, .seed = random.next()};
    Result<Progress> end = co_await make_chain(rules, chain, noise, hooks);
    if (!end) co_return fail(std::move(end).error());
    const Result<std::vector<std::int64_t>> truth = truth_of(chain);
    if (truth && end->state == std::to_string(truth->back())) ++made.right;
    made.steps += end->step;
    made.calls += end->samples;
    made.discarded += end->discarded.total();
    made.escalated += end->escalated;
  }
  const auto worker_calls = static_cast<std::int64_t>(made.calls - made.escalated);
  made.cost = Usd{worker_calls * options.per_call.nanos +
                  static_cast<std::int64_t>(made.escalated) * options.per_frontier_call.nanos};
  co_return made;
}

}  // namespace

Task<Result<DemoReport>> run_demo(const DemoOptions& options) {
  DemoReport report;
  const WorkerFigures worker{.odds = VoteOdds::of(options.right), .valid = options.valid, .per_call = options.per_call};
  const Result<RunForecast> planned = forecast(worker, options.length, options.target);
  if (!planned) co_return fail(planned.error());
  report.forecast = *planned;
  // Twice what a step needs on average and some, so that the odd step does not converge and the escalation is seen.
  const StepRules voting = rules_of(planned->ahead_by, 2 * planned->ahead_by + 4);
  const StepRules first_answer = rules_of(1, 50);
  Result<void> calculated = co_await make_calculation(options, voting, report);
  if (!calculated) co_return fail(std::move(calculated).error());
  Result<DemoChains> voted = co_await make_chains(options, voting);
  if (!voted) co_return fail(std::move(voted).error());
  report.voted = *voted;
  Result<DemoChains> alone = co_await make_chains(options, first_answer);
  if (!alone) co_return fail(std::move(alone).error());
  report.alone = *alone;
  co_return report;
}

}  // namespace suffice::workflow::maker
