#include "workflow/patterns/minions/span_selector.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/documents/sentences.hpp"
#include "workflow/patterns/minions/minions_fixture.hpp"
#include "workflow/patterns/minions/span_worker.hpp"

namespace suffice::workflow::minions {
namespace {

using namespace test;
using testing::Each;
using testing::HasSubstr;

constexpr std::string_view kModel =
    R"({"format":"suffice-spans/1","questions":100,"radii":[0],"words":{"what":90,"group":60,"discuss":50}})";

TEST(StemOf, TakesCommonEndingsAway) {
  EXPECT_EQ(stem_of("meetings"), "meet");
  EXPECT_EQ(stem_of("discussed"), "discuss");
  EXPECT_EQ(stem_of("companies"), "company");
  EXPECT_EQ(stem_of("the"), "the");
  EXPECT_EQ(stem_of("red"), "red") << "three letters stay";
  EXPECT_EQ(stem_of("größe"), "größ");
}

TEST(SpanSelector, WeighsAWordByHowRareItIsInQuestions) {
  const SpanSelector selector = SpanSelector::from_json(kModel).value();
  EXPECT_LT(selector.weight("what"), 0.05);
  EXPECT_GT(selector.weight("discuss"), selector.weight("what"));
  EXPECT_EQ(selector.weight("battery"), 1);
  EXPECT_EQ(SpanSelector().weight("what"), 1) << "untrained: all alike";
}

TEST(SpanSelector, PrefersTheWordsThatAQuestionIsAbout) {
  const std::string text = "A: the group discussed it\nB: batteries are flat\nC: hello there\n";
  const std::vector<TextRange> units = split_turns(text);
  const SpanSelector trained = SpanSelector::from_json(kModel).value();
  const std::vector<double> scores =
      trained.scores(text, units, "What did the group discuss about the battery? Flat batteries?");
  EXPECT_GT(scores[1], scores[0]);
  EXPECT_EQ(scores[1], 1.0);
  EXPECT_EQ(scores[2], 0.0);
}

TEST(SpanSelector, ScoresAreWithinZeroAndOneAndZeroWithoutASharedWord) {
  const std::string text = "A: one\nB: two\nC: three\n";
  const std::vector<TextRange> units = split_turns(text);
  EXPECT_THAT(SpanSelector().scores(text, units, "vier fünf"), Each(0.0));
  EXPECT_THAT(SpanSelector().scores(text, units, ""), Each(0.0));
  EXPECT_THAT(SpanSelector().scores(text, units, "two"), Each(testing::AllOf(testing::Ge(0.0), testing::Le(1.0))));
  EXPECT_TRUE(SpanSelector().scores("", {}, "two").empty());
}

TEST(SpanSelector, RefusesWhatIsNoModel) {
  for (const std::string_view text :
       {"", "[]", R"({"format":"other"})", R"({"format":"suffice-spans/1","questions":1,"radii":[],"words":{}})",
        R"({"format":"suffice-spans/1","questions":1,"radii":[1],"words":{"a":2}})",
        R"({"format":"suffice-spans/1","questions":1,"radii":[-1],"words":{}})"}) {
    const auto selector = SpanSelector::from_json(text);
    ASSERT_FALSE(selector.has_value()) << text;
    EXPECT_EQ(selector.error().code, ErrorCode::ModelInvalid);
  }
  EXPECT_EQ(SpanSelector::load("/nonexistent").error().code, ErrorCode::NotFound);
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 40; ++i)
    text += "PM: line " + std::to_string(i) + (i == 17 ? " the battery is flat" : " of other things") + "\n";
  return text;
}

SpanReading reading(double share, std::size_t citation_bytes = 600) {
  Limits limits;
  limits.citation_bytes_max = citation_bytes;
  return {.selector = std::make_shared<const SpanSelector>(SpanSelector::from_json(kModel).value()),
          .share = share,
          .limits = limits};
}

TEST(SpanWorker, CitesThePassageOfItsChunkAndAbstainsElsewhere) {
  const Question question = question_of(long_text());
  SpanWorker worker(reading(0.1), question, true);
  const TextRange with{.begin = 0, .end = question.document.text.find("PM: line 20")};
  const TextRange without{.begin = with.end, .end = question.document.text.size()};
  EXPECT_THAT(std::string(worker.passage("battery", with, 0)), HasSubstr("battery is flat"));
  EXPECT_EQ(worker.passage("battery", with, 1), "") << "there is no second passage";
  EXPECT_EQ(worker.passage("battery", without, 0), "");
  EXPECT_EQ(worker.passage("Batterie leer", with, 0), "") << "another language shares no word";
}

TEST(SpanWorker, CitesNoMoreThanItsShareAndItsLimit) {
  const Question question = question_of(long_text());
  const TextRange all{.begin = 0, .end = question.document.text.size()};
  SpanWorker everything(reading(1.0, 100), question, true);
  EXPECT_LE(everything.passage("line other battery", all, 0).size(), 100U);
  SpanWorker little(reading(0.05, 600), question, true);
  std::size_t cited = 0;
  for (std::size_t sample = 0; sample < 40; ++sample) cited += little.passage("line other battery", all, sample).size();
  EXPECT_LE(cited, question.document.text.size() / 20);
  EXPECT_GT(cited, 0U);
}

TEST(SpanWorker, CutsAUnitThatIsLongerThanACitation) {
  const Question question = question_of("PM: battery " + std::string(2000, 'x') + " é\nUI: no\nID: no\nME: no\n");
  SpanWorker worker(reading(1.0, 50), question, true);
  const std::string_view cited = worker.passage("battery", {.begin = 0, .end = question.document.text.size()}, 0);
  EXPECT_EQ(cited.size(), 50U);
  EXPECT_TRUE(cited.starts_with("PM: battery"));
}

TEST(SpanWorker, IsStoppedByTheLeversOfLocalModels) {
  const auto spy = std::make_shared<RemoteSpy>([](const std::string&) -> Result<Completion> { return said("no"); });
  MinionsSpec spec;
  spec.manifest =
      parse_manifest(
          R"({"tasks":[{"name":"a","instruction":"battery"}],"chunking":{"unit":"turns","size":9,"overlap":1},"samples":1})",
          {})
          .value();
  FlowOptions options;
  options.refused = [](const policy::Model& model) -> std::optional<Reason> {
    if (model.is_local()) return Reason::KillSwitch;
    return std::nullopt;
  };
  const Ran ran =
      run_minions(spec, span_reader(reading(0.1)), hosted(spy), question_of(long_text()).message(), std::move(options));
  ASSERT_FALSE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome.error().code, ErrorCode::ModelUnavailable);
}

}  // namespace
}  // namespace suffice::workflow::minions
