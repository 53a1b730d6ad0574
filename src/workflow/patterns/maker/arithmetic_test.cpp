#include "workflow/patterns/maker/arithmetic.hpp"

#include <gtest/gtest.h>

namespace suffice::workflow::maker {
namespace {

TEST(ArithmeticChain, TheSampleCalculationIsSixteen) {
  // ((5+3)*10)/2, then /4, then +6.
  const Result<Chain> chain = read_chain("5 +3 *10 /2 /4 +6");
  ASSERT_TRUE(chain) << describe(chain.error());

  EXPECT_EQ(*truth_of(*chain), (std::vector<std::int64_t>{8, 80, 40, 10, 16}));
  const Result<Plan> plan = plan_of(*chain, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->json(), R"({"start":5,"steps":[{"do":"+3"},{"do":"*10"},{"do":"/2"},{"do":"/4"},{"do":"+6"}]})");
}

TEST(ArithmeticChain, RandomOnesCanBeCalculatedAndStaySmall) {
  SeededRandom random(1);
  for (int i = 0; i < 200; ++i) {
    const Chain chain = random_chain(20, random);
    const Result<std::vector<std::int64_t>> values = truth_of(chain);
    ASSERT_TRUE(values);
    for (const std::int64_t value : *values) EXPECT_TRUE(value >= 0 && value <= 999) << value;
  }
}

TEST(ArithmeticChain, RefusesWhatIsNone) {
  for (const char* text : {"", "five +3", "5 3", "5 +", "5 %2", "5 +-3", "5 *99999", "5 +3x", "99999999999999999 +1"}) {
    EXPECT_FALSE(read_chain(text)) << text;
  }
  EXPECT_FALSE(truth_of(*read_chain("5 /2"))) << "a remainder";
  EXPECT_FALSE(truth_of(*read_chain("5 /0")));
  EXPECT_FALSE(truth_of(*read_chain("999999999999999 *9000")));
  EXPECT_FALSE(plan_of(*read_chain("5"), {})) << "no steps";
}

TEST(ArithmeticOracle, AnswersFromTheStateItIsGiven) {
  KnownAnswers answers;
  const StepQuestion question{.step = 7, .instruction = "*10", .state = "8"};
  ASSERT_TRUE(arithmetic_oracle()(question, answers));
  EXPECT_EQ(answers.right, "80");
  EXPECT_EQ(answers.wrong, "81");
  const StepQuestion spoiled{.step = 7, .instruction = "/2", .state = "9"};
  EXPECT_TRUE(arithmetic_oracle()(spoiled, answers));
  const StepQuestion rubbish{.step = 7, .instruction = "sing", .state = "8"};
  EXPECT_FALSE(arithmetic_oracle()(rubbish, answers));
}

}  // namespace
}  // namespace suffice::workflow::maker
