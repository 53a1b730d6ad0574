#include "engine/embedder.hpp"

#include <gtest/gtest.h>

#include "engine/fake_engine.hpp"

namespace suffice::engine {
namespace {

/// The vector of a token is {token, position}.
class FakeEmbeddings final : public EmbeddingDecoder {
 public:
  [[nodiscard]] const Limits& limits() const override { return limits_; }
  [[nodiscard]] Pooling default_pooling() const override { return Pooling::Cls; }
  [[nodiscard]] std::vector<Token> tokens(const std::string& text) const override { return {text.begin(), text.end()}; }
  Result<void> embed(std::span<const std::vector<Token>> texts, const AdapterSet& adapters, const Visit& visit,
                     const IsCancelled& cancelled) override {
    if (cancelled()) return fail(ErrorCode::Cancelled, "cancelled");
    used.push_back(adapters.key);
    std::size_t sum = 0;
    for (const auto& text : texts) sum += text.size();
    FakeDecoder::check(texts.size() <= limits_.step_texts && sum <= limits_.step_tokens, "a step within its limits");
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (std::size_t at = 0; at < texts[i].size(); ++at) {
        visit(i, std::vector<float>{static_cast<float>(texts[i][at]), static_cast<float>(at)});
      }
    }
    return {};
  }
  std::vector<std::string> used;

 private:
  Limits limits_{.step_tokens = 8, .step_texts = 2};
};

class EmbedderTest : public testing::Test {
 protected:
  std::shared_ptr<FakeJob> admit(wire::EngineEmbed call, SteadyTime deadline = SteadyTime::max()) {
    auto job = std::make_shared<FakeJob>(std::move(call), clock.now, deadline);
    embedder.admit(job);
    return job;
  }
  void run() {
    while (!embedder.idle()) embedder.step();
  }

  FakeEmbeddings decoder;
  FakeShelf shelf;
  Counters counters;
  FakeClock clock;
  Embedder embedder{decoder, shelf, counters, clock};
};

using Vectors = std::vector<std::vector<float>>;

TEST_F(EmbedderTest, PoolsAsAsked) {
  struct Case {
    const char* name;
    Pooling pooling;
    Vectors expected;
  };
  const std::string text = {2, 4, 9};
  const Case cases[] = {{"mean", Pooling::Mean, {{5, 1}}},
                        {"first token", Pooling::Cls, {{2, 0}}},
                        {"last token", Pooling::Last, {{9, 2}}},
                        {"as the model says", Pooling::Model, {{2, 0}}}};
  for (const Case& c : cases) {
    const auto job = admit({.texts = {text}, .pooling = c.pooling, .normalise = false});
    run();
    ASSERT_TRUE(job->vectors.has_value()) << c.name;
    EXPECT_EQ(job->vectors->vectors, c.expected) << c.name;
    EXPECT_NE(job->vectors->pooling, Pooling::Model) << c.name;
    EXPECT_EQ(job->vectors->usage.input_tokens, 3) << c.name;
  }
}

TEST_F(EmbedderTest, NormalisesToLengthOne) {
  const auto job = admit({.texts = {std::string{3, 3, 3, 3, 3}}, .pooling = Pooling::Last});
  run();
  EXPECT_FLOAT_EQ(job->vectors->vectors.at(0).at(0), 0.6F);
  EXPECT_FLOAT_EQ(job->vectors->vectors.at(0).at(1), 0.8F);
}

TEST_F(EmbedderTest, TakesManyTextsInSteps) {
  std::vector<std::string> texts;
  for (char c = 1; c <= 7; ++c) texts.emplace_back(static_cast<std::size_t>(c), c);
  const auto job = admit({.texts = texts, .pooling = Pooling::Mean, .normalise = false});
  run();
  ASSERT_EQ(job->vectors->vectors.size(), 7U);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_FLOAT_EQ(job->vectors->vectors[i][0], static_cast<float>(i + 1)) << i;
  EXPECT_GE(decoder.used.size(), 5U);
  EXPECT_EQ(counters.texts_embedded.load(), 7U);
}

TEST_F(EmbedderTest, RefusesWithThePlace) {
  struct Case {
    const char* name;
    wire::EngineEmbed call;
    ErrorCode code;
    const char* where;
  };
  const Case cases[] = {{"no texts", {}, ErrorCode::InvalidArgument, "input"},
                        {"an empty text", {.texts = {"a", ""}}, ErrorCode::InvalidArgument, "input/1"},
                        {"a long text", {.texts = {"a", "123456789"}}, ErrorCode::ContextOverflow, "input/1"},
                        {"an unknown adapter",
                         {.adapters = {{.name = "unknown"}}, .texts = {"a"}},
                         ErrorCode::NotFound,
                         "adapters.unknown"}};
  for (const Case& c : cases) {
    const auto job = admit(c.call);
    ASSERT_TRUE(job->error.has_value()) << c.name;
    EXPECT_EQ(job->error->code, c.code) << c.name;
    EXPECT_EQ(job->error->where, c.where) << c.name;
  }
}

TEST_F(EmbedderTest, EndsCancelledAndLateCalls) {
  const auto unwanted = admit({.texts = {"a"}});
  const auto late = admit({.texts = {"b"}}, clock.now);
  const auto good = admit({.texts = {"c"}});
  unwanted->unwanted = true;
  run();
  EXPECT_EQ(unwanted->error->code, ErrorCode::Cancelled);
  EXPECT_EQ(late->error->code, ErrorCode::DeadlineExceeded);
  EXPECT_TRUE(good->vectors.has_value());
}

}  // namespace
}  // namespace suffice::engine
