// What `suffice run maker --demo` and `--plan-only` answer.
#include "workflow/patterns/maker/reports.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "wire/json.hpp"
#include "workflow/flow_io.hpp"

namespace suffice::workflow::maker {
namespace {

namespace fs = std::filesystem;
using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;

Result<FlowOutcome> run_it(const Flow& flow, RunLedger& ledger) {
  FlowOptions options;
  options.ledger = &ledger;
  return net::run_sync(run(flow, to_message({.query = ""}), options));
}

TEST(MakerDemoFlow, ShowsTheTruthBesideEveryStepAndSaysThatItIsSimulated) {
  RunLedger ledger;
  const Result<FlowOutcome> outcome = run_it(*demo_flow(), ledger);

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(ledger.calls(), 0);
  const boost::json::value answer = *wire::parse_json(outcome->output.body.text);
  EXPECT_EQ(answer.at("answer"), 16);
  EXPECT_EQ(answer.at("simulated"), true);
  EXPECT_EQ(answer.at("calculation").as_array().size(), 5U);
  const std::string text = *answer_text(outcome->output);
  EXPECT_THAT(text, HasSubstr("SIMULATED"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("WRONG")));
}

class MakerForecastFlow : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "suffice-forecast-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    setup_->task.name = "sums";
    setup_->task.entries = {{.instruction = "+1", .times = 20}};
    setup_->task.rules.format.shape = AnswerFormat::Shape::Value;
    setup_->task.rules.format.state = CanonicalForm::Number;
    setup_->sample = folder_ / "known.jsonl";
    std::ofstream(setup_->sample) << R"({"do":"+1","state":1,"next":2})" << "\n"
                                  << R"({"do":"+1","state":2,"next":3})" << "\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A model that answers the known steps in turn, three samples each.
  static std::shared_ptr<const PortModel> model(const char* name, const std::vector<const char*>& says, double price) {
    auto client = std::make_shared<ScriptedModel>();
    for (const char* text : says) client->answer(text);
    PortModel made{.model = {}, .client = client};
    made.model.name = name;
    made.model.price.output_per_million = price * 200'000;  // five tokens an answer
    return std::make_shared<const PortModel>(made);
  }

  fs::path folder_;
  std::shared_ptr<MakerSetup> setup_ = std::make_shared<MakerSetup>();
};

TEST_F(MakerForecastFlow, MeasuresEveryCandidateAndTakesTheCheapestReliability) {
  setup_->worker = model("dear", {"2", "2", "2", "3", "3", "3"}, 0.5);
  setup_->candidates = {model("cheap", {"2", "2", "7", "3", "no", "3"}, 0.001)};
  RunLedger ledger;

  const Result<FlowOutcome> outcome = run_it(*forecast_flow(setup_), ledger);

  ASSERT_TRUE(outcome) << describe(outcome.error());
  const boost::json::value answer = *wire::parse_json(outcome->output.body.text);
  EXPECT_EQ(ledger.calls(), 12);
  EXPECT_EQ(answer.at("steps"), 20);
  const boost::json::value& cheap = answer.at("models").at(1);
  EXPECT_EQ(cheap.at("right").to_number<double>(), .8);
  EXPECT_NEAR(cheap.at("valid").to_number<double>(), 5. / 6, 1e-12);
  EXPECT_NEAR(cheap.at("usd_per_call").to_number<double>(), .001, 1e-6);
  EXPECT_NEAR(answer.at("models").at(0).at("usd_per_call").to_number<double>(), .5, 1e-6);
  EXPECT_THAT(*answer_text(outcome->output), HasSubstr("1 not_canonical"));
}

TEST_F(MakerForecastFlow, SaysSoWhenNoVoteHelps) {
  setup_->worker = model("poor", {"7", "7", "7", "8", "8", "8"}, 0.1);
  RunLedger ledger;

  const Result<FlowOutcome> outcome = run_it(*forecast_flow(setup_), ledger);

  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("answer":null)"));
  EXPECT_THAT(outcome->output.body.text, HasSubstr("take a better worker"));
}

TEST_F(MakerForecastFlow, NeedsASampleThatCanBeRead) {
  RunLedger ledger;
  setup_->worker = model("any", {}, 0);
  fs::remove(setup_->sample);
  EXPECT_EQ(run_it(*forecast_flow(setup_), ledger).error().code, ErrorCode::NotFound);
  std::ofstream(setup_->sample) << "{}\n";
  EXPECT_THAT(run_it(*forecast_flow(setup_), ledger).error().where, HasSubstr("known.jsonl: line 1"));
  setup_->sample.clear();
  EXPECT_EQ(run_it(*forecast_flow(setup_), ledger).error().code, ErrorCode::InvalidArgument);
}

TEST_F(MakerForecastFlow, SpendsNoMoreThanItMay) {
  setup_->worker = model("any", {"2", "2"}, 0.1);
  RunLedger ledger({.cost_max = {}, .calls_max = 2, .tokens_max = 0});

  EXPECT_EQ(run_it(*forecast_flow(setup_), ledger).error().code, ErrorCode::BudgetExhausted);
}

}  // namespace
}  // namespace suffice::workflow::maker
