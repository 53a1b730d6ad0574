#include "workflow/patterns/maker/maker.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/reasons.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::workflow::maker {
namespace {

using TaskPtr = std::shared_ptr<const MakerTask>;
using WorkersPtr = std::shared_ptr<const MakerWorkers>;

Result<Plan> given_plan(const MakerTask& task, const FlowRequest& request) {
  if (!task.start.empty()) return Plan::create(task.start, task.entries, task.limits);
  if (!request.documents.empty()) {
    return fail(ErrorCode::InvalidArgument, "this workflow starts from a value and reads no documents");
  }
  const Result<boost::json::value> value = wire::parse_json(request.query);
  std::string start = value ? request.query : std::string();
  if (!value) wire::append_json_string(start, request.query);
  return Plan::create(std::move(start), task.entries, task.limits);
}

/// All that the planner is told.
std::string request_text(const FlowRequest& request) {
  std::string text;
  for (const std::string* part : {&request.system, &request.query}) {
    if (!part->empty()) text += (text.empty() ? "" : "\n\n") + *part;
  }
  for (const FlowRequest::Text& document : request.documents) text += "\n\n" + document.name + ":\n" + document.text;
  return text;
}

/// One call; the plan is its text. A plan with a fault is an error and never partly a plan.
Task<Result<Plan>> planned(const MakerTask& task, const MakerWorkers& workers, const FlowRequest& request,
                           FlowRun& run) {
  Result<std::unique_ptr<StepWorker>> planner = workers.planner(run);
  if (!planner) co_return fail(std::move(planner).error());
  const std::string text = request_text(request);
  const StepQuestion question{.step = 0, .instruction = text, .state = "null"};
  std::vector<Result<Sample>> samples;
  Result<void> asked = co_await (*planner)->sample(question, SampleRange{}, samples);
  if (!asked) co_return fail(std::move(asked).error());
  if (samples.empty()) co_return fail(ErrorCode::Internal, "the planner gave no sample");
  if (!samples.front()) co_return fail(std::move(samples.front()).error());
  if (samples.front()->finish == FinishReason::Length) {
    co_return fail(ErrorCode::OutputRejected, "the plan was cut off by the planner's token limit");
  }
  Result<Plan> plan = Plan::read(samples.front()->text, task.limits);
  if (!plan) {
    co_return fail(ErrorCode::OutputRejected, "the plan is not one that can be executed: " + plan.error().message,
                   plan.error().where);
  }
  co_return plan;
}

Task<Result<FlowMessage>> run_plan(TaskPtr task, WorkersPtr workers, const FlowMessage& message, FlowRun& run) {
  const Result<FlowRequest> request = read_request(message);
  if (!request) co_return fail(request.error());
  Result<Plan> plan = fail(ErrorCode::Internal, "no plan");
  if (task->entries.empty()) {
    plan = co_await planned(*task, *workers, *request, run);
  } else {
    plan = given_plan(*task, *request);
  }
  if (!plan) co_return fail(std::move(plan).error());
  run.progress(fmt::format("plan of {} steps", plan->steps()));
  co_return FlowMessage{.type = std::string(kPlanType), .body = {plan->json()}};
}

/// Tells of every step of a short run, of every percent of a long one.
class Teller {
 public:
  Teller(const FlowRun& run, std::uint64_t steps) : run_(run), steps_(steps), every_(steps <= 100 ? 1 : steps / 100) {}
  void tell(const Progress& at) const {
    if (at.step % every_ != 0 && at.step != steps_) return;
    run_.progress(fmt::format("step {} of {}, {} votes, {} discarded, {} escalated", at.step, steps_, at.votes,
                              at.discarded.total(), at.escalated));
  }

