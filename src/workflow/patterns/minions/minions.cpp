#include "workflow/patterns/minions/minions.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "wire/json.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/minions/jobs.hpp"
#include "workflow/patterns/minions/map_jobs.hpp"
#include "workflow/patterns/minions/remote_prompts.hpp"

namespace suffice::workflow::minions {

namespace {

constexpr std::string_view kStateType = "minions.state";
constexpr std::string_view kPlanType = "minions.plan";
constexpr std::string_view kMappedType = "minions.mapped";
/// Part of every executor's version: to be raised when a prompt or a rule changes.
constexpr std::string_view kProtocolVersion = "minions/1";
constexpr int kAsksMax = 2;  ///< of one remote step: a second time with what was wrong

struct Parts {
  std::shared_ptr<const MinionsSpec> spec;
  MakeWorker worker;
  std::shared_ptr<const PortModel> frontier;
};
using PartsPtr = std::shared_ptr<const Parts>;

/// What a step works with.
struct Standing {
  Question question;
  RunState state;
};

Result<Standing> standing(const FlowMessage& message, const FlowRun& run) {
  SUFFICE_TRY(Question question, Question::of(run));
  SUFFICE_TRY(RunState state, RunState::from_json(message.body.text, question.document.text.size()));
  return Standing{.question = std::move(question), .state = std::move(state)};
}

FlowMessage message_of(std::string_view type, const RunState& state) {
  return {.type = std::string(type), .body = state.json()};
}

bool ends_run(ErrorCode code) {
  return code == ErrorCode::BudgetExhausted || code == ErrorCode::Cancelled || code == ErrorCode::DeadlineExceeded;
}

// ---- what a run ends with ----

boost::json::object to_object(const Finding& finding, std::size_t number, std::string_view text) {
  return {{"number", number},         {"task", finding.task},   {"begin", finding.range.begin},
          {"end", finding.range.end}, {"votes", finding.votes}, {"text", finding.range.of(text)}};
}

MapReport total(const RunState& state) {
  MapReport sum;
  for (const MapReport& report : state.reports) sum += report;
  return sum;
}

boost::json::object summary(const Parts& parts, const Standing& at) {
  const std::string& text = at.question.document.text;
  const MapReport report = total(at.state);
  boost::json::object object{{"answer", nullptr}, {"found", false}};
  object["evidence"].emplace_array();
  boost::json::array& citations = object["citations"].emplace_array();
  for (std::size_t i = 0; i < at.state.kept.size(); ++i)
    citations.emplace_back(to_object(at.state.kept[i], i + 1, text));
  object["rounds"] = at.state.round;
  object["map"] = {{"jobs", report.jobs},        {"abstained", report.abstained},   {"verified", report.verified},
                   {"uncited", report.uncited},  {"unverified", report.unverified}, {"too_long", report.too_long},
                   {"retried", report.retried},  {"malformed", report.malformed},   {"failed", report.failed},
                   {"left_out", report.left_out}};
  object["remote_tokens"] = at.state.remote_tokens;
  object["document_tokens"] = parts.spec->count_remote(text);
  object["cited_bytes"] = cited_bytes(at.state.kept);
  object["document_bytes"] = text.size();
  return object;
}

/// The answer, and below it the citations that it rests on with the lines where they stand.
std::string for_people(const Standing& at, const Decision& decision) {
  const std::string& text = at.question.document.text;
  std::string shown = decision.answer + "\n";
  for (const std::size_t number : decision.evidence) {
    const TextRange& range = at.state.kept[number - 1].range;
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(range.begin), '\n');
    shown += fmt::format("\n[{}] {}, line {}: {}", number, at.question.document.name, line, range.of(text));
  }
  return shown;
}

FlowMessage answer_message(const Parts& parts, const Standing& at, const Decision& decision) {
  boost::json::object object = summary(parts, at);
  if (decision.kind == Decision::Kind::Answer) {
    object["answer"] = decision.answer;
    object["found"] = true;
    object["text"] = for_people(at, decision);
    boost::json::array& evidence = object["evidence"].as_array();
    for (const std::size_t number : decision.evidence) {
      evidence.emplace_back(to_object(at.state.kept[number - 1], number, at.question.document.text));
    }
  }
  return {.type = std::string(kAnswerType), .body = wire::to_json_text(object)};
}

/// What ends the run stays an error, so that it can be resumed; what the frontier failed at ends with what was found.
Result<FlowMessage> unanswered(const Parts& parts, const Standing& at, const Error& error) {
  if (ends_run(error.code)) return fail(error);
  boost::json::object object = summary(parts, at);
  object["error"] = {{"code", name(error.code)}, {"message", error.message}, {"where", error.where}};
  return FlowMessage{.type = std::string(kUnansweredType), .body = wire::to_json_text(object)};
}

// ---- the remote half ----

/// One remote call. Only `messages` are sent, and their tokens are counted before.
Task<Result<std::string>> ask(const Parts& parts, FlowRun& run, std::vector<Message> messages, RunState& state) {
  providers::ModelCall call;
  state.remote_tokens += prefill_tokens(messages, parts.spec->count_remote);
  call.input = messages.back().text();
  call.request.messages = std::move(messages);
  call.request.sampling.temperature = 0.0;
  call.request.sampling.max_tokens = parts.spec->remote_output_tokens_max;
  ModelPort port = run.port(*parts.frontier);
  Result<Completion> completion = co_await port.ask(call, run.deadline());
  if (!completion) co_return fail(std::move(completion).error());
  if (!completion->refusal.empty())
    co_return fail(ErrorCode::ContentFiltered, "the frontier refused to answer", parts.frontier->model.name);
  co_return std::move(completion->text);
}

Result<JobManifest> usable_manifest(const Parts& parts, const Question& question, std::string_view text) {
  SUFFICE_TRY(JobManifest manifest, parse_manifest(text, parts.spec->limits));
  SUFFICE_TRY(const Chunks chunks, cut_document(question.document.text, manifest.chunking, parts.spec->limits));
  SUFFICE_TRY_VOID(expand_jobs(manifest, chunks.size(), parts.spec->limits));
  return manifest;
}

Task<Result<JobManifest>> remote_manifest(const Parts& parts, FlowRun& run, const Question& question, RunState& state) {
  std::string problem;
  Result<JobManifest> manifest = fail(ErrorCode::Internal, "no manifest");
  for (int attempt = 0; attempt < kAsksMax; ++attempt) {
    std::vector<Message> prompt =
        plan_prompt(view_of(question, state, parts.spec->limits), parts.spec->limits, problem);
    Result<std::string> text = co_await ask(parts, run, std::move(prompt), state);
    if (!text) co_return fail(std::move(text).error());
    manifest = usable_manifest(parts, question, *text);
    if (manifest) break;
    problem = manifest.error().message;
    run.progress("the manifest was refused: " + problem);
  }
  // Also "too many jobs": here it is the manifest that is wrong, not the run's budget that is used up.
  if (!manifest) co_return fail(ErrorCode::OutputRejected, manifest.error().message, "manifest");
  co_return manifest;
}

Task<Result<Decision>> remote_decision(const Parts& parts, FlowRun& run, const Question& question, RunState& state) {
  std::string problem;
  Result<Decision> decision = fail(ErrorCode::Internal, "no decision");
  for (int attempt = 0; attempt < kAsksMax; ++attempt) {
    std::vector<Message> prompt = reduce_prompt(view_of(question, state, parts.spec->limits), problem);
    Result<std::string> text = co_await ask(parts, run, std::move(prompt), state);
    if (!text) co_return fail(std::move(text).error());
    decision = parse_decision(*text, state.kept.size(), rounds_left(state, parts.spec->limits), parts.spec->limits);
    if (decision) break;
    problem = decision.error().message;
    run.progress("the decision was refused: " + problem);
  }
  co_return decision;
}

/// The task's own manifest, "{query}" filled in.
JobManifest asked_about(JobManifest manifest, std::string_view query) {
  constexpr std::string_view kMark = "{query}";
  for (MapTask& task : manifest.tasks) {
    for (std::size_t at = task.instruction.find(kMark); at != std::string::npos;
         at = task.instruction.find(kMark, at + query.size())) {
      task.instruction.replace(at, kMark.size(), query);
    }
  }
  return manifest;
}

// ---- the steps ----

Task<Result<FlowMessage>> advise(PartsPtr parts, const FlowMessage& message, FlowRun& run) {
  Result<Question> question = Question::read(message, parts->spec->document);
  if (!question) co_return fail(std::move(question).error());
  question->keep(run);
  Standing at{.question = *std::move(question), .state = {}};
  if (parts->spec->manifest) co_return message_of(kStateType, at.state);
  std::vector<Message> prompt = advise_prompt(view_of(at.question, at.state, parts->spec->limits));
  Result<std::string> advice = co_await ask(*parts, run, std::move(prompt), at.state);
  if (!advice) co_return unanswered(*parts, at, advice.error());
  co_return message_of(kStateType, advised(std::move(at.state), *advice, parts->spec->limits));
}

Task<Result<FlowMessage>> plan(PartsPtr parts, const FlowMessage& message, FlowRun& run) {
  Result<Standing> at = standing(message, run);
  if (!at) co_return fail(std::move(at).error());
  if (parts->spec->manifest && at->state.round == 1) {
    co_return message_of(kPlanType,
                         planned(std::move(at->state), asked_about(*parts->spec->manifest, at->question.query)));
  }
  Result<JobManifest> manifest = co_await remote_manifest(*parts, run, at->question, at->state);
  if (!manifest) co_return unanswered(*parts, *at, manifest.error());
  run.progress(fmt::format("round {}: {} tasks, chunks of {} {}, {} samples", at->state.round, manifest->tasks.size(),
                           manifest->chunking.size, name(manifest->chunking.unit), manifest->samples));
  co_return message_of(kPlanType, planned(std::move(at->state), *std::move(manifest)));
}

Task<Result<FlowMessage>> map(PartsPtr parts, const FlowMessage& message, FlowRun& run) {
  Result<Standing> at = standing(message, run);
  if (!at) co_return fail(std::move(at).error());
  const std::string& text = at->question.document.text;
  Result<Chunks> chunks = cut_document(text, at->state.manifest.chunking, parts->spec->limits);
  if (!chunks) co_return fail(std::move(chunks).error());
  Result<std::unique_ptr<ChunkWorker>> worker = parts->worker(at->question, run);
  if (!worker) co_return fail(std::move(worker).error());
  const MapWork work{.text = text,
                     .chunks = *chunks,
                     .manifest = at->state.manifest,
                     .limits = parts->spec->limits,
                     .round = at->state.round,
                     .at_once = parts->spec->at_once};
  Result<MapOutcome> outcome = co_await map_jobs(work, **worker, run);
  if (!outcome) co_return fail(std::move(outcome).error());
  co_return message_of(kMappedType, mapped(at->state, outcome->found, outcome->report, parts->spec->limits));
}

std::int64_t remote_room(const Parts& parts, const FlowRun& run) {
  if (parts.spec->remote_tokens_max > 0) return parts.spec->remote_tokens_max;
  const std::int64_t window = run.port(*parts.frontier).context_window();
  return window > 0 ? std::max<std::int64_t>(1, window - parts.spec->remote_output_tokens_max) : 0;
}

Task<Result<FlowMessage>> reduce(PartsPtr parts, const FlowMessage& message, FlowRun& run) {
  Result<Standing> at = standing(message, run);
  if (!at) co_return fail(std::move(at).error());
  const Limits& limits = parts->spec->limits;
  at->state = fitted(std::move(at->state), at->question, limits, remote_room(*parts, run), parts->spec->count_remote);
  if (at->state.kept.empty() && rounds_left(at->state, limits) == Rounds::MustAnswer) {
    // Nothing to conclude from: a remote model could only guess, and be paid for it.
    co_return answer_message(*parts, *at, Decision{});
  }
  Result<Decision> decision = co_await remote_decision(*parts, run, at->question, at->state);
  if (!decision) co_return unanswered(*parts, *at, decision.error());
  if (decision->kind == Decision::Kind::More) {
    run.progress(fmt::format("round {} was not enough", at->state.round));
    co_return message_of(kStateType, continued(std::move(at->state), *decision));
  }
  co_return answer_message(*parts, *at, *decision);
}

using Step = Task<Result<FlowMessage>> (*)(PartsPtr, const FlowMessage&, FlowRun&);

Executor executor(const PartsPtr& parts, std::string_view name, std::vector<std::string> takes,
                  std::vector<std::string> gives, Step step) {
  Executor made{
      .name = std::string(name), .takes = std::move(takes), .gives = std::move(gives), .run = {}, .version = {}};
  made.version = fmt::format("{} {}", kProtocolVersion, parts->spec->version);
  made.run = [parts, step](const FlowMessage& message, FlowRun& run) { return step(parts, message, run); };
  return made;
}

}  // namespace

