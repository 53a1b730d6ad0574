#include "workflow/patterns/maker/setup.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/hash.hpp"
#include "policy/fields.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/reports.hpp"

namespace suffice::workflow::maker {
namespace {

namespace json = boost::json;
using policy::Fields;

constexpr std::int64_t kStepsUsual = 1'000;

/// A block while it is read: remembers whether anything was wrong.
struct Reading {
  PatternBlock& block;
  const Fields fields;
  bool good = true;

  void problem(std::string_view where, std::string message) {
    good = false;
    block.problem(where, std::move(message));
  }
  std::shared_ptr<const prompts::Prompt> prompt(std::string_view key) {
    std::shared_ptr<const prompts::Prompt> found = block.prompt(key);
    if (found == nullptr && fields.has(key)) good = false;
    return found;
  }
};

void read_voting(Reading& of, VotingRules& voting) {
  voting.ahead_by = static_cast<int>(of.fields.integer("ahead_by", voting.ahead_by));
  voting.samples_max = static_cast<int>(of.fields.integer("samples_max", std::max(30, 4 * voting.ahead_by)));
  if (voting.samples_max < voting.ahead_by) {
    of.problem("samples_max",
               "a step may have fewer samples than it has to be ahead by: no vote could ever be decided");
  }
}

/// The compiled schema at `key`; null when there is none, or after a problem.
std::shared_ptr<const gate::JsonSchema> read_schema(Reading& of, std::string_view key) {
  const json::value* value = of.fields.find(key);
  if (value == nullptr) return nullptr;
  Result<std::shared_ptr<const gate::JsonSchema>> schema =
      gate::JsonSchema::compile(wire::to_json_text(*value).text, gate::Strictness::ModelOutput);
  if (schema) return *std::move(schema);
  of.problem(key, describe(schema.error()));
  return nullptr;
}

void read_format(Reading& of, AnswerFormat& format) {
  format.shape = of.fields.text("format", "pair") == "value" ? AnswerFormat::Shape::Value : AnswerFormat::Shape::Pair;
  const Fields canonical = of.fields.below("canonical");
  // The schema allows only names of forms.
  format.action = canonical_form_from_name(canonical.text("action", "json")).value_or(CanonicalForm::Json);
  format.state = canonical_form_from_name(canonical.text("state", "json")).value_or(CanonicalForm::Json);
  format.bytes_max = static_cast<std::size_t>(of.fields.integer("output_bytes_max", 2'000));
  format.action_schema = read_schema(of, "action_schema");
  format.state_schema = read_schema(of, "state_schema");
  const bool pair = format.shape == AnswerFormat::Shape::Pair;
  if (!pair && of.fields.has("action_schema")) of.problem("action_schema", "an answer that is a value has no action");
}

/// The grammar of an answer, where the client can enforce one.
providers::OutputConstraint constraint_of(const Fields& fields, const AnswerFormat& format) {
  using Kind = providers::OutputConstraint::Kind;
  providers::OutputConstraint constraint;
  if (!fields.flag("grammar", false)) return constraint;
  if (format.shape == AnswerFormat::Shape::Value) {
    if (format.state != CanonicalForm::Number) return constraint;
    constraint.kind = Kind::Regex;
    constraint.regex = R"(-?[0-9]{1,15}(\.[0-9]{1,9})?)";
    return constraint;
  }
  json::object members{{"action", json::object()}, {"state", json::object()}};
  if (const json::value* schema = fields.find("action_schema")) members["action"] = *schema;
  if (const json::value* schema = fields.find("state_schema")) members["state"] = *schema;
  const json::object whole{{"type", "object"},
                           {"additionalProperties", false},
                           {"required", json::array{"action", "state"}},
                           {"properties", std::move(members)}};
  constraint.kind = Kind::JsonSchema;
  constraint.schema = wire::to_json_text(whole);
  return constraint;
}

void read_questions(Reading& of, MakerSetup& setup) {
  ModelQuestion& worker = setup.worker_question;
  worker.prompt = of.prompt("step_prompt");
  worker.text = of.fields.text("question", worker.text);
  worker.later_temperature = of.fields.number("temperature").value_or(worker.later_temperature);
  worker.output_tokens_max = of.fields.integer("output_tokens_max", worker.output_tokens_max);
  worker.at_once = static_cast<std::size_t>(of.fields.integer("at_once", 8));
  worker.constraint = constraint_of(of.fields, setup.task.rules.format);
  if (setup.worker != nullptr && setup.worker->model.local) {
    worker.seed = static_cast<std::uint64_t>(of.fields.integer("seed", 1));
  }
  // A frontier is asked once, as its policy says; some refuse a temperature. It may need more words before its answer.
  setup.frontier_question = worker;
  setup.frontier_question.first_temperature.reset();
  setup.frontier_question.seed.reset();
  setup.planner_question = setup.frontier_question;
  setup.planner_question.prompt = of.prompt("plan_prompt");
  setup.planner_question.text = "{step}";
  setup.planner_question.constraint = {};
  setup.planner_question.output_tokens_max = of.fields.integer("plan_tokens_max", 2'048);
}

void read_plan(Reading& of, MakerSetup& setup) {
  MakerTask& task = setup.task;
  task.limits.steps_max = static_cast<std::uint64_t>(of.fields.integer("steps_max", kStepsUsual));
  const Fields plan = of.fields.below("plan");
  const json::value* steps = plan.find("steps");
  if (steps == nullptr || !steps->is_array()) {
    if (setup.planner == nullptr) of.problem("", "there is no plan, and no model frontier or planner to make one");
    return;
  }
  for (const json::value& item : steps->get_array()) {
    const Fields entry(&item);
    task.entries.push_back(
        {.instruction = entry.text("do"), .times = static_cast<std::uint64_t>(entry.integer("times", 1))});
  }
  if (const json::value* start = plan.find("start")) task.start = wire::canonical_json(*start);
  const Result<Plan> checked = Plan::create(task.start.empty() ? "null" : task.start, task.entries, task.limits);
  if (!checked) of.problem("plan" + checked.error().where, checked.error().message);
}

void read_simulation(Reading& of, MakerSetup& setup) {
  if (!of.fields.has("simulated")) {
    if (setup.worker == nullptr) of.problem("", "models: names no worker");
    return;
  }
  if (setup.worker != nullptr) of.problem("simulated", "the worker is a model or simulated, not both");
  const Fields simulated = of.fields.below("simulated");
  Simulation simulation;
  simulation.task = simulated.text("task") == "hanoi" ? Simulation::Task::Hanoi : Simulation::Task::Arithmetic;
  simulation.noise.right = simulated.number("right").value_or(1);
  simulation.noise.valid = simulated.number("valid").value_or(1);
  simulation.noise.seed = static_cast<std::uint64_t>(simulated.integer("seed", 1));
  setup.simulation = simulation;
}

void read_candidates(Reading& of, MakerSetup& setup) {
  const std::vector<std::string> names = of.fields.texts("candidates");
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::shared_ptr<const PortModel> model = of.block.model_named(names[i], "candidates/" + std::to_string(i));
    if (model == nullptr) of.good = false;
    if (model != nullptr) setup.candidates.push_back(std::move(model));
  }
}

/// What answers depend on: the block itself, its prompts and models.
std::string version_of(const Fields& fields, const MakerSetup& setup) {
  std::string text = wire::canonical_json(fields.object());
  for (const ModelQuestion* question : {&setup.worker_question, &setup.planner_question}) {
    if (question->prompt != nullptr) text += ' ' + question->prompt->digest;
  }
  for (const auto* model : {&setup.worker, &setup.frontier, &setup.planner}) {
    if (*model != nullptr) text += ' ' + (*model)->model.name + ' ' + (*model)->model.model;
  }
  return sha256_hex(text).substr(0, 16);
}

/// A worker that asks `model`, and keeps the setup for as long as it lives.
class OwningWorker final : public StepWorker {
 public:
  OwningWorker(std::shared_ptr<const MakerSetup> setup, const ModelQuestion& question, const PortModel& model,
               FlowRun& run)
      : setup_(std::move(setup)), worker_(question, run.port(model), run.deadline()) {}
  Task<Result<void>> sample(const StepQuestion& question, SampleRange range,
                            std::vector<Result<Sample>>& out) override {
    return worker_.sample(question, range, out);
  }

 private:
  std::shared_ptr<const MakerSetup> setup_;
  ModelWorker worker_;
};

MakerWorkers::Make asks(const std::shared_ptr<const MakerSetup>& setup, const ModelQuestion& question,
                        const std::shared_ptr<const PortModel>& model) {
  if (model == nullptr) return {};
  return [setup, &question, model](FlowRun& run) -> Result<std::unique_ptr<StepWorker>> {
    return std::make_unique<OwningWorker>(setup, question, *model, run);
  };
}

}  // namespace

Oracle oracle_of(Simulation::Task task) {
  return task == Simulation::Task::Hanoi ? hanoi_oracle() : arithmetic_oracle();
}

std::shared_ptr<const MakerSetup> read_maker_setup(PatternBlock& block) {
  Reading of{.block = block, .fields = block.fields()};
  auto setup = std::make_shared<MakerSetup>();
  setup->worker = block.model("worker");
  setup->frontier = block.model("frontier");
  setup->planner = block.model("planner") != nullptr ? block.model("planner") : setup->frontier;
  read_simulation(of, *setup);
  read_voting(of, setup->task.rules.voting);
  read_format(of, setup->task.rules.format);
  read_questions(of, *setup);
  read_plan(of, *setup);
  read_candidates(of, *setup);
  setup->task.answer = of.fields.text("answer");
  if (of.fields.has("sample")) setup->sample = block.folder() / of.fields.text("sample");
  setup->target = of.fields.number("target").value_or(setup->target);
  setup->task.name = block.workflow();
  setup->task.version = version_of(of.fields, *setup);
  return of.good ? setup : nullptr;
}

MakerWorkers workers_of(const std::shared_ptr<const MakerSetup>& setup) {
  MakerWorkers workers;
  if (setup->simulation) {
    const Simulation simulation = *setup->simulation;
    workers.worker = [simulation](FlowRun&) -> Result<std::unique_ptr<StepWorker>> {
      return std::make_unique<SimulatedWorker>(oracle_of(simulation.task), simulation.noise);
    };
  } else {
    workers.worker = asks(setup, setup->worker_question, setup->worker);
  }
  workers.frontier = asks(setup, setup->frontier_question, setup->frontier);
  workers.planner = asks(setup, setup->planner_question, setup->planner);
  return workers;
}

Pattern maker_pattern() {
  Pattern pattern;
  pattern.name = "maker";
  pattern.roles_allowed = {"worker", "frontier", "planner"};
  pattern.read = [](PatternBlock& block) -> std::shared_ptr<const Flow> {
    const std::shared_ptr<const MakerSetup> setup = read_maker_setup(block);
    if (setup == nullptr) return nullptr;
    Result<std::shared_ptr<const Flow>> flow =
        build_maker(std::shared_ptr<const MakerTask>(setup, &setup->task), workers_of(setup));
    if (flow) return *std::move(flow);
    block.problem("", describe(flow.error()));
    return nullptr;
  };
  pattern.plan = [](PatternBlock& block) -> std::shared_ptr<const Flow> {
    const std::shared_ptr<const MakerSetup> setup = read_maker_setup(block);
    return setup == nullptr ? nullptr : forecast_flow(setup);
  };
  pattern.demo = demo_flow;
  return pattern;
}

}  // namespace suffice::workflow::maker
