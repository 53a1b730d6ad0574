// suffice run FILE --plan-only: p and v of the workers, and what the run is going to need.

#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "policy/read_file.hpp"
#include "wire/json_writer.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/maker/reports.hpp"

namespace suffice::workflow::maker {
namespace {

using SetupPtr = std::shared_ptr<const MakerSetup>;

/// Samples of each known step: the cold one and two warm ones, so that a wrong answer that comes again is seen.
constexpr int kVotesEach = 3;
constexpr std::size_t kSampleBytesMax = 16U << 20;

std::string with_interval(double value, const learned::Interval& interval) {
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", value, interval.low, interval.high);
}

std::string run_text(const char* name, const Result<RunForecast>& run) {
  if (!run) return fmt::format("  {}: {}\n", name, run.error().message);
  return fmt::format("  {}: k = {}, {:.2f} calls a step, {:.0f} calls, ${:.4f}, success {:.4f}\n", name, run->ahead_by,
                     run->calls_per_step, run->calls, run->dollars, run->success);
}

std::string model_text(const ModelForecast& made) {
  const Estimate& seen = made.estimate;
  std::string text = made.model + "\n";
  text += "  p, right among valid answers: " + with_interval(seen.odds().right, seen.right_interval()) + "\n";
  text += fmt::format("  q, the most frequent wrong answer: {:.3f}\n", seen.odds().best_wrong);
  text += "  v, valid answers: " + with_interval(seen.valid_share(), seen.valid_interval());
  text += fmt::format(" of {} samples", seen.samples);
  for (std::size_t i = 0; i < kRedFlags; ++i) {
    if (seen.discarded.counts[i] > 0)
      text += fmt::format(", {} {}", seen.discarded.counts[i], name(static_cast<RedFlag>(i)));
  }
  text += fmt::format("\n  a call costs ${:.8f}\n", made.per_call.dollars());
  text += run_text("as measured", made.expected);
  text += run_text("cautious, at the low ends", made.cautious);
  if (made.cautious) {
    text += fmt::format("  success with k = {}: {:.4f} to {:.4f} (95 %; votes taken as independent)\n",
                        made.cautious->ahead_by, made.success.low, made.success.high);
  }
  return text;
}

std::string text_of(const std::vector<ModelForecast>& models, std::uint64_t steps, double target) {
  std::string text = fmt::format("{} steps to be all right with {:.0f} %\n", steps, 100 * target);
  for (const ModelForecast& model : models) text += model_text(model);
  const ModelForecast* best = best_model(models);
  if (best == nullptr) return text + "No number of votes makes it reliable: take a better worker, or smaller steps.";
  return text + fmt::format("Take {} with ahead_by: {}; it has the least c k / (v (p - q)).", best->model,
                            (best->cautious ? best->cautious : best->expected)->ahead_by);
}

void write_run(wire::JsonWriter& writer, const char* key, const Result<RunForecast>& run) {
  writer.key(key).begin_object();
  if (!run) {
    writer.field("error", run.error().message).end_object();
    return;
  }
  writer.field("ahead_by", run->ahead_by).field("calls_per_step", run->calls_per_step).field("calls", run->calls);
  writer.field("usd", run->dollars).field("success", run->success).end_object();
}

void write_interval(wire::JsonWriter& writer, const char* key, const learned::Interval& interval) {
  writer.key(key).begin_array().number(interval.low).number(interval.high).end_array();
}

void write_forecast(wire::JsonWriter& writer, const ModelForecast& made) {
  const Estimate& seen = made.estimate;
  writer.begin_object().field("model", made.model).field("samples", seen.samples);
  writer.field("right", seen.odds().right)
      .field("best_wrong", seen.odds().best_wrong)
      .field("valid", seen.valid_share());
  write_interval(writer, "right_interval", seen.right_interval());
  write_interval(writer, "valid_interval", seen.valid_interval());
  writer.field("usd_per_call", made.per_call.dollars());
  write_run(writer, "expected", made.expected);
  write_run(writer, "cautious", made.cautious);
  write_interval(writer, "success_interval", made.success);
  if (made.reliability_price) writer.field("reliability_usd_per_step", *made.reliability_price);
  writer.end_object();
}

/// A planner's plan is not known before it is paid: then the most steps it may have.
std::uint64_t steps_of(const MakerTask& task) {
  std::uint64_t steps = 0;
  for (const PlanEntry& entry : task.entries) steps += entry.times;
  return steps == 0 ? task.limits.steps_max : steps;
}

/// `model` null: the simulation. What a call costs is what the ledger is charged meanwhile.
Task<Result<ModelForecast>> measure(const MakerSetup& setup, const PortModel* model,
                                    const std::vector<KnownStep>& known, FlowRun& run) {
  std::unique_ptr<StepWorker> worker;
  if (model == nullptr) {
    worker = std::make_unique<SimulatedWorker>(oracle_of(setup.simulation->task), setup.simulation->noise);
  } else {
    worker = std::make_unique<ModelWorker>(setup.worker_question, run.port(*model), run.deadline());
  }
  const std::int64_t calls = run.ledger().calls();
  const Usd cost = run.ledger().cost();
  Result<Estimate> seen = co_await estimate_worker(*worker, setup.task.rules.format, known, kVotesEach);
  if (!seen) co_return fail(std::move(seen).error());
  const std::int64_t made = run.ledger().calls() - calls;
  const Usd per_call = made > 0 ? Usd{(run.ledger().cost() - cost).nanos / made} : Usd{};
  const std::string name = model == nullptr ? "SIMULATED worker" : model->model.name;
  co_return forecast_model(name, *seen, per_call, steps_of(setup.task), setup.target);
}

Task<Result<FlowMessage>> run_forecast(SetupPtr setup, FlowRun& run) {
  if (setup->sample.empty()) {
    co_return fail(ErrorCode::InvalidArgument,
                   "the workflow names no `sample:` of steps with known answers, from which p and v could be estimated",
                   setup->task.name);
  }
  const Result<std::string> lines = policy::read_file(setup->sample, kSampleBytesMax);
  if (!lines) co_return fail(lines.error().code, lines.error().message, setup->sample.string());
  const Result<std::vector<KnownStep>> known = read_known_steps(*lines, setup->task.rules.format);
  if (!known)
    co_return fail(known.error().code, known.error().message, setup->sample.string() + ": " + known.error().where);
  std::vector<const PortModel*> models{setup->worker.get()};
  for (const auto& candidate : setup->candidates) models.push_back(candidate.get());
  std::vector<ModelForecast> forecasts;
  for (const PortModel* model : models) {
    Result<ModelForecast> made = co_await measure(*setup, model, *known, run);
    if (!made) co_return fail(std::move(made).error());
    forecasts.push_back(*std::move(made));
  }
  co_return forecast_answer(forecasts, steps_of(setup->task), setup->target);
}

}  // namespace

FlowMessage forecast_answer(const std::vector<ModelForecast>& models, std::uint64_t steps, double target) {
  FlowMessage answer{.type = std::string(kAnswerType), .body = {}};
  wire::JsonWriter writer(answer.body.text);
  const ModelForecast* best = best_model(models);
  writer.begin_object().key("answer");
  if (best == nullptr) {
    writer.null();
  } else {
    const int k = (best->cautious ? best->cautious : best->expected)->ahead_by;
    writer.begin_object().field("worker", best->model).field("ahead_by", k).end_object();
  }
  writer.field("text", text_of(models, steps, target)).field("steps", steps).field("target", target);
  writer.key("models").begin_array();
  for (const ModelForecast& model : models) write_forecast(writer, model);
  writer.end_array().end_object();
  return answer;
}

std::shared_ptr<const Flow> forecast_flow(const std::shared_ptr<const MakerSetup>& setup) {
  FlowBuilder builder(setup->task.name);
  Executor estimate{.name = "estimate", .takes = {std::string(kRequestType)}, .gives = {std::string(kAnswerType)}};
  estimate.run = [setup](const FlowMessage&, FlowRun& run) { return run_forecast(setup, run); };
  builder.add(std::move(estimate));
  return *builder.build();
}

}  // namespace suffice::workflow::maker
