// The batcher on a decoder that refuses every step the library would abort on. The main claim: whatever is computed side
// by side, each call gets the answer it gets alone.
#include "engine/batcher.hpp"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_engine.hpp"

namespace suffice::engine {
namespace {

using testing::HasSubstr;

BatchPlan small_plan() {
  BatchPlan plan;
  plan.answers = 8;
  plan.prefixes = 3;
  plan.scratch = 4;
  plan.prefix_cells = 60;
  plan.scratch_cells = 24;
  plan.prompt_tokens = 20;
  plan.task_calls = 6;
  plan.calls = 8;
  return plan;
}

class BatcherTest : public testing::Test {
 protected:
  explicit BatcherTest(std::size_t cells = 600)
      : decoder({.step_tokens = 96, .step_outputs = 12, .sequences = 15, .cells = cells, .call_tokens = 120}),
        batcher(std::make_unique<Batcher>(decoder, preparation, plan, clock)) {}

  static wire::EngineCall text_call(std::string text, std::int64_t tokens = 12) {
    wire::EngineCall call;
    call.task = "chat";
    call.messages = {{"system", "be brief"}, {"user", std::move(text)}};
    call.sampling.max_tokens = tokens;
    call.want_logprobs = true;
    return call;
  }
  static wire::EngineCall label_call(std::string text, std::vector<std::string> labels) {
    wire::EngineCall call = text_call(std::move(text));
    call.task = "classify";
    call.constraint = {.kind = wire::EngineConstraint::Kind::Labels, .labels = std::move(labels)};
    return call;
  }
  std::shared_ptr<FakeJob> job(wire::EngineCall call, SteadyTime deadline = SteadyTime::max()) {
    return std::make_shared<FakeJob>(std::move(call), clock.now, deadline);
  }
  std::shared_ptr<FakeJob> admit(wire::EngineCall call) {
    auto admitted = job(std::move(call));
    batcher->admit(admitted);
    return admitted;
  }
  void run() {
    for (int steps = 0; !batcher->idle(); ++steps) {
      ASSERT_LT(steps, 10'000) << "it never ends";
      batcher->step();
    }
  }
  wire::EngineDone alone(wire::EngineCall call) {
    const auto one = admit(std::move(call));
    run();
    EXPECT_TRUE(one->answer.has_value()) << (one->error ? one->error->message : "no end");
    return one->answer.value_or(wire::EngineDone{});
  }
  /// Everything but kept beginnings has been given back.
  void expect_memory_free() {
    for (Sequence i = 0; i < decoder.limits().sequences; ++i) {
      const bool kept = i >= plan.answers && i < plan.answers + plan.prefixes;
      if (!kept) EXPECT_TRUE(decoder.memory[static_cast<std::size_t>(i)].empty()) << i;
    }
    EXPECT_EQ(counters.active.load(), 0U);
  }

  BatchPlan plan = small_plan();
  FakeClock clock;
  FakeLanguage language;
  FakeShelf shelf;
  LabelCache labels{language};
  Counters counters;
  Preparation preparation{.language = language, .adapters = shelf, .labels = labels, .counters = counters};
  FakeDecoder decoder;
  std::unique_ptr<Batcher> batcher;
};

void expect_same(const wire::EngineDone& a, const wire::EngineDone& b, const std::string& name) {
  EXPECT_EQ(a.text, b.text) << name;
  EXPECT_EQ(a.finish, b.finish) << name;
  EXPECT_EQ(a.logprobs, b.logprobs) << name;
  EXPECT_EQ(a.labels, b.labels) << name;
  EXPECT_EQ(a.samples, b.samples) << name;
  EXPECT_EQ(a.usage.output_tokens, b.usage.output_tokens) << name;
}

/// Calls of every kind, with three adapter sets.
std::vector<wire::EngineCall> mixed_calls(std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<wire::EngineCall> calls;
  for (int i = 0; i < 40; ++i) {
    wire::EngineCall call;
    call.task = "task" + std::to_string(random.below(3));
    std::string text;
    for (std::uint64_t n = 1 + random.below(40); n > 0; --n) text += static_cast<char>('a' + random.below(26));
    call.messages = {{"system", "the task is " + call.task}, {"user", text}};
    call.sampling.max_tokens = static_cast<std::int64_t>(random.below(16));
    call.sampling.seed = static_cast<std::int64_t>(random.below(1'000));
    call.want_logprobs = true;
    if (random.below(3) == 0) call.adapters = {{.name = "red"}};
    if (random.below(5) == 0) call.adapters = {{.name = "red"}, {.name = "blue", .scale = 0.5}};
    switch (random.below(4)) {
      case 0:
        call.constraint = {.kind = wire::EngineConstraint::Kind::Labels,
                           .labels = {"a", "ab", "abc", "abd", "b", "bcd", "bce", "c", "ca", "cb", "cd"}};
        break;
      case 1:
        call.constraint = {.kind = wire::EngineConstraint::Kind::Grammar, .text = "digits"};
        break;
      case 2:
        call.sampling.temperature = 1;
        call.samples = 1 + static_cast<std::uint32_t>(random.below(3));
        break;
      default:
        break;
    }
    calls.push_back(call);
  }
  return calls;
}

TEST_F(BatcherTest, GivesEachCallTheAnswerItGetsAlone) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const std::vector<wire::EngineCall> calls = mixed_calls(seed);
    std::vector<wire::EngineDone> expected;
    for (const wire::EngineCall& call : calls) {
      FakeDecoder fresh(decoder.limits());
      Batcher one(fresh, preparation, plan, clock);
      const auto single = job(call);
      one.admit(single);
      while (!one.idle()) one.step();
      ASSERT_TRUE(single->answer.has_value());
      expected.push_back(*single->answer);
    }

    std::vector<std::shared_ptr<FakeJob>> jobs;
    for (const wire::EngineCall& call : calls) {
      while (!batcher->wants_more()) batcher->step();
      jobs.push_back(admit(call));
    }
    run();

    for (std::size_t i = 0; i < calls.size(); ++i) {
      const std::string name = "seed " + std::to_string(seed) + " call " + std::to_string(i);
      ASSERT_TRUE(jobs[i]->answer.has_value()) << name << (jobs[i]->error ? jobs[i]->error->message : "");
      EXPECT_EQ(jobs[i]->ends, 1) << name;
      expect_same(*jobs[i]->answer, expected[i], name);
    }
    expect_memory_free();
  }
  EXPECT_GT(decoder.switches, 3);
  EXPECT_GT(counters.prefix_hits.load(), 20U);
}

TEST_F(BatcherTest, SharesSteps) {
  for (int i = 0; i < 4; ++i) admit(text_call("hello " + std::to_string(i), 10));
  run();
  std::size_t shared = 0;
  for (const auto& step : decoder.steps) shared += step.size() == 4 ? 1 : 0;
  EXPECT_GE(shared, 3U) << "four answers are written in one step";
}

TEST_F(BatcherTest, ReadsWhatATaskHasInCommonOnce) {
  const auto first = alone(label_call("first text", {"a", "b"}));
  EXPECT_EQ(first.usage.cached_input_tokens, 0);
  const std::size_t before = decoder.tokens_computed;

  const auto second = alone(label_call("second", {"a", "b"}));

  const std::string common = "<system be brief><user ";
  EXPECT_EQ(second.usage.cached_input_tokens, static_cast<std::int64_t>(common.size()));
  EXPECT_EQ(decoder.tokens_computed - before, std::string("second>=").size()) << "only the new tokens are computed";
  EXPECT_EQ(counters.prefix_hits.load(), 1U);
  EXPECT_EQ(counters.prefix_misses.load(), 1U);
}

TEST_F(BatcherTest, NeverSharesABeginningBetweenAdapters) {
  wire::EngineCall call = label_call("text", {"a", "b"});
  alone(call);
  call.adapters = {{.name = "red"}};
  EXPECT_EQ(alone(call).usage.cached_input_tokens, 0);
  EXPECT_GT(alone(call).usage.cached_input_tokens, 0);
}

TEST_F(BatcherTest, WorksALabelListOutOnce) {
  alone(label_call("one", {"yes", "no"}));
  const int before = language.tokenised;
  alone(label_call("two", {"yes", "no"}));
  EXPECT_EQ(language.tokenised, before);
  EXPECT_EQ(counters.label_list_hits.load(), 1U);
}

TEST_F(BatcherTest, NeedsOneStepForSingleTokenLabels) {
  alone(label_call("warm", {"a", "b", "c"}));
  const std::size_t before = decoder.steps.size();
  alone(label_call("x", {"a", "b", "c"}));
  EXPECT_EQ(decoder.steps.size() - before, 1U);
}

TEST_F(BatcherTest, LetsAWaitingCallInWhenMemoryIsFree) {
  // 600 cells: five calls of 110 fill them, with the scratch.
  std::vector<std::shared_ptr<FakeJob>> jobs;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(batcher->wants_more() || i == 0);
    jobs.push_back(admit(text_call(std::string(30, 'x'), 60)));
    batcher->step();
    batcher->step();
    batcher->step();
  }
  const auto late = admit(text_call(std::string(30, 'y'), 60));
  EXPECT_FALSE(batcher->wants_more()) << "one call waits for room, and the others stay in the queue";
  EXPECT_FALSE(late->ended());
  run();
  EXPECT_TRUE(late->answer.has_value());
  for (const auto& one : jobs) EXPECT_TRUE(one->answer.has_value());
  expect_memory_free();
}

TEST_F(BatcherTest, RefusesWhatCanNeverFitWithTheNumbers) {
  const auto long_prompt = admit(text_call(std::string(200, 'x')));
  ASSERT_TRUE(long_prompt->error.has_value());
  EXPECT_EQ(long_prompt->error->code, ErrorCode::ContextOverflow);
  EXPECT_THAT(long_prompt->error->message, HasSubstr("225"));
  EXPECT_THAT(long_prompt->error->message, HasSubstr("120"));

  wire::EngineCall many = text_call("x", 90);
  many.samples = 8;
  EXPECT_EQ(admit(many)->error->code, ErrorCode::ContextOverflow) << "8 x 90 tokens are more than the memory";
  EXPECT_TRUE(batcher->idle());
}

TEST_F(BatcherTest, KeepsOneTaskFromTakingEveryPlace) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(batcher->wants("chat")) << i;
    admit(text_call("x", 40));
    batcher->step();
  }
  EXPECT_FALSE(batcher->wants("chat"));
  EXPECT_TRUE(batcher->wants("another"));
}

