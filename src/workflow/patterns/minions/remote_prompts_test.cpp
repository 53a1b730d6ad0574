#include "workflow/patterns/minions/remote_prompts.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::workflow::minions {
namespace {

using testing::HasSubstr;
using testing::Not;

std::int64_t count_bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

RemoteView a_view() {
  return {.query = "What does it cost?",
          .metadata = {R"({"name":"a.txt"})"},
          .advice = "look for euros",
          .feedback = "also dollars",
          .scratchpad = "twelve so far",
          .asked = {"price"},
          .citations = {{.task = "price", .votes = 2, .text = "12 euros"},
                        {.task = "who", .votes = 1, .text = "PM: \"I\nsay\""},
                        {.task = "price", .votes = 1, .text = "13 euros"}},
          .round = 2,
          .rounds_max = 3};
}

std::string text_of(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) text += message.text() + "\n";
  return text;
}

TEST(ReducePrompt, GroupsCitationsByTaskAndNumbersThemByPlace) {
  const std::string text = text_of(reduce_prompt(a_view(), {}));
  EXPECT_THAT(text, HasSubstr("Task \"price\":\n[1] (2x) \"12 euros\"\n[3] (1x) \"13 euros\"\n"));
  EXPECT_THAT(text, HasSubstr("Task \"who\":\n[2] (1x) \"PM: \\\"I\\nsay\\\"\"\n"))
      << "a citation cannot end its own quotes";
}

TEST(ReducePrompt, OffersAnotherRoundOnlyWhileThereIsOne) {
  RemoteView view = a_view();
  EXPECT_THAT(text_of(reduce_prompt(view, {})), HasSubstr("\"decision\":\"more\""));
  view.round = 3;
  EXPECT_THAT(text_of(reduce_prompt(view, {})),
              AllOf(Not(HasSubstr("\"decision\":\"more\"")), HasSubstr("last round")));
}

TEST(PlanPrompt, SaysTheCapsAndWhatWasWrong) {
  const std::string text = text_of(plan_prompt(a_view(), {.jobs_max = 77, .fact_bytes = 123}, "/samples: too many"));
  EXPECT_THAT(text, HasSubstr("At most 77 jobs"));
  EXPECT_THAT(text, HasSubstr("at least 123 bytes"));
  EXPECT_THAT(text, HasSubstr("/samples: too many"));
  EXPECT_THAT(text, HasSubstr("also dollars"));
  EXPECT_THAT(text, Not(HasSubstr("12 euros"))) << "a plan needs no citations";
}

TEST(PrefillTokens, AreTheSumOverWhatIsSent) {
  const std::vector<Message> messages = reduce_prompt(a_view(), {});
  std::int64_t bytes = 0;
  for (const Message& message : messages) bytes += count_bytes(message.text());
  EXPECT_EQ(prefill_tokens(messages, count_bytes), bytes);
}

TEST(ReducePrefillTokens, FromThePartsAreExactlyWhatIsSent) {
  SeededRandom random(5);
  for (int i = 0; i < 200; ++i) {
    RemoteView view = a_view();
    view.citations.clear();
    view.round = 1 + random.below(3);
    for (std::uint64_t n = random.below(30); n > 0; --n) {
      view.citations.push_back({.task = "t" + std::to_string(random.below(4)),
                                .votes = 1 + random.below(20),
                                .text = std::string(random.below(80), random.below(2) == 0 ? 'x' : '"')});
    }
    EXPECT_EQ(reduce_prefill_tokens(view, count_bytes), prefill_tokens(reduce_prompt(view, {}), count_bytes));
  }
}

}  // namespace
}  // namespace suffice::workflow::minions
