// suffice run: a workflow from the command line, watched, cut off, resumed.

#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/run_list.hpp"
#include "cli/run_session.hpp"
#include "cli/run_watch.hpp"
#include "core/text.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using workflow::FlowOutcome;
using workflow::ModelUse;

struct RunFlags {
  std::string workflow;
  std::vector<std::string> inputs;
  std::string query;
  std::string policy;
  std::string data;
  std::string resume;
  std::string show;
  bool list = false;
  bool watch = false;
  bool plan_only = false;
  bool mermaid = false;
  bool demo = false;
  bool json = false;
};

/// What became of a run: answered, refused as it was asked, or without an answer.
Exit exit_of(const Result<FlowOutcome>& outcome) {
  if (outcome) {
    const Result<std::string> text = workflow::answer_text(outcome->output);
    // A pattern may end without an answer and still show what it found (minions, "unanswered").
    if (!text && outcome->output.type == "unanswered") return Exit::GateNotMet;
    const Result<json::value> body = [&]() -> Result<json::value> { return json::parse(outcome->output.body.text); }();
    const json::object* object = body ? body->if_object() : nullptr;
    const json::value* answer = object == nullptr ? nullptr : object->if_contains("answer");
    return text && answer != nullptr && answer->is_null() ? Exit::GateNotMet : Exit::Ok;
  }
  switch (outcome.error().code) {
    case ErrorCode::Internal:
      return Exit::Internal;
    case ErrorCode::InvalidArgument:
    case ErrorCode::MalformedJson:
    case ErrorCode::MalformedRequest:
    case ErrorCode::UnsupportedField:
    case ErrorCode::PayloadTooLarge:
    case ErrorCode::NotFound:
    case ErrorCode::ContextOverflow:
    case ErrorCode::PolicyInvalid:
    case ErrorCode::ConfigInvalid:
    case ErrorCode::ModelInvalid:
    case ErrorCode::ChainBroken:
      return Exit::Usage;
    default:
      return Exit::GateNotMet;
  }
}

json::array used_json(const std::vector<ModelUse>& used) {
  json::array list;
  for (const ModelUse& use : used) {
    list.push_back(json::object{{"model", use.model},
                                {"local", use.local},
                                {"stand_in", use.stand_in},
                                {"calls", use.calls},
                                {"failed", use.failed},
                                {"input_tokens", use.usage.input_tokens},
                                {"output_tokens", use.usage.output_tokens},
                                {"cost_usd", use.cost.dollars()}});
  }
  return list;
}

void print_json(const RunEnd& end) {
  json::object object{{"run_id", end.run_id}};
  if (end.outcome) {
    object["outcome"] = "ok";
    object["answer"] = json::parse(end.outcome->output.body.text);
    object["steps"] = end.outcome->steps;
    object["replayed"] = end.outcome->replayed;
  } else {
    object["outcome"] = name(end.outcome.error().code);
    object["error"] = describe(end.outcome.error());
  }
  object["used"] = used_json(end.used);
  object["cost_usd"] = end.cost.dollars();
  if (!end.event_id.empty()) object["event_id"] = end.event_id;
  fmt::print("{}\n", json::serialize(object));
}

/// The answer alone on standard output, so that it can be piped; what it took on standard error.
void print(const RunEnd& end) {
  if (end.outcome) {
    fmt::print("{}\n", workflow::answer_text(end.outcome->output).value_or(end.outcome->output.body.text));
    std::fflush(stdout);
  }
  for (const ModelUse& use : end.used) {
    fmt::print(stderr, "{} {}{}: {} calls, {} tokens in, {} out, ${:.6f}\n", use.local ? "local" : "hosted", use.model,
               use.stand_in ? " (a recorded stand-in, not a model)" : "", use.calls, use.usage.input_tokens,
               use.usage.output_tokens, use.cost.dollars());
  }
  if (end.outcome) {
    fmt::print(stderr, "run {}: {} steps, {} of them from the journal, ${:.6f}\n", end.run_id, end.outcome->steps,
               end.outcome->replayed, end.cost.dollars());
    return;
  }
  fmt::print(stderr, "{} {}\n", paint("suffice:", "31", colours(STDERR_FILENO)), describe(end.outcome.error()));
  if (!end.run_id.empty())
    fmt::print(stderr, "what is done is kept; go on with: suffice run --resume {}\n", end.run_id);
}