Result<std::shared_ptr<const Flow>> build_minions(std::shared_ptr<const MinionsSpec> spec, MakeWorker worker,
                                                  std::shared_ptr<const PortModel> frontier) {
  SUFFICE_TRY_VOID(spec->limits.check());
  if (!worker) return fail(ErrorCode::InvalidArgument, "MINIONS needs a worker that reads the chunks", "models.worker");
  if (frontier == nullptr) {
    return fail(ErrorCode::InvalidArgument, "MINIONS needs a model that plans and concludes", "models.frontier");
  }
  if (spec->manifest) SUFFICE_TRY_VOID(parse_manifest(spec->manifest->json().text, spec->limits));
  const std::string state(kStateType);
  const std::string plan_type(kPlanType);
  const std::string mapped_type(kMappedType);
  const std::string answer(kAnswerType);
  const std::string none(kUnansweredType);
  const auto parts =
      std::make_shared<const Parts>(Parts{.spec = spec, .worker = std::move(worker), .frontier = std::move(frontier)});
  FlowBuilder builder(spec->name);
  builder.add(executor(parts, "advise", {std::string(kRequestType)}, {state, none}, advise))
      .add(executor(parts, "plan", {state}, {plan_type, none}, plan))
      .add(executor(parts, "map", {plan_type}, {mapped_type}, map))
      .add(executor(parts, "reduce", {mapped_type}, {state, answer, none}, reduce))
      .connect("advise", "plan")
      .connect("plan", "map")
      .connect("map", "reduce")
      .loop("rounds", kRoundsMax)
      .connect("reduce", "plan", {.label = "more", .when = {}, .loop = "rounds"});
  return builder.build();
}

}  // namespace suffice::workflow::minions
