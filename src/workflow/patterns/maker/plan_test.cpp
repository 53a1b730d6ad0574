#include "workflow/patterns/maker/plan.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::workflow::maker {
namespace {

TEST(Plan, IsAStartAndStepsInOrderRepeatedOnesCounted) {
  const Result<Plan> plan =
      Plan::read(R"({"steps":[{"do":"add 3"},{"do":"double","times":3},{"do":"halve"}],"start":{"b":1.0,"a":5}})", {});

  ASSERT_TRUE(plan) << describe(plan.error());
  EXPECT_EQ(plan->start(), R"({"a":5,"b":1})");
  EXPECT_EQ(plan->steps(), 5U);
  std::vector<std::string> told;
  for (std::uint64_t step = 0; step < plan->steps(); ++step) told.push_back(plan->instruction(step));
  EXPECT_EQ(told, (std::vector<std::string>{"add 3", "double", "double", "double", "halve"}));
  EXPECT_EQ(Plan::read(plan->json(), {})->json(), plan->json());
}

TEST(Plan, AMillionStepsAreOneEntry) {
  const Result<Plan> plan = Plan::create("{}", {{.instruction = "move", .times = 1'048'575}}, {.steps_max = 1 << 20});

  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->steps(), 1'048'575U);
  EXPECT_EQ(plan->instruction(1'048'574), "move");
}

TEST(Plan, OneWithAFaultIsRefusedWithItsPlace) {
  struct Case {
    const char* name;
    std::string text;
    const char* where;
  };
  const std::vector<Case> table = {
      {"no plan but words", "First, add 3.", "1"},
      {"a list", "[]", ""},
      {"no start", R"({"steps":[{"do":"a"}]})", ""},
      {"another member", R"({"start":1,"steps":[{"do":"a"}],"code":"rm"})", ""},
      {"steps that are text", R"({"start":1,"steps":"add"})", "/steps"},
      {"zero steps", R"({"start":1,"steps":[]})", "/steps"},
      {"a step that is text", R"({"start":1,"steps":["add"]})", "/steps/0"},
      {"an empty instruction", R"({"start":1,"steps":[{"do":"a"},{"do":" "}]})", "/steps/1/do"},
      {"an instruction that is a number", R"({"start":1,"steps":[{"do":1}]})", "/steps/0"},
      {"an unknown member", R"({"start":1,"steps":[{"do":"a","run":"b"}]})", "/steps/0"},
      {"zero times", R"({"start":1,"steps":[{"do":"a","times":0}]})", "/steps/0/times"},
      {"half a time", R"({"start":1,"steps":[{"do":"a","times":1.5}]})", "/steps/0/times"},
      {"an absurd count", R"({"start":1,"steps":[{"do":"a","times":9223372036854775807}]})", "/steps/0"},
      {"an absurd sum", R"({"start":1,"steps":[{"do":"a","times":900},{"do":"b","times":101}]})", "/steps/1"},
      {"an instruction without end", R"({"start":1,"steps":[{"do":")" + std::string(2'001, 'x') + R"("}]})",
       "/steps/0/do"},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.name);
    const Result<Plan> plan = Plan::read(row.text, {});
    ASSERT_FALSE(plan);
    if (row.text.front() == '{' || row.text.front() == '[') {
      EXPECT_EQ(plan.error().code, ErrorCode::InvalidArgument);
      EXPECT_EQ(plan.error().where, row.where);
    } else {
      EXPECT_EQ(plan.error().code, ErrorCode::MalformedJson);
    }
  }
  EXPECT_EQ(Plan::read(std::string(300'000, ' '), {}).error().code, ErrorCode::PayloadTooLarge);
}

TEST(Plan, TheErrorHoldsNothingOfTheText) {
  const Result<Plan> plan = Plan::read(R"({"start":1,"steps":[{"do":"a","canary-7f3a":1}]})", {});

  ASSERT_FALSE(plan);
  EXPECT_EQ(describe(plan.error()).find("canary"), std::string::npos);
}

}  // namespace
}  // namespace suffice::workflow::maker
