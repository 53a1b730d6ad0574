#include "workflow/patterns/maker/maker.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {
namespace {

using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;

/// A chain of arithmetic with scripted models in all three parts.
struct Arithmetic {
  Arithmetic() {
    for (auto* model : {&worker, &frontier, &planner}) {
      model->client = std::make_shared<ScriptedModel>();
      model->model.price.output_per_million = 1'000'000;  // one dollar a token: costs are easy to read
    }
    worker.model.name = "small";
    worker.model.local = true;
    frontier.model.name = planner.model.name = "big";
    task.rules.voting = {.ahead_by = 2, .samples_max = 4};
    task.rules.format.shape = AnswerFormat::Shape::Value;
    task.rules.format.state = CanonicalForm::Number;
    task.entries = {{.instruction = "+3", .times = 1}, {.instruction = "*10", .times = 1}};
    task.start = "5";
    question.text = "{state}{step}=";
    question.output_tokens_max = 8;
  }

  static ScriptedModel& script(const PortModel& model) { return static_cast<ScriptedModel&>(*model.client); }

  MakerWorkers::Make asks(const PortModel& model) {
    return [this, &model](FlowRun& run) -> Result<std::unique_ptr<StepWorker>> {
      return std::make_unique<ModelWorker>(question, ModelPort(model, run.ledger()), run.deadline());
    };
  }

  Result<FlowOutcome> run(std::string query = "go") { return ask({.query = std::move(query)}); }

  Result<FlowOutcome> ask(const FlowRequest& request) {
    const Result<std::shared_ptr<const Flow>> flow =
        build_maker(std::make_shared<const MakerTask>(task),
                    {.worker = asks(worker), .frontier = asks(frontier), .planner = asks(planner)});
    if (!flow) return fail(flow.error());
    FlowOptions options;
    options.ledger = &ledger;
    options.on_event = [this](const FlowEvent& event) {
      if (event.kind == FlowEvent::Kind::Progress) told.emplace_back(event.text);
    };
    return net::run_sync(workflow::run(**flow, to_message(request), options));
  }

  MakerTask task;
  ModelQuestion question;
  PortModel worker;
  PortModel frontier;
  PortModel planner;
  RunLedger ledger;
  std::vector<std::string> told;
};

TEST(Maker, VotesOnEachStepAndAnswersWithTheLastState) {
  Arithmetic of;
  of.script(of.worker).answer("8").answer("8.0").answer("80").answer("80");

  const Result<FlowOutcome> outcome = of.run();

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->output.type, kAnswerType);
  EXPECT_EQ(
      outcome->output.body.text,
      R"({"answer":80,"state":80,"steps":2,"votes":4,"samples":4,"discarded":{},"escalated":0,"escalated_steps":[]})");
  EXPECT_EQ(of.ledger.calls(), 4);
  EXPECT_EQ(of.told, (std::vector<std::string>{"plan of 2 steps", "step 1 of 2, 2 votes, 0 discarded, 0 escalated",
                                               "step 2 of 2, 4 votes, 0 discarded, 0 escalated"}));
}

TEST(Maker, TheFirstSampleIsColdLaterOnesAreNot) {
  Arithmetic of;
  of.question.seed = 9;
  of.script(of.worker).answer("8").answer("8").answer("80").answer("80");

  ASSERT_TRUE(of.run());

  const std::vector<providers::ModelCall> calls = of.script(of.worker).calls();
  ASSERT_EQ(calls.size(), 4U);
  for (const std::size_t cold : {0U, 2U}) {
    EXPECT_EQ(calls[cold].request.sampling.temperature, 0.0);
    EXPECT_GT(calls[cold + 1].request.sampling.temperature.value_or(0), 0.0);
    EXPECT_NE(calls[cold].request.sampling.seed, calls[cold + 1].request.sampling.seed);
  }
  EXPECT_EQ(calls[0].input, "5+3=");
  EXPECT_EQ(calls[2].input, "8*10=");
  EXPECT_EQ(calls[2].request.sampling.max_tokens, 8);
}

TEST(Maker, AStepThatDoesNotConvergeAsksTheFrontierAndTheRecordSaysWhy) {
  Arithmetic of;
  of.script(of.worker).answer("8").answer("9").answer("8").answer("9").answer("80").answer("80");
  of.script(of.frontier).answer("8");

  const Result<FlowOutcome> outcome = of.run();

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":80)"));
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("escalated":1,"escalated_steps":[1])"));
  EXPECT_EQ(of.ledger.reasons(), std::vector<Reason>{Reason::VotesInconclusive});
  ASSERT_EQ(of.ledger.used().size(), 2U);
  EXPECT_EQ(of.ledger.used()[1].calls, 1);
}

TEST(Maker, ThePlannerMakesThePlanFromTheRequest) {
  Arithmetic of;
  of.task.entries.clear();
  of.question.text = "{step} {state}";
  of.script(of.planner).answer(R"({"start":1,"steps":[{"do":"+1","times":2}]})");
  of.script(of.worker).answer("2").answer("2").answer("3").answer("3");

  const Result<FlowOutcome> outcome = of.run("count to three");

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":3)"));
  EXPECT_EQ(of.script(of.planner).calls().front().input, "count to three null");
}