Result<workflow::FlowRequest> request_of(const RunFlags& flags) {
  workflow::FlowRequest request{.query = flags.query};
  for (const std::string& file : flags.inputs) {
    SUFFICE_TRY(std::string text, read_input(file));
    if (const std::optional<std::size_t> at = first_invalid_utf8(text))
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("not UTF-8 at byte {}; convert it first (iconv -t UTF-8)", *at), file);
    if (trim(text).empty()) return fail(ErrorCode::InvalidArgument, "there is no text in it", file);
    request.documents.push_back(
        {.name = file == "-" ? "standard input" : fs::path(file).filename().string(), .text = std::move(text)});
  }
  if (first_invalid_utf8(request.query)) return fail(ErrorCode::InvalidArgument, "not UTF-8", "--query");
  if (request.documents.empty() && trim(request.query).empty() && !flags.demo && !flags.mermaid && !flags.plan_only)
    return fail(ErrorCode::InvalidArgument, "there is nothing to ask; give --query TEXT, --input FILE, or both");
  return request;
}

/// The run as asked for, with its journal when it is to be resumed.
Result<RunPlan> plan_of(const RunFlags& flags, const fs::path& data, std::unique_ptr<workflow::Journal>& journal) {
  if (!flags.resume.empty()) {
    SUFFICE_TRY(journal, workflow::Journal::open(journal_file(data, flags.resume)));
    SUFFICE_TRY(RunPlan plan, RunPlan::from_json(journal->header().about));
    if (!flags.policy.empty()) plan.policy = flags.policy;
    return plan;
  }
  RunPlan plan{.workflow = flags.workflow, .policy = {}, .demo = flags.demo, .request = {}};
  if (plan.workflow.empty())
    return fail(ErrorCode::InvalidArgument, "name a workflow of the policy or a file (suffice run --help)");
  SUFFICE_TRY(plan.request, request_of(flags));
  if (plan.demo) return plan;
  SUFFICE_TRY(const fs::path policy, policy_file(flags.policy));
  plan.policy = fs::absolute(policy);
  if (fs::is_regular_file(plan.workflow)) plan.workflow = fs::absolute(plan.workflow).string();
  return plan;
}

/// What a run may use, said before anything is spent.
Exit print_plan(RunSession& session, bool as_json) {
  const Result<std::optional<RunEnd>> planned = session.run_plan_only();
  if (!planned) return report(planned.error());
  if (*planned) {
    as_json ? print_json(**planned) : print(**planned);
    return exit_of((*planned)->outcome);
  }
  const workflow::Workflow& workflow = session.workflow();
  const workflow::RunLimits limits = workflow.budget.limits;
  if (as_json) {
    json::array models;
    for (const auto& [role, model] : workflow.models)
      models.push_back(json::object{{"role", role}, {"model", model->model.name}, {"local", model->model.local}});
    fmt::print("{}\n", json::serialize(json::object{{"workflow", workflow.name},
                                                    {"executors", workflow.flow->nodes().size()},
                                                    {"models", models},
                                                    {"usd_max", limits.cost_max ? limits.cost_max->dollars() : 0.0},
                                                    {"calls_max", limits.calls_max},
                                                    {"steps_max", workflow.budget.steps_max},
                                                    {"time_max_ms", workflow.budget.time.count()}}));
    return Exit::Ok;
  }
  fmt::print("{}: {}\n{} executors; at most {} steps, {} calls, ${:.4f}, {} s\n", workflow.name, workflow.description,
             workflow.flow->nodes().size(), workflow.budget.steps_max, limits.calls_max,
             limits.cost_max ? limits.cost_max->dollars() : 0.0, workflow.budget.time.count() / 1000);
  for (const auto& [role, model] : workflow.models)
    fmt::print("  {}: {}{}\n", role, model->model.name, model->model.local ? " (on this machine)" : "");
  return Exit::Ok;
}

