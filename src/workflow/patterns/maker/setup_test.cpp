// The maker block of workflow files: what it becomes, what is refused and where; and the shipped examples, run.
#include "workflow/patterns/maker/setup.hpp"

#include <filesystem>
#include <stop_token>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::workflow::maker {
namespace {

namespace fs = std::filesystem;
using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;

const fs::path kExamples = fs::path(SUFFICE_SOURCE_DIR) / "examples";

const prompts::PromptLibrary& shipped_prompts() {
  static const prompts::PromptLibrary kLibrary = *prompts::PromptLibrary::load({kExamples / "prompts"});
  return kLibrary;
}

struct Models {
  std::shared_ptr<ScriptedModel> small = std::make_shared<ScriptedModel>();
  std::shared_ptr<ScriptedModel> big = std::make_shared<ScriptedModel>();

  [[nodiscard]] WorkflowParts parts() const {
    return {
        .models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
          if (name != "small" && name != "frontier")
            return fail(ErrorCode::NotFound, "the policy has no model of this name");
          policy::Model model;
          model.name = name;
          model.local = name == "small";
          return std::make_shared<const PortModel>(PortModel{.model = model, .client = name == "small" ? small : big});
        },
        .prompts = &shipped_prompts()};
  }
};

LoadedWorkflow parse(const Models& models, const std::string& yaml) {
  return parse_workflow(yaml, "chain.yaml", models.parts());
}

Result<FlowOutcome> run_it(const Workflow& workflow, std::string query = "go") {
  RunLedger ledger(workflow.budget.limits);
  const FlowOptions options = options_for(workflow, ledger, Deadline::never());
  return net::run_sync(run(*workflow.flow, to_message({.query = std::move(query)}), options));
}

constexpr const char* kChain = R"(version: 1
pattern: maker
models: {worker: small, frontier: frontier}
maker:
  ahead_by: 2
  samples_max: 4
  format: value
  canonical: {state: number}
  question: "{state}{step}="
  plan:
    start: 5
    steps: [{do: "+3"}, {do: "*10"}]
)";

TEST(MakerFile, IsAWorkflowThatRuns) {
  const Models models;
  const LoadedWorkflow loaded = parse(models, kChain);
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  models.small->answer("8").answer("8").answer("80").answer("79").answer("80").answer("80.0");

  const Result<FlowOutcome> outcome = run_it(*loaded.workflow);

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":80)"));
  EXPECT_EQ(models.small->calls()[2].input, "8*10=");
  EXPECT_EQ(models.small->calls()[0].request.sampling.temperature, 0.0);
  EXPECT_TRUE(models.small->calls()[0].request.sampling.seed.has_value())
      << "a local worker's samples can be drawn again";
}

TEST(MakerFile, ProblemsHaveTheirPlace) {
  struct Case {
    const char* name;
    std::string block;
    const char* said;
  };
  const std::string head = "version: 1\npattern: maker\nmodels: {worker: small, frontier: frontier}\nmaker:\n";
  const std::string plan = "  plan: {start: 1, steps: [{do: a}]}\n";
  const std::vector<Case> table = {
      {"an unknown key", plan + "  votes: 3\n", "chain.yaml:6:3: maker.votes"},
      {"no lead", plan + "  ahead_by: 0\n", "chain.yaml:6:13: maker.ahead_by"},
      {"fewer samples than the lead", plan + "  ahead_by: 5\n  samples_max: 4\n", "chain.yaml:7:16: maker.samples_max"},
      {"a canonical form that is none", plan + "  canonical: {state: fuzzy}\n", "maker.canonical.state"},
      {"a schema that is none", plan + "  state_schema: {type: 7}\n", "chain.yaml:6"},
      {"an action of a value", plan + "  format: value\n  action_schema: {type: string}\n", "maker.action_schema"},
      {"a prompt that is not there", plan + "  step_prompt: maker_stp@1\n", "did you mean \"maker_step@1\""},
      {"zero steps", "  plan: {start: 1, steps: []}\n", "maker.plan.steps"},
      {"an empty step", "  plan: {start: 1, steps: [{do: ' '}]}\n",
       "chain.yaml:5:33: maker.plan.steps[0].do: the instruction is empty"},
      {"absurdly many steps", "  plan: {start: 1, steps: [{do: a, times: 9000000000000000000}]}\n",
       "more than 1000 steps"},
      {"a probability that is none", plan + "  simulated: {task: hanoi, right: 1.5}\n", "maker.simulated.right"},
      {"a NaN", plan + "  simulated: {task: hanoi, right: .nan}\n", "maker.simulated.right"},
      {"a worker twice", plan + "  simulated: {task: hanoi}\n", "not both"},
      {"a candidate that is not there", plan + "  candidates: [tiny]\n", "maker.candidates[0]"},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.name);
    const Models models;
    const LoadedWorkflow loaded = parse(models, head + row.block);
    EXPECT_EQ(loaded.workflow, nullptr);
    EXPECT_THAT(policy::to_lines(loaded.problems), HasSubstr(row.said));
  }
}

