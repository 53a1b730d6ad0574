// suffice run maker --demo: the answer's text and JSON.

#include <string>
#include <utility>

#include <fmt/format.h>

#include "wire/json_writer.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/patterns/maker/reports.hpp"

namespace suffice::workflow::maker {
namespace {

std::string calculation_text(const DemoReport& report) {
  std::string text = "((5+3)*10)/2, then /4, then +6\n  step       votes  discarded  state  truth\n";
  std::size_t number = 0;
  for (const DemoStep& step : report.calculation) {
    text += fmt::format("  {} {:<7}  {:>5}  {:>9}  {:>5}  {:>5}  {}{}\n", ++number, step.instruction, step.votes,
                        step.discarded, step.state, step.truth, step.state == step.truth ? "right" : "WRONG",
                        step.escalated ? ", by the frontier" : "");
  }
  return text;
}

std::string chains_text(const char* name, const DemoChains& chains, const DemoOptions& options) {
  const auto steps = static_cast<double>(chains.steps);
  return fmt::format(
      "  {:<30} {:>4} of {} right (no wrong step expected in {:.1f} %), {:.2f} calls a step ({:.2f} expected), {} steps escalated, ${:.2f}\n",
      name, chains.right, options.chains, 100 * chains.expected, static_cast<double>(chains.calls) / steps,
      chains.expected_calls / steps, chains.escalated, chains.cost.dollars());
}

std::string text_of(const DemoReport& report, const DemoOptions& options) {
  std::string text = "MAKER: many small steps, each decided by a vote\n";
  text += fmt::format(
      "The worker is SIMULATED: no model answers here. An answer is right with p = {}, of the format with v = {}.\n"
      "The frontier is simulated too, and always right. Prices are assumed: ${} a call of the worker, ${} of the frontier.\n\n",
      options.right, options.valid, options.per_call.dollars(), options.per_frontier_call.dollars());
  text += fmt::format(
      "Before anything is spent: {} steps to be all right with {:.0f} % need a lead of k = {}, {:.2f} calls a step, ${:.4f} a chain; "
      "expected {:.1f} %.\n\n",
      options.length, 100 * options.target, report.forecast.ahead_by, report.forecast.calls_per_step,
      report.forecast.dollars, 100 * report.forecast.success);
  text += calculation_text(report);
  text += fmt::format("\n{} chains of {} steps\n", options.chains, options.length);
  text += chains_text("voted, escalated when open", report.voted, options);
  text += chains_text("the first answer of each step", report.alone, options);
  return text +
         "\nWith a model of yours: suffice run FILE --plan-only measures its p and v first (docs/patterns_maker.md).";
}

void write_chains(wire::JsonWriter& writer, const char* key, const DemoChains& chains) {
  writer.key(key).begin_object().field("right", chains.right).field("expected_share", chains.expected);
  writer.field("steps", chains.steps).field("calls", chains.calls).field("expected_calls", chains.expected_calls);
  writer.field("discarded", chains.discarded).field("escalated", chains.escalated);
  writer.field("usd", chains.cost.dollars()).end_object();
}

Task<Result<FlowMessage>> run_the_demo() {
  const DemoOptions options;
  Result<DemoReport> report = co_await run_demo(options);
  if (!report) co_return fail(std::move(report).error());
  co_return demo_answer(*report, options);
}

}  // namespace

FlowMessage demo_answer(const DemoReport& report, const DemoOptions& options) {
  FlowMessage answer{.type = std::string(kAnswerType), .body = {}};
  wire::JsonWriter writer(answer.body.text);
  writer.begin_object().key("answer").raw(report.calculation_end.state).field("text", text_of(report, options));
  writer.field("simulated", true).field("right", options.right).field("valid", options.valid);
  writer.field("ahead_by", report.forecast.ahead_by).field("target", options.target);
  writer.field("expected_success", report.forecast.success).key("calculation").begin_array();
  for (const DemoStep& step : report.calculation) {
    writer.begin_object().field("do", step.instruction).key("state").raw(step.state).key("truth").raw(step.truth);
    writer.field("votes", step.votes).field("discarded", step.discarded).field("escalated", step.escalated);
    writer.end_object();
  }
  writer.end_array().field("chains", options.chains).field("length", options.length);
  write_chains(writer, "voted", report.voted);
  write_chains(writer, "single", report.alone);
  writer.end_object();
  return answer;
}

std::shared_ptr<const Flow> demo_flow() {
  FlowBuilder builder("maker");
  Executor demo{.name = "demo", .takes = {std::string(kRequestType)}, .gives = {std::string(kAnswerType)}};
  demo.run = [](const FlowMessage&, FlowRun&) { return run_the_demo(); };
  builder.add(std::move(demo));
  return *builder.build();
}

}  // namespace suffice::workflow::maker
