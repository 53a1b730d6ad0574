// The minions block of workflow files: what it becomes, what is refused and where; and the shipped example, run.

#include "workflow/patterns/minions/setup.hpp"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/patterns/minions/minions_fixture.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::workflow::minions {
namespace {

namespace fs = std::filesystem;
using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kExamples = fs::path(SUFFICE_SOURCE_DIR) / "examples" / "workflows";

struct Models {
  std::shared_ptr<RemoteSpy> frontier =
      std::make_shared<RemoteSpy>([](const std::string& prompt) -> Result<Completion> {
        const bool any = prompt.find("\n[1] ") != std::string::npos;
        return said(any ? R"({"decision":"answer","answer":"See there.","evidence":[1]})"
                        : R"({"decision":"answer","answer":null})");
      });

  [[nodiscard]] WorkflowParts parts() const {
    return {.models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
      if (name != "small" && name != "frontier")
        return fail(ErrorCode::NotFound, "the policy has no model of this name");
      PortModel model = hosted(frontier);
      model.model.name = name;
      model.model.local = name == "small";
      return std::make_shared<const PortModel>(std::move(model));
    }};
  }
};

std::string problems_of(const std::string& yaml) {
  const Models models;
  return policy::to_lines(parse_workflow(yaml, kExamples / "w.yaml", models.parts()).problems);
}

constexpr std::string_view kHead = "version: 1\npattern: minions\nmodels: {frontier: frontier}\nminions:\n";

TEST(MinionsSetup, TheShippedExampleFindsTheCitationOfItsDocument) {
  const Models models;
  const LoadedWorkflow loaded = load_workflow(kExamples / "minions.yaml", models.parts());
  ASSERT_NE(loaded.workflow, nullptr) << policy::to_lines(loaded.problems);
  std::string text;
  for (int i = 0; i < 60; ++i) text += "PM: we talk about other things, number " + std::to_string(i) + "\n";
  text += "UI: the battery should last two years\n";
  RunLedger ledger(loaded.workflow->budget.limits);
  const FlowOptions options = options_for(*loaded.workflow, ledger, Deadline::never());

  const Result<FlowOutcome> outcome = net::run_sync(
      run(*loaded.workflow->flow, question_of(text, "How long should the battery last?").message(), options));

  ASSERT_TRUE(outcome.has_value()) << describe(outcome.error());
  EXPECT_EQ(outcome->output.type, kAnswerType);
  EXPECT_THAT(answer_text(outcome->output).value(), HasSubstr("UI: the battery should last two years"));
  EXPECT_EQ(models.frontier->calls.size(), 1U) << "its own manifest needs no planner";
}

TEST(MinionsSetup, SaysEveryProblemAtItsPlace) {
  struct Case {
    std::string_view name;
    std::string block;
    std::string_view problem;
  };
  const Case cases[] = {
      {.name = "nobody reads", .block = "  rounds: 2\n", .problem = "nobody reads"},
      {.name = "more than five rounds", .block = "  spans: {}\n  rounds: 6\n", .problem = "rounds"},
      {.name = "unknown key", .block = "  spans: {}\n  speed: 9\n", .problem = "speed"},
      {.name = "no such selector", .block = "  spans: {model: nowhere.json}\n", .problem = "cannot be read"},
      {.name = "a manifest that cuts facts",
       .block =
           "  spans: {}\n  manifest: {tasks: [{name: a, instruction: b}], chunking: {unit: turns, size: 5, overlap: 0}, samples: 1}\n",
       .problem = "longest expected fact"},
      {.name = "a fact as long as a chunk",
       .block = "  spans: {}\n  fact_bytes: 900\n  chunk_bytes: 900\n",
       .problem = "fact_bytes"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(problems_of(std::string(kHead) + c.block), HasSubstr(c.problem));
  }
  EXPECT_THAT(problems_of(std::string(kHead) + "  spans: {share: 0.2}\n"), IsEmpty());
}

TEST(MinionsSetup, RefusesAHostedWorkerForItWouldBeSentTheDocument) {
  const std::string yaml = "version: 1\npattern: minions\nmodels: {frontier: frontier, worker: frontier}\n";
  EXPECT_THAT(problems_of(yaml), HasSubstr("must be a local model"));
  EXPECT_THAT(problems_of("version: 1\npattern: minions\nmodels: {frontier: frontier, worker: small}\n"), IsEmpty());
  EXPECT_THAT(
      problems_of("version: 1\npattern: minions\nmodels: {frontier: frontier, worker: small}\nminions: {spans: {}}\n"),
      HasSubstr("not both"));
}

}  // namespace
}  // namespace suffice::workflow::minions
