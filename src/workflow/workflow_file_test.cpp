// Workflow files: every problem is said with its place; what is right runs.

#include "workflow/workflow_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/flow_io.hpp"

namespace suffice::workflow {
namespace {

namespace fs = std::filesystem;
using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Models "small" and "big", scripted.
struct Models {
  std::shared_ptr<ScriptedModel> small = std::make_shared<ScriptedModel>();
  std::shared_ptr<ScriptedModel> big = std::make_shared<ScriptedModel>();

  [[nodiscard]] WorkflowParts parts() const {
    return {
        .models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
          if (name != "small" && name != "big")
            return fail(ErrorCode::NotFound, "the policy has no model of this name");
          policy::Model model;
          model.name = name;
          model.local = name == "small";
          return std::make_shared<const PortModel>(PortModel{.model = model, .client = name == "small" ? small : big});
        },
        .prompts = nullptr};
  }
};

LoadedWorkflow parse(std::string_view yaml, const Models& models, const fs::path& file = "w.yaml") {
  return parse_workflow(yaml, file, models.parts());
}

std::string said(const LoadedWorkflow& loaded) { return policy::to_lines(loaded.problems); }

Result<FlowOutcome> run_workflow(const Workflow& workflow, const FlowRequest& request) {
  RunLedger ledger(workflow.budget.limits);
  const FlowOptions options = options_for(workflow, ledger, Deadline::never());
  return net::run_sync(run(*workflow.flow, to_message(request), options));
}

constexpr std::string_view kRouted = R"(version: 1
models: {worker: small, frontier: big}
budget: {usd: 0.5, calls: 4, tokens: 9000, steps: 9, time: 3s}
executors:
  kind: {model: worker, labels: [bug, praise], text: "Kind of: {{input/query}}"}
  thank: {function: template, text: "Thanks for {{input/query}}"}
  ask: {model: frontier, text: "{{kind/answer}}: {{input/query}}"}
edges:
  - {from: kind, to: thank, when: {pointer: /answer, equals: praise}}
  - {from: kind, to: ask}
)";

TEST(WorkflowFile, RunsTheGraphThatItsFileDraws) {
  Models models;
  models.small->answer("bug");
  models.big->answer("which cake?");
  const LoadedWorkflow loaded = parse(kRouted, models);
  ASSERT_TRUE(loaded.workflow) << said(loaded);

  const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, {.query = "it broke"});

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(*answer_text(outcome->output), "which cake?");
  EXPECT_EQ(models.big->calls().at(0).request.messages.back().text(), "bug: it broke");
  EXPECT_EQ(models.small->calls().at(0).constraint.labels, (std::vector<std::string>{"bug", "praise"}));
}

TEST(WorkflowFile, TakesTheEdgeWhoseConditionHolds) {
  Models models;
  models.small->answer("praise");
  const LoadedWorkflow loaded = parse(kRouted, models);
  ASSERT_TRUE(loaded.workflow) << said(loaded);

  const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, {.query = "the cake"});

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(*answer_text(outcome->output), "Thanks for the cake");
}

TEST(WorkflowFile, ReadsItsBudget) {
  const Models models;
  const LoadedWorkflow loaded = parse(kRouted, models);
  ASSERT_TRUE(loaded.workflow);

  const WorkflowBudget& budget = loaded.workflow->budget;

  EXPECT_EQ(budget.limits.cost_max, Usd::from_dollars(0.5));
  EXPECT_EQ(budget.limits.calls_max, 4);
  EXPECT_EQ(budget.limits.tokens_max, 9000);
  EXPECT_EQ(budget.steps_max, 9U);
  EXPECT_EQ(budget.time, std::chrono::seconds(3));
  EXPECT_EQ(loaded.workflow->name, "w");
}

TEST(WorkflowFile, RefusesAnAnswerThatIsNoLabelOrBreaksTheSchema) {
  Models models;
  models.small->answer("neither");
  const LoadedWorkflow labels = parse(kRouted, models);
  models.big->answer(R"({"name": 1})");
  const LoadedWorkflow schema = parse(R"(version: 1
executors:
  a: {model: big, schema: {type: object, properties: {name: {type: string}}, required: [name]}}
)",
                                      models);
  for (const LoadedWorkflow* loaded : {&labels, &schema}) {
    ASSERT_TRUE(loaded->workflow) << said(*loaded);

    const Result<FlowOutcome> outcome = run_workflow(*loaded->workflow, {.query = "q"});

    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
  }
}