TEST_F(BatcherTest, AnswersALabelTaskWhileTextsAreWritten) {
  std::vector<std::shared_ptr<FakeJob>> texts;
  for (int i = 0; i < 6; ++i) texts.push_back(admit(text_call("write " + std::to_string(i), 50)));
  while (!batcher->wants_more()) batcher->step();
  const auto label = admit(label_call("quick", {"a", "b"}));
  const std::size_t before = decoder.steps.size();
  while (!label->ended()) batcher->step();
  EXPECT_LE(decoder.steps.size() - before, 10U);
  run();
}

TEST_F(BatcherTest, EndsACancelledCallAndLeavesTheOthers) {
  const auto unwanted = admit(text_call("unwanted", 60));
  const auto wanted = admit(text_call("wanted", 20));
  batcher->step();
  unwanted->unwanted = true;
  run();
  EXPECT_EQ(unwanted->error->code, ErrorCode::Cancelled);
  EXPECT_EQ(wanted->answer->text, alone(text_call("wanted", 20)).text);
  expect_memory_free();
}

TEST_F(BatcherTest, EndsACallWhoseDeadlinePasses) {
  const auto late = job(text_call("late", 60), clock.now + std::chrono::milliseconds(5));
  batcher->admit(late);
  batcher->step();
  ASSERT_FALSE(late->ended());
  clock.now += std::chrono::milliseconds(5);
  batcher->step();
  EXPECT_EQ(late->error->code, ErrorCode::DeadlineExceeded);
  expect_memory_free();
}

