#include "engine/agreement.hpp"

#include <gtest/gtest.h>

namespace suffice::engine {
namespace {

wire::EngineSample sample(std::string text, FinishReason finish = FinishReason::Stop) {
  return {.text = std::move(text), .finish = finish};
}

TEST(Agreement, ChoosesTheCommonestAnswerAndItsShare) {
  struct Case {
    const char* name;
    std::vector<wire::EngineSample> samples;
    std::size_t chosen;
    double share;
  };
  const Case cases[] = {
      {"all the same", {sample("a"), sample("a")}, 0, 1},
      {"a majority", {sample("b"), sample("a"), sample("a")}, 1, 2.0 / 3},
      {"the first of equals", {sample("b"), sample("a"), sample("a"), sample("b")}, 0, 0.5},
      {"outer white space does not matter", {sample("a\n"), sample(" a"), sample("b")}, 0, 2.0 / 3},
      {"a cut answer is no vote", {sample("a", FinishReason::Length), sample("a"), sample("b")}, 1, 1.0 / 3},
      {"none is complete", {sample("a", FinishReason::Length), sample("a", FinishReason::LowConfidence)}, 0, 0},
      {"one alone", {sample("a")}, 0, 1},
  };
  for (const Case& c : cases) {
    const Agreement agreement = agree(c.samples);
    EXPECT_EQ(agreement.chosen, c.chosen) << c.name;
    EXPECT_DOUBLE_EQ(agreement.share, c.share) << c.name;
  }
}

}  // namespace
}  // namespace suffice::engine
