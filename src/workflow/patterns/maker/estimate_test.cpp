#include "workflow/patterns/maker/estimate.hpp"

#include <string>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {
namespace {

AnswerFormat number_format() {
  AnswerFormat format;
  format.shape = AnswerFormat::Shape::Value;
  format.state = CanonicalForm::Number;
  return format;
}

std::vector<KnownStep> known_steps(std::size_t count) {
  SeededRandom random(5);
  const Chain chain = random_chain(count, random);
  const Plan plan = *plan_of(chain, {.steps_max = 10'000, .entries_max = 10'000});
  const std::vector<std::int64_t> values = *truth_of(chain);
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines += R"({"do":")" + plan.instruction(i) + R"(","state":)" +
             (i == 0 ? plan.start() : std::to_string(values[i - 1])) + R"(,"next":)" + std::to_string(values[i]) +
             "}\n";
  }
  return *read_known_steps(lines, number_format());
}

Estimate estimate_of(const Noise& noise, std::size_t steps, int votes) {
  SimulatedWorker worker(arithmetic_oracle(), noise);
  const AnswerFormat format = number_format();
  const std::vector<KnownStep> known = known_steps(steps);
  return *net::run_sync(estimate_worker(worker, format, known, votes));
}

TEST(MakerEstimate, FindsTheSimulationsOwnFigures) {
  const Estimate seen = estimate_of({.right = .9, .valid = .8, .seed = 3}, 400, 5);

  EXPECT_EQ(seen.samples, 2'000);
  EXPECT_TRUE(seen.right_interval().contains(.9)) << seen.odds().right;
  EXPECT_TRUE(seen.valid_interval().contains(.8)) << seen.valid_share();
  EXPECT_EQ(seen.best_wrong, seen.valid - seen.right) << "the simulation has one wrong answer a step";
  EXPECT_EQ(static_cast<std::int64_t>(seen.discarded.total()), seen.samples - seen.valid);
}

TEST(MakerEstimate, ForecastsTheRunAtTheEstimateAndCautiously) {
  const Estimate seen = estimate_of({.right = .9, .valid = .8, .seed = 3}, 400, 5);

  const ModelForecast made = forecast_model("small", seen, Usd::from_dollars(.001), 1'023, .95);

  ASSERT_TRUE(made.expected && made.cautious && made.reliability_price);
  EXPECT_EQ(made.expected->ahead_by, 5);
  EXPECT_GE(made.cautious->ahead_by, made.expected->ahead_by);
  EXPECT_GT(made.cautious->dollars, made.expected->dollars);
  EXPECT_GE(made.success.low, .95);
  EXPECT_LE(made.success.low, made.success.high);
}

TEST(MakerEstimate, AFewVotesWithoutAnErrorAreNoProofOfNone) {
  const Estimate seen = estimate_of({.right = 1, .valid = 1, .seed = 1}, 20, 1);

  const ModelForecast made = forecast_model("small", seen, {}, 1'000'000, .95);

  ASSERT_TRUE(made.expected && made.cautious);
  EXPECT_EQ(made.expected->ahead_by, 1);
  EXPECT_GT(made.cautious->ahead_by, 5) << "20 of 20 is also what a worker of p = .84 says now and then";
}

TEST(MakerEstimate, AWorkerThatIsNeverValidHasNoForecast) {
  const Estimate seen = estimate_of({.right = 1, .valid = 0, .seed = 1}, 20, 2);

  const ModelForecast made = forecast_model("rubbish", seen, {}, 10, .9);

  EXPECT_FALSE(made.expected);
  EXPECT_FALSE(made.cautious);
  EXPECT_FALSE(made.reliability_price);
  EXPECT_EQ(best_model({made}), nullptr);
}

TEST(MakerEstimate, TheBestModelIsTheCheapestReliability) {
  const ModelForecast weak = forecast_model("weak", estimate_of({.right = .6, .valid = 1, .seed = 2}, 400, 5),
                                            Usd::from_dollars(.001), 100'000, .95);
  const ModelForecast strong = forecast_model("strong", estimate_of({.right = .99, .valid = 1, .seed = 2}, 400, 5),
                                              Usd::from_dollars(.004), 100'000, .95);
  const std::vector<ModelForecast> models = {weak, strong};

  ASSERT_NE(best_model(models), nullptr);
  EXPECT_EQ(best_model(models)->model, "strong");
}

TEST(KnownSteps, AreReadWithTheirLineOrRefusedWithIt) {
  AnswerFormat pair;
  EXPECT_EQ(read_known_steps("\n{\"do\":\"a\",\"state\":1,\"action\":2,\"next\":3.0}\n", pair)->size(), 1U);
  for (const char* text : {"", "\n\n", "x", "[]", R"({"do":"a","state":1})",
                           R"({"do":1,"state":1,"action":1,"next":1})", R"({"do":"a","state":1,"next":2})"}) {
    EXPECT_FALSE(read_known_steps(text, pair)) << text;
  }
  const Result<std::vector<KnownStep>> second = read_known_steps(
      "{\"do\":\"+1\",\"state\":1,\"next\":2}\n{\"do\":\"+1\",\"state\":1,\"next\":\"two\"}", number_format());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().where, "line 2");
}

}  // namespace
}  // namespace suffice::workflow::maker