TEST(WorkflowFile, RunsItsFunctions) {
  struct Case {
    std::string function;
    std::string answer;
  };
  const std::vector<Case> cases = {
      {"{function: get, pointer: /documents/0/name}", "a.txt"},
      {"{function: lines, pointer: /documents/0/text}", R"(["one","two"])"},
      {"{function: chunks, bytes: 16, pointer: /documents/1/text}", R"(["0123456789abcdef","ghij"])"},
      {"{function: count, pointer: /documents}", "3"},
      {"{function: count, pointer: /query}", "1"},
      {"{function: parse_json, pointer: /documents/2/text}", R"({"n":[1,2]})"},
      {"{function: template, text: \"{{/query}}{{input/query}}!\"}", "qq!"}};
  const FlowRequest request{
      .query = "q",
      .documents = {{"a.txt", "one\r\n\ntwo\n"}, {"b", "0123456789abcdefghij"}, {"c", "{\"n\": [1, 2]}"}}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.function);
    const Models models;
    const LoadedWorkflow loaded = parse("version: 1\nexecutors:\n  f: " + one.function + "\n", models);
    ASSERT_TRUE(loaded.workflow) << said(loaded);

    const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, request);

    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_EQ(*answer_text(outcome->output), one.answer);
  }
}

TEST(WorkflowFile, JoinsTheAnswersOfBranches) {
  const Models models;
  const LoadedWorkflow loaded = parse(R"(version: 1
executors:
  begin: {function: get, pointer: /query}
  a: {function: template, text: "a{{/answer}}"}
  b: {function: template, text: "b{{/answer}}"}
  both: {function: join, separator: "+"}
fan_out: [{from: begin, to: [a, b]}]
fan_in: [{from: [a, b], to: both, join: 2}]
)",
                                      models);
  ASSERT_TRUE(loaded.workflow) << said(loaded);

  const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, {.query = "q"});

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(*answer_text(outcome->output), "aq+bq");
}

struct ConditionCase {
  std::string when;
  std::string query;
  bool holds;
};

TEST(WorkflowFile, KnowsEveryKindOfCondition) {
  const std::vector<ConditionCase> cases = {
      {"{pointer: /answer, equals: a}", "a", true},
      {"{pointer: /answer, equals: a}", "b", false},
      {"{pointer: /answer, in: [a, b]}", "b", true},
      {"{pointer: /answer, in: [a, b]}", "c", false},
      {"{pointer: /answer, matches: 'x+y'}", "axxyb", true},
      {"{pointer: /answer, matches: '^x'}", "ax", false},
      {"{pointer: /answer, exists: true}", "a", true},
      {"{pointer: /nothing, exists: true}", "a", false},
      {"{pointer: /nothing, exists: false}", "a", true},
      {"{pointer: /nothing, equals: a}", "a", false},
      {"{pointer: /answer, above: 1}", "a", false},
      {"{not: {pointer: /answer, equals: a}}", "b", true},
      {"{any: [{pointer: /answer, equals: a}, {pointer: /answer, equals: b}]}", "b", true},
      {"{all: [{pointer: /answer, matches: a}, {pointer: /answer, matches: b}]}", "a", false},
      {"{pointer: /answer, matches: a, in: [ab, ac]}", "ab", true}};
  for (const ConditionCase& one : cases) {
    SCOPED_TRACE(one.when + " of " + one.query);
    const Models models;
    const LoadedWorkflow loaded = parse(R"(version: 1
executors:
  a: {function: get, pointer: /query}
  yes: {function: template, text: "holds"}
  no: {function: template, text: "not"}
edges:
  - {from: a, to: "yes", when: )" + one.when +
                                            R"(}
  - {from: a, to: "no"}
)",
                                        models);
    ASSERT_TRUE(loaded.workflow) << said(loaded);

    const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, {.query = one.query});

    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_EQ(*answer_text(outcome->output), one.holds ? "holds" : "not");
  }
}

TEST(WorkflowFile, ComparesNumbers) {
  for (const auto& [when, holds] :
       std::vector<std::pair<std::string, bool>>{{"{pointer: /answer, above: 2}", true},
                                                 {"{pointer: /answer, above: 3}", false},
                                                 {"{pointer: /answer, below: 3.5}", true},
                                                 {"{pointer: /answer, equals: 3.0}", true}}) {
    const Models models;
    const LoadedWorkflow loaded = parse(
        "version: 1\nexecutors:\n  a: {function: count, pointer: /query}\n  b: {function: template, text: holds}\nedges: [{from: a, to: b, when: " +
            when + "}]\n",
        models);
    ASSERT_TRUE(loaded.workflow) << said(loaded);

    const Result<FlowOutcome> outcome = run_workflow(*loaded.workflow, {.query = "abc"});

    ASSERT_TRUE(outcome);
    EXPECT_EQ(*answer_text(outcome->output) == "holds", holds) << when;
  }
}

struct Wrong {
  std::string title;
  std::string yaml;
  std::string place;  ///< line:column
  std::string words;
};