 private:
  const FlowRun& run_;
  std::uint64_t steps_;
  std::uint64_t every_;
};

Result<FlowMessage> answer_of(const MakerTask& task, const Progress& at) {
  SUFFICE_TRY(const boost::json::value state, wire::parse_json(at.state));
  boost::system::error_code missing;
  const boost::json::value* found = state.find_pointer(task.answer, missing);
  if (missing || found == nullptr) {
    return fail(ErrorCode::OutputRejected, "the last state has nothing where the answer should be", task.answer);
  }
  FlowMessage answer{.type = std::string(kAnswerType), .body = {}};
  wire::JsonWriter writer(answer.body.text);
  writer.begin_object().key("answer").raw(task.answer.empty() ? at.state : wire::canonical_json(*found));
  writer.key("state").raw(at.state).field("steps", at.step).field("votes", at.votes).field("samples", at.samples);
  writer.key("discarded").begin_object();
  for (std::size_t i = 0; i < kRedFlags; ++i) {
    if (at.discarded.counts[i] > 0) writer.field(name(static_cast<RedFlag>(i)), at.discarded.counts[i]);
  }
  writer.end_object().field("escalated", at.escalated).key("escalated_steps").begin_array();
  for (const std::uint64_t step : at.escalated_steps) writer.integer(static_cast<std::int64_t>(step + 1));
  writer.end_array().end_object();
  return answer;
}

Result<Progress> where_it_stood(const Plan& plan, const FlowRun& run) {
  if (run.last_checkpoint()) return Progress::read(run.last_checkpoint()->text);
  Progress at;
  at.state = plan.start();
  return at;
}

Task<Result<FlowMessage>> run_steps(TaskPtr task, WorkersPtr workers, const FlowMessage& message, FlowRun& run) {
  const Result<Plan> plan = Plan::read(message.body.text, task->limits);
  if (!plan) co_return fail(plan.error());
  Result<Progress> at = where_it_stood(*plan, run);
  if (!at) co_return fail(std::move(at).error());
  Result<std::unique_ptr<StepWorker>> worker = workers->worker(run);
  if (!worker) co_return fail(std::move(worker).error());
  std::unique_ptr<StepWorker> frontier;
  if (workers->frontier) {
    Result<std::unique_ptr<StepWorker>> made = workers->frontier(run);
    if (!made) co_return fail(std::move(made).error());
    frontier = *std::move(made);
  }
  const Teller teller(run, plan->steps());
  std::string text;
  StepHooks hooks;
  hooks.committed = [&](const Progress& now) -> Result<void> {
    text.clear();
    now.append_json(text);
    SUFFICE_TRY_VOID(run.checkpoint(JsonText{text}));
    teller.tell(now);
    return {};
  };
  hooks.inconclusive = [&](std::uint64_t step) {
    run.progress(fmt::format("step {}: votes inconclusive", step + 1));
    run.ledger().note(Reason::VotesInconclusive);
  };
  hooks.stopping = [&] { return run.stopping(); };
  Result<void> made = co_await make_steps(task->rules, *plan, **worker, frontier.get(), *at, hooks);
  if (!made) co_return fail(std::move(made).error());
  co_return answer_of(*task, *at);
}

}  // namespace

Result<std::shared_ptr<const Flow>> build_maker(std::shared_ptr<const MakerTask> task, MakerWorkers workers) {
  if (task->entries.empty() && !workers.planner) {
    return fail(ErrorCode::InvalidArgument, "there are no steps, and no model that could plan them");
  }
  if (task->rules.voting.ahead_by < 1 || task->rules.voting.samples_max < task->rules.voting.ahead_by) {
    return fail(ErrorCode::InvalidArgument,
                "a step's samples must at least be the votes it has to be ahead by, and that is 1 or more");
  }
  const auto shared = std::make_shared<const MakerWorkers>(std::move(workers));
  FlowBuilder builder(task->name);
  Executor plan{.name = "plan",
                .takes = {std::string(kRequestType)},
                .gives = {std::string(kPlanType)},
                .run = {},
                .version = task->version};
  plan.run = [task, shared](const FlowMessage& request, FlowRun& run) { return run_plan(task, shared, request, run); };
  Executor steps{.name = "steps",
                 .takes = {std::string(kPlanType)},
                 .gives = {std::string(kAnswerType)},
                 .run = {},
                 .version = task->version};
  steps.run = [task, shared](const FlowMessage& message, FlowRun& run) {
    return run_steps(task, shared, message, run);
  };
  builder.add(std::move(plan)).add(std::move(steps)).connect("plan", "steps");
  return builder.build();
}

}  // namespace suffice::workflow::maker