TEST(Maker, APlanWithAFaultIsAnErrorAndNothingOfItIsExecuted) {
  for (const char* plan :
       {"First +1, then +1.", R"({"start":1,"steps":[]})", R"({"start":1,"steps":[{"do":"+1"},{"run":"rm"}]})",
        R"({"start":1,"steps":[{"do":"+1","times":1000000000}]})",
        "```json\n{\"start\":1,\"steps\":[{\"do\":\"+1\"}]}\n```"}) {
    SCOPED_TRACE(plan);
    Arithmetic of;
    of.task.entries.clear();
    of.script(of.planner).answer(plan);

    const Result<FlowOutcome> outcome = of.run();

    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
    EXPECT_TRUE(of.script(of.worker).calls().empty());
  }
}

TEST(Maker, APlanThatWasCutOffIsNoPlanThoughItReadsWell) {
  Arithmetic of;
  of.task.entries.clear();
  Completion cut;
  cut.text = R"({"start":1,"steps":[{"do":"+1"}]})";
  cut.finish = FinishReason::Length;
  of.script(of.planner).answer(cut);

  EXPECT_EQ(of.run().error().code, ErrorCode::OutputRejected);
}

TEST(Maker, TheRequestIsTheStartWhenTheTaskHasNone) {
  Arithmetic of;
  of.task.start.clear();
  of.script(of.worker).answer("10").answer("10").answer("100").answer("100");

  const Result<FlowOutcome> outcome = of.run("7");

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(of.script(of.worker).calls().front().input, "7+3=");
  const FlowRequest with_document{.query = "7", .documents = {{.name = "a.txt", .text = "b"}}};
  EXPECT_FALSE(of.ask(with_document)) << "it would not be read";
}

TEST(Maker, StopsWithinTheCallsItMayMake) {
  Arithmetic of;
  of.ledger = RunLedger({.cost_max = {}, .calls_max = 3, .tokens_max = 0});
  of.script(of.worker).answer("8").answer("8").answer("80");

  const Result<FlowOutcome> outcome = of.run();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::BudgetExhausted);
  EXPECT_EQ(of.script(of.worker).calls().size(), 3U);
}

TEST(Maker, AWorkerThatAlwaysSaysRubbishIsPaidForOneStepOnly) {
  Arithmetic of;
  for (int i = 0; i < 4; ++i) of.script(of.worker).answer("I would rather not say a number");
  of.script(of.frontier).answer("Neither would I").answer("no");

  const Result<FlowOutcome> outcome = of.run();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
  EXPECT_EQ(outcome.error().where, "step 1");
  EXPECT_EQ(of.ledger.calls(), 6);
}

TEST(Maker, AFrontierThatMayNotBeAskedIsNotAsked) {
  Arithmetic of;
  for (const char* vote : {"8", "9", "8", "9"}) of.script(of.worker).answer(vote);
  const auto task = std::make_shared<const MakerTask>(of.task);
  const auto refused = [&of](FlowRun& run) -> Result<std::unique_ptr<StepWorker>> {
    ModelPort port(of.frontier, run.ledger(), Reason::KillSwitch);
    return std::make_unique<ModelWorker>(of.question, port, run.deadline());
  };
  const auto flow = *build_maker(task, {.worker = of.asks(of.worker), .frontier = refused, .planner = {}});
  FlowOptions options;
  options.ledger = &of.ledger;

  const Result<FlowOutcome> outcome = net::run_sync(workflow::run(*flow, to_message({.query = "1"}), options));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::NoFrontier);
  EXPECT_TRUE(of.script(of.frontier).calls().empty());
}

TEST(Maker, RefusesATaskThatCannotBeRun) {
  Arithmetic of;
  const auto build = [&of](bool planner) {
    return build_maker(std::make_shared<const MakerTask>(of.task),
                       {.worker = of.asks(of.worker),
                        .frontier = {},
                        .planner = planner ? of.asks(of.planner) : MakerWorkers::Make{}});
  };
  ASSERT_TRUE(build(false));
  of.task.rules.voting = {.ahead_by = 0, .samples_max = 5};
  EXPECT_FALSE(build(true));
  of.task.rules.voting = {.ahead_by = 3, .samples_max = 2};
  EXPECT_FALSE(build(true));
  of.task.rules.voting = {.ahead_by = 3, .samples_max = 5};
  of.task.entries.clear();
  EXPECT_FALSE(build(false)) << "no steps, no planner";
}

TEST(Maker, TheAnswerIsWhereTheTaskSaysOrTheRunHasNone) {
  Arithmetic of;
  of.task.rules.format.state = CanonicalForm::Json;
  of.task.entries.resize(1);
  of.task.answer = "/total";
  of.script(of.worker).answer(R"({"total":8.0})").answer(R"({"total":8})");
  EXPECT_THAT(of.run()->output.body.text, HasSubstr(R"("answer":8,"state":{"total":8})"));

  Arithmetic without;
  without.task = of.task;
  without.task.answer = "/sum";
  without.script(without.worker).answer(R"({"total":8.0})").answer(R"({"total":8})");
  const Result<FlowOutcome> outcome = without.run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
}

TEST(MakerQuestion, FillsWhatItNamesAndLeavesOtherBraces) {
  const StepQuestion question{.step = 4, .instruction = "do {state}", .state = R"({"a":1})"};

  EXPECT_EQ(question_text("{number}: {step} on {state}{other}{", question), R"(5: do {state} on {"a":1}{other}{)");
}

}  // namespace
}  // namespace suffice::workflow::maker