TEST(WorkflowFile, SaysEveryProblemWithItsLineAndColumn) {
  const std::vector<Wrong> cases = {
      {"empty", "", "", "the file is empty"},
      {"no YAML", "version: [1", "1:", ""},
      {"no version", "executors: {a: {function: get}}\n", "1:1", "version"},
      {"unknown key", "version: 1\nexecuters: {}\n", "2:1", "executors"},
      {"nothing to run", "version: 1\n", "1:", "a pattern, or executors"},
      {"unknown pattern", "version: 1\npattern: swarm\n", "2:10", ""},
      {"unknown model", "version: 1\nmodels:\n  worker: tiny\nexecutors: {a: {function: get}}\n", "3:11", "no model"},
      {"unknown model of an executor", "version: 1\nexecutors:\n  a: {model: tiny}\n", "3:14", "no model"},
      {"two kinds at once", "version: 1\nexecutors:\n  a: {model: big, function: get}\n", "3:3", "one of"},
      {"a member of another kind", "version: 1\nexecutors:\n  a: {function: get, labels: [x, y]}\n", "3:22",
       "does not use"},
      {"unknown function", "version: 1\nexecutors:\n  a: {function: eval}\n", "3:17", ""},
      {"chunks without a size", "version: 1\nexecutors:\n  a: {function: chunks}\n", "3:", "size in bytes"},
      {"template that is not closed", "version: 1\nexecutors:\n  a: {model: big, text: \"{{/x\"}\n", "3:25",
       "never closed"},
      {"template of an unknown executor", "version: 1\nexecutors:\n  abc: {model: big, text: \"{{abd/x}}\"}\n", "3:27",
       "did you mean \"abc\""},
      {"unknown target", "version: 1\nexecutors: {a: {function: get}}\nedges:\n  - {from: a, to: b}\n", "4:5",
       "unknown executor 'b'"},
      {"cycle without a budget", "version: 1\nexecutors:\n  a: {function: get}\nedges:\n  - {from: a, to: a}\n", "3:3",
       "no budget"},
      {"bad expression",
       "version: 1\nexecutors: {a: {function: get}, b: {function: get}}\nedges:\n  - {from: a, to: b, when: {pointer: /x, matches: '('}}\n",
       "4:51", "RE2"},
      {"condition about nothing",
       "version: 1\nexecutors: {a: {function: get}, b: {function: get}}\nedges:\n  - {from: a, to: b, when: {pointer: /x}}\n",
       "4:28", "says nothing"},
      {"unknown start", "version: 1\nstart: z\nexecutors: {a: {function: get}}\n", "2:8", "unknown executor 'z'"},
      {"bad time", "version: 1\nbudget: {time: soon}\nexecutors: {a: {function: get}}\n", "2:16", "20s"},
      {"unknown prompt", "version: 1\nexecutors:\n  a: {model: big, prompt: x@1}\n", "3:27", "no prompt"},
      {"schema that is none", "version: 1\nexecutors:\n  a: {model: big, schema: {type: thing}}\n", "3:27", ""},
      {"sub-workflow that is not there", "version: 1\nexecutors:\n  a: {workflow: nowhere.yaml}\n", "3:17",
       "nowhere.yaml"},
      {"workflow in itself", "version: 1\nexecutors:\n  a: {workflow: w.yaml}\n", "3:17", "never end"}};
  for (const Wrong& one : cases) {
    SCOPED_TRACE(one.title);
    const Models models;

    const LoadedWorkflow loaded = parse(one.yaml, models);

    EXPECT_EQ(loaded.workflow, nullptr);
    const std::string lines = said(loaded);
    EXPECT_THAT(lines, HasSubstr("w.yaml" + (one.place.empty() ? "" : ":" + one.place)));
    EXPECT_THAT(lines, HasSubstr(one.words));
  }
}

TEST(WorkflowFile, ReportsTheProblemsOfAnIncludedFileWithItsName) {
  std::string pattern = (fs::temp_directory_path() / "suffice-workflow-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern;
  std::ofstream(folder / "inner.yaml") << "version: 1\nexecutors:\n  x: {function: nothing}\n";
  const Models models;

  const LoadedWorkflow loaded =
      parse("version: 1\nexecutors:\n  sub: {workflow: inner.yaml}\n", models, folder / "outer.yaml");

  EXPECT_EQ(loaded.workflow, nullptr);
  EXPECT_THAT(said(loaded), HasSubstr((folder / "inner.yaml").string() + ":3:"));
  fs::remove_all(folder);
}

TEST(WorkflowFile, ChangesItsShapeWithAnythingThatAnswersDependOn) {
  const Models models;
  const std::string yaml(kRouted);
  const auto shape = [&](std::string_view text) { return parse(text, models).workflow->flow->shape(); };
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = yaml;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };

  EXPECT_EQ(shape(yaml), shape(yaml + "# a comment\n"));
  EXPECT_EQ(shape(yaml), shape(changed("calls: 4", "calls: 5")));
  EXPECT_NE(shape(yaml), shape(changed("Thanks", "Thank you")));
  EXPECT_NE(shape(yaml), shape(changed("equals: praise", "equals: bug")));
  EXPECT_NE(shape(yaml), shape(changed("frontier: big", "frontier: small")));
}

}  // namespace
}  // namespace suffice::workflow