TEST_F(BatcherTest, GivesAnswersUpThatCannotBecomeProbableEnough) {
  wire::EngineCall call = text_call("hopeless", 50);
  call.abort.min_token_probability = 0.99;
  const wire::EngineDone done = alone(call);
  EXPECT_EQ(done.finish, FinishReason::LowConfidence);
  EXPECT_LT(done.usage.output_tokens, 5);
  EXPECT_EQ(counters.calls_given_up.load(), 1U);
}

TEST_F(BatcherTest, DrawsSamplesFromOneReadingOfThePrompt) {
  wire::EngineCall call = text_call("draw", 6);
  call.sampling.temperature = 1;
  call.sampling.seed = 5;
  call.samples = 4;
  const std::size_t before = decoder.tokens_computed;
  const wire::EngineDone done = alone(call);
  ASSERT_EQ(done.samples.size(), 4U);
  EXPECT_LE(decoder.tokens_computed - before, static_cast<std::size_t>(done.usage.input_tokens) + 4 * 6);
  std::set<std::string> different;
  for (const auto& sample : done.samples) different.insert(sample.text);
  EXPECT_EQ(different.size(), 4U) << "different seeds draw differently";
  EXPECT_EQ(done.usage.cached_input_tokens, 0);

  call.samples = 1;
  EXPECT_EQ(alone(call).text, done.samples[0].text) << "the first sample is the answer without samples";
}

