#include "engine/sampler.hpp"

#include <cmath>
#include <limits>
#include <map>

#include <gtest/gtest.h>

namespace suffice::engine {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

Sampling warm(double temperature, std::int64_t seed) {
  Sampling sampling;
  sampling.temperature = temperature;
  sampling.seed = seed;
  return sampling;
}

TEST(TokenSampler, TakesTheMostProbableTokenWithoutATemperature) {
  TokenSampler sampler = TokenSampler::create({}).value();
  EXPECT_EQ(sampler.pick(std::vector<float>{0, 3, 2, 3}), 1) << "the first of equals";
}

TEST(TokenSampler, RepeatsWithTheSameSeed) {
  const std::vector<float> logits = {1, 1.5F, 0.5F, 1};
  const auto picks = [&](std::int64_t seed) {
    TokenSampler sampler = TokenSampler::create(warm(1, seed)).value();
    std::vector<Token> out;
    for (int i = 0; i < 50; ++i) out.push_back(sampler.pick(logits));
    return out;
  };
  EXPECT_EQ(picks(5), picks(5));
  EXPECT_NE(picks(5), picks(6));
}

TEST(TokenSampler, DrawsInProportionToProbability) {
  TokenSampler sampler = TokenSampler::create(warm(2, 1)).value();
  const std::vector<float> logits = {static_cast<float>(2 * std::log(8)), static_cast<float>(2 * std::log(2)), 0,
                                     kForbidden};
  std::map<Token, int> counts;
  for (int i = 0; i < 11'000; ++i) ++counts[sampler.pick(logits)];
  // 8 : 2 : 1 of 11,000; five standard deviations are below 210.
  EXPECT_NEAR(counts[0], 8'000, 250);
  EXPECT_NEAR(counts[1], 2'000, 210);
  EXPECT_NEAR(counts[2], 1'000, 210);
  EXPECT_EQ(counts.count(3), 0U);
}

TEST(TokenSampler, KeepsTheNucleusOnly) {
  Sampling sampling = warm(1, 1);
  sampling.top_p = 0.7;
  TokenSampler sampler = TokenSampler::create(sampling).value();
  const std::vector<float> logits = {std::log(0.5F), std::log(0.3F), std::log(0.2F)};
  std::map<Token, int> counts;
  for (int i = 0; i < 2'000; ++i) ++counts[sampler.pick(logits)];
  EXPECT_EQ(counts.count(2), 0U);
  EXPECT_GT(counts[1], 500);
}

TEST(TokenSampler, PenalisesWhatItHasSaid) {
  Sampling sampling;
  sampling.presence_penalty = 1.0;
  sampling.frequency_penalty = 0.5;
  TokenSampler sampler = TokenSampler::create(sampling).value();
  const std::vector<float> logits = {2, 1.2F};
  EXPECT_EQ(sampler.pick(logits), 0);
  sampler.accept(0);
  EXPECT_EQ(sampler.pick(logits), 1);
}

TEST(TokenSampler, RefusesValuesOutOfRange) {
  using Field = std::optional<double> Sampling::*;
  struct Case {
    Field field;
    double value;
  };
  const Case cases[] = {{&Sampling::temperature, -0.1},         {&Sampling::temperature, 2.1},
                        {&Sampling::temperature, std::nan("")}, {&Sampling::top_p, 1.5},
                        {&Sampling::presence_penalty, 3.0},     {&Sampling::frequency_penalty, -3.0}};
  for (const Case& c : cases) {
    Sampling sampling;
    sampling.*c.field = c.value;
    EXPECT_EQ(TokenSampler::create(sampling).error().code, ErrorCode::InvalidArgument) << c.value;
  }
}

TEST(TopTokens, RanksWithNaturalLogProbabilities) {
  const std::vector<float> logits = {std::log(0.1F), std::log(0.6F), std::log(0.3F)};
  const auto top = top_tokens(logits, 2);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_NEAR(top[0].logprob, std::log(0.6), 1e-6);
  EXPECT_EQ(top[1].token, 2);
  EXPECT_EQ(top_tokens(logits, 10).size(), 3U);
}

}  // namespace
}  // namespace suffice::engine
