// The pattern cascade from a file: who answers, what is passed over, what is paid.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::workflow {
namespace {

using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;

constexpr std::string_view kFile = R"(version: 1
pattern: cascade
models: {worker: small, frontier: big}
cascade: {labels: [bug, praise], escalate_labels: [bug], min_confidence: 0.8, max_tokens: 9}
)";

Completion labelled(std::string label, double probability) {
  Completion completion;
  completion.text = label;
  completion.finish = FinishReason::Stop;
  completion.labels = LabelDistribution{.entries = {{label, probability}, {"other", 1 - probability}}};
  completion.usage = Usage{.input_tokens = 10, .output_tokens = 1};
  return completion;
}

class CascadeFlow : public ::testing::Test {
 protected:
  Result<FlowOutcome> run_file(std::string_view yaml = kFile, FlowOptions options = {}) {
    const WorkflowParts parts{.models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
                                policy::Model model;
                                model.name = name;
                                model.local = name == "small";
                                return std::make_shared<const PortModel>(
                                    PortModel{.model = model, .client = name == "small" ? small_ : big_});
                              },
                              .prompts = nullptr};
    const LoadedWorkflow loaded = parse_workflow(yaml, "w.yaml", parts);
    if (!loaded.workflow) return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems));
    options.ledger = &ledger_;
    return net::run_sync(run(*loaded.workflow->flow, to_message({.query = "q"}), options));
  }

  std::shared_ptr<ScriptedModel> small_ = std::make_shared<ScriptedModel>();
  std::shared_ptr<ScriptedModel> big_ = std::make_shared<ScriptedModel>();
  RunLedger ledger_;
};

TEST_F(CascadeFlow, TheSmallModelAnswersAloneWhereItIsSure) {
  small_->answer(labelled("praise", 0.95));

  const auto outcome = run_file();

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(*answer_text(outcome->output), "praise");
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("rung":1,"passed_over":[])"));
}

TEST_F(CascadeFlow, TheFrontierAnswersWhereTheGateIsNotContentAndBothArePaid) {
  struct Case {
    std::string title;
    Completion answer;
    std::string why;
  };
  const std::vector<Case> cases = {{"unsure", labelled("praise", 0.6), "confidence_low"},
                                   {"a label that escalates", labelled("bug", 0.99), "label_escalates"},
                                   {"no label", labelled("neither", 0.99), ""}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.title);
    ledger_ = RunLedger();
    small_->answer(one.answer);
    big_->answer("bug");

    const auto outcome = run_file();

    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_EQ(*answer_text(outcome->output), "bug");
    EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("passed_over":[{"model":"small")"));
    EXPECT_THAT(outcome->output.body.text, HasSubstr(one.why));
    EXPECT_EQ(ledger_.calls(), 2);
  }
}

TEST_F(CascadeFlow, AFailedOrRefusedSmallModelIsPassedOver) {
  big_->answer("bug");
  FlowOptions options;
  options.refused = [](const policy::Model& model) {
    return model.local ? std::optional(Reason::KillSwitch) : std::nullopt;
  };

  const auto outcome = run_file(kFile, options);

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr("model_unavailable"));
  EXPECT_EQ(ledger_.calls(), 1);
}

TEST_F(CascadeFlow, NothingIsServedThatFailsTheChecksOfTheLastRung) {
  small_->fail_with(ErrorCode::UpstreamFailed);
  big_->answer("I think it is a bug.");

  const auto outcome = run_file();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
}

TEST_F(CascadeFlow, ABudgetThatIsUsedUpEndsTheRunBeforeTheFrontier) {
  ledger_ = RunLedger({.cost_max = {}, .calls_max = 1});
  small_->answer(labelled("praise", 0.5));

  const auto outcome = run_file();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::BudgetExhausted);
}

TEST_F(CascadeFlow, ItsFileIsCheckedWithPlaces) {
  const auto missing = run_file("version: 1\npattern: cascade\nmodels: {worker: small}\n");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("needs a model for the role frontier"));

  const auto unknown =
      run_file("version: 1\npattern: cascade\nmodels: {worker: small, frontier: big}\ncascade: {label: [a, b]}\n");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("w.yaml:4:"));
}

}  // namespace
}  // namespace suffice::workflow