TEST_F(BatcherTest, RefusesWhatItCannotCompute) {
  wire::EngineCall unknown = text_call("x");
  unknown.adapters = {{.name = "unknown"}};
  EXPECT_EQ(admit(unknown)->error->code, ErrorCode::NotFound);
  wire::EngineCall sampled_labels = label_call("x", {"a", "b"});
  sampled_labels.samples = 2;
  EXPECT_EQ(admit(sampled_labels)->error->code, ErrorCode::InvalidArgument);
  wire::EngineCall too_many = text_call("x");
  too_many.samples = kSamplesMax + 1;
  EXPECT_EQ(admit(too_many)->error->code, ErrorCode::InvalidArgument);
  wire::EngineCall dead_end = text_call("x");
  dead_end.constraint = {.kind = wire::EngineConstraint::Kind::Grammar, .text = "dead"};
  const auto stuck = admit(dead_end);
  run();
  EXPECT_EQ(stuck->error->code, ErrorCode::Internal);
  expect_memory_free();
}

TEST_F(BatcherTest, GoesOnAfterAnException) {
  const auto unlucky = admit(text_call("x", 20));
  decoder.throws = true;
  EXPECT_ANY_THROW(batcher->step());
  decoder.throws = false;
  batcher->fail_all({.code = ErrorCode::Internal, .message = "failed", .where = {}});
  EXPECT_EQ(unlucky->error->code, ErrorCode::Internal);
  EXPECT_EQ(unlucky->ends, 1);
  expect_memory_free();
  EXPECT_FALSE(alone(text_call("after", 8)).text.empty());
}

TEST_F(BatcherTest, HoldsItsMemoryOverThousandsOfCalls) {
  SeededRandom random(3);
  for (int i = 0; i < 3'000; ++i) {
    while (!batcher->wants_more()) batcher->step();
    wire::EngineCall call = random.below(2) == 0 ? text_call(std::to_string(random.next()), 5)
                                                 : label_call(std::to_string(random.next()), {"a", "ab", "b"});
    call.task = std::to_string(random.below(6));
    call.messages[0].text += call.task;
    const auto one = admit(std::move(call));
    if (random.below(10) == 0) one->unwanted = true;
    decoder.steps.clear();
  }
  run();
  expect_memory_free();
  EXPECT_LE(decoder.cells(), plan.prefix_cells);
}

}  // namespace
}  // namespace suffice::engine