TEST(MakerFile, NeedsAWorkerAndAPlanOrSomebodyToMakeIt) {
  const Models models;
  EXPECT_THAT(
      policy::to_lines(parse(models, "version: 1\npattern: maker\nmaker:\n  plan: {steps: [{do: a}]}\n").problems),
      HasSubstr("no worker"));
  EXPECT_THAT(
      policy::to_lines(
          parse(models, "version: 1\npattern: maker\nmodels: {worker: small}\nmaker: {ahead_by: 2}\n").problems),
      HasSubstr("no plan"));
  EXPECT_TRUE(parse(models, "version: 1\npattern: maker\nmodels: {worker: small, planner: frontier}\n").workflow);
}

TEST(MakerFile, AnotherSettingIsAnotherShapeForAJournal) {
  const Models models;
  const std::string other = std::string(kChain) + "  temperature: 1\n";

  EXPECT_NE(parse(models, kChain).workflow->flow->shape(), parse(models, other).workflow->flow->shape());
  EXPECT_EQ(parse(models, kChain).workflow->flow->shape(), parse(models, kChain).workflow->flow->shape());
}

TEST(MakerFile, AGrammarHoldsTheWorkerToTheFormat) {
  const Models models;
  const LoadedWorkflow loaded = parse(models, std::string(kChain) + "  grammar: true\n");
  ASSERT_TRUE(loaded.workflow);
  for (const char* said : {"8", "8", "80", "80"}) models.small->answer(said);
  ASSERT_TRUE(run_it(*loaded.workflow));

  EXPECT_EQ(models.small->calls()[0].constraint.kind, providers::OutputConstraint::Kind::Regex);
}

TEST(MakerExamples, TheShippedPromptsPlanAndSolve) {
  const Models models;
  const LoadedWorkflow loaded = load_workflow(kExamples / "workflows/maker.yaml", models.parts());
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  models.big->answer(R"({"start":5,"steps":[{"do":"+3"}]})");
  for (int i = 0; i < 3; ++i) models.big->answer(R"({"action":"5+3","state":8})");

  const Result<FlowOutcome> outcome = run_it(*loaded.workflow, "Add 3 to 5.");

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":8)"));
  EXPECT_THAT(models.big->calls()[0].request.messages.back().text(), HasSubstr("Add 3 to 5."));
  EXPECT_THAT(models.big->calls()[1].request.messages.back().text(), HasSubstr("Step: +3\nState: 5"));
}

TEST(MakerExamples, TheSimulatedSumIsSixteenAndItsRatesAreFound) {
  const Models models;
  const LoadedWorkflow loaded = load_workflow(kExamples / "workflows/sums_simulated.yaml", models.parts());
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  const Result<FlowOutcome> outcome = run_it(*loaded.workflow);
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":16)"));
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("steps":5)"));
  ASSERT_TRUE(loaded.workflow->plan);
  RunLedger ledger;
  FlowOptions options;
  options.ledger = &ledger;
  const Result<FlowOutcome> planned = net::run_sync(run(*loaded.workflow->plan, to_message({.query = ""}), options));
  ASSERT_TRUE(planned) << describe(planned.error());
  EXPECT_THAT(planned->output.body.text, HasSubstr("SIMULATED worker"));
}

TEST(MakerExamples, HanoiWithTwentyDisksGoesOnUntilItIsStopped) {
  const Models models;
  const LoadedWorkflow loaded = load_workflow(kExamples / "workflows/hanoi.yaml", models.parts());
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  RunLedger ledger;
  FlowOptions options = options_for(*loaded.workflow, ledger, Deadline::never());
  std::stop_source stop;
  options.stop = stop.get_token();
  int told = 0;
  options.on_event = [&](const FlowEvent& event) {
    if (event.kind == FlowEvent::Kind::Progress && ++told == 2)
      stop.request_stop();  // the plan, then one percent of the steps
  };

  const Result<FlowOutcome> outcome = net::run_sync(run(*loaded.workflow->flow, to_message({.query = "go"}), options));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled) << describe(outcome.error());
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace suffice::workflow::maker