Exit run(const RunFlags& flags) {
  const Result<fs::path> data = data_folder(flags.data);
  if (!data) return report(data.error());
  if (flags.list) return list_runs(*data, flags.json);
  if (!flags.show.empty()) return show_run(*data, flags.show, flags.json);
  std::unique_ptr<workflow::Journal> journal;
  Result<RunPlan> plan = plan_of(flags, *data, journal);
  if (!plan) return report(plan.error());
  const Result<std::unique_ptr<RunSession>> session = RunSession::open(*std::move(plan), *data);
  if (!session) return report(session.error());
  if (flags.mermaid) {
    fmt::print("{}", (*session)->flow().to_mermaid());
    return Exit::Ok;
  }
  if (flags.plan_only) return print_plan(**session, flags.json);
  std::optional<RunWatch> watch;
  if (flags.watch)
    watch.emplace((*session)->flow(), (*session)->ledger(), stderr,
                  ::isatty(STDERR_FILENO) == 1 ? RunWatch::Look::InPlace : RunWatch::Look::Lines);
  std::function<void(const workflow::FlowEvent&)> on_event;
  if (watch) on_event = [&watch](const workflow::FlowEvent& event) { watch->on_event(event); };
  const Result<RunEnd> end = (*session)->run(std::move(journal), std::move(on_event));
  if (watch) watch->finish();
  if (!end) return report(end.error());
  flags.json ? print_json(*end) : print(*end);
  return exit_of(end->outcome);
}

}  // namespace

void add_run(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = program.add_subcommand(
      "run",
      "Run a workflow: a pattern of several models, or a graph of your own (docs/workflows.md).\n\n"
      "NAME is a workflow of the policy or a file. The answer goes to standard output, what it took to standard error.\n"
      "  suffice run examples/workflows/ticket_desk.yaml --query 'my screen is broken' --watch\n"
      "  suffice run examples/workflows/log_facts.yaml --input build.log --mermaid\n"
      "  suffice run minions --input meeting.txt --query 'What was decided?'\n"
      "  suffice run --list                          runs kept in the data folder\n"
      "  suffice run --resume ID                     go on where a run was cut off; nothing is paid twice\n\n"
      "Exit 0 answered, 3 not answered (budget used up, inconclusive, cancelled), 2 bad input, 1 internal fault.");
  command->add_option("NAME", flags->workflow, "Workflow of the policy, workflow file, or (with --demo) pattern");
  command->add_option("--input", flags->inputs, "Document to work on; - is standard input. May be given several times");
  command->add_option("--query", flags->query, "What is asked");
  command->add_option("--policy", flags->policy, "Policy file [examples/policy.yaml]");
  command->add_option("--data", flags->data, "Folder of the record and of runs [$XDG_STATE_HOME/suffice]");
  command->add_flag("--watch", flags->watch, "Show the graph while it runs");
  command->add_option("--resume", flags->resume, "Go on with this run; its workflow and input are in its journal");
  command->add_flag("--plan-only", flags->plan_only, "Say what a run would need, and do not run it");
  command->add_flag("--mermaid", flags->mermaid, "Print the graph as Mermaid text, and do not run it");
  command->add_flag("--demo", flags->demo, "The pattern's demonstration: no models, no key, nothing paid");
  command->add_flag("--list", flags->list, "Runs of the data folder, oldest first");
  command->add_option("--show", flags->show, "What is kept of this run, step by step");
  command->add_flag("--json", flags->json, "One JSON object on standard output");
  command->callback([flags, &chosen] { chosen.run = [flags] { return run(*flags); }; });
}

}  // namespace suffice::cli
