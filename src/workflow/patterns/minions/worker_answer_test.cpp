#include "workflow/patterns/minions/worker_answer.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gate/json_schema.hpp"

namespace suffice::workflow::minions {
namespace {

using Kind = WorkerAnswer::Kind;
using testing::HasSubstr;
using testing::Not;

TEST(ParseWorkerAnswer, ReadsTheThreeParts) {
  const WorkerAnswer answer = parse_worker_answer(
      R"({"explanation":"it says so","citation":"costs 12 euros","answer":"12"})", Ending::Complete);
  ASSERT_EQ(answer.kind, Kind::Found);
  EXPECT_EQ(answer.explanation, "it says so");
  EXPECT_EQ(answer.citation, "costs 12 euros");
  EXPECT_EQ(answer.answer, "12");
}

TEST(ParseWorkerAnswer, TakesEverySpellingOfNothingForAnAbstention) {
  const std::string_view whole[] = {"null",   "none",     "None.",          "",         "  \n", "N/A", "\"none\"",
                                    "(NONE)", "- none -", "```\nnull\n```", "Not found"};
  for (const std::string_view text : whole) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_worker_answer(text, Ending::Complete).kind, Kind::Abstained);
  }
  const std::string_view answers[] = {"null",           R"("")",    R"("none")",  R"("NONE")", R"("None.")",
                                      R"(" n/a ")",     R"("nil")", R"("Null")",  R"("--")",   R"("ＮＯＮＥ")",
                                      R"("not found")", R"("—")",   R"("<none>")"};
  for (const std::string_view answer : answers) {
    SCOPED_TRACE(answer);
    const std::string text = R"({"explanation":"e","citation":"c","answer":)" + std::string(answer) + "}";
    EXPECT_EQ(parse_worker_answer(text, Ending::Complete).kind, Kind::Abstained);
  }
}

TEST(ParseWorkerAnswer, DoesNotTakeARealAnswerForAnAbstention) {
  const std::string_view answers[] = {
      R"("no")", R"("none of them came")", "0", "false", R"("nothing new")", R"("Nile")", R"("不")"};
  for (const std::string_view answer : answers) {
    SCOPED_TRACE(answer);
    const std::string text = R"({"citation":"c","answer":)" + std::string(answer) + "}";
    EXPECT_EQ(parse_worker_answer(text, Ending::Complete).kind, Kind::Found);
  }
}

TEST(ParseWorkerAnswer, SaysOfAnythingElseWhyItIsMalformed) {
  struct Case {
    std::string_view text;
    std::string_view problem;
  };
  const Case cases[] = {
      {.text = "The answer is 12.", .problem = "not one JSON object"},
      {.text = R"({"citation":"c","answer":"12")", .problem = "not one JSON object"},
      {.text = R"({"citation":"c","answer":"12"} I hope this helps)", .problem = "not one JSON object"},
      {.text = R"(["c","12"])", .problem = "no object"},
      {.text = "12", .problem = "no object"},
      {.text = R"({"citation":"c"})", .problem = "without the member \"answer\""},
      {.text = R"({"citation":["c"],"answer":"12"})", .problem = "\"citation\" is no text"},
      {.text = R"({"citation":"c","answer":{"value":12}})", .problem = "\"answer\" is no text"},
      {.text = R"({"answer":"1","answer":"2"})", .problem = "not one JSON object"},
      {.text = "\xff\xfe", .problem = "not UTF-8"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const WorkerAnswer answer = parse_worker_answer(c.text, Ending::Complete);
    EXPECT_EQ(answer.kind, Kind::Malformed);
    EXPECT_THAT(answer.problem, HasSubstr(c.problem));
    EXPECT_THAT(answer.problem, Not(HasSubstr("12")));
  }
}

TEST(ParseWorkerAnswer, NeverBelievesATruncatedText) {
  const WorkerAnswer answer = parse_worker_answer(R"({"citation":"c","answer":"12"})", Ending::Truncated);
  EXPECT_EQ(answer.kind, Kind::Malformed);
  EXPECT_THAT(answer.problem, HasSubstr("cut off"));
  EXPECT_EQ(parse_worker_answer("", Ending::Truncated).kind, Kind::Malformed) << "not an abstention either";
}

TEST(WorkerSchema, TakesWhatTheParserTakes) {
  const auto schema = gate::JsonSchema::compile(worker_schema({}).text);
  ASSERT_TRUE(schema.has_value()) << describe(schema.error());
  EXPECT_TRUE((*schema)->validate(R"({"explanation":"","citation":null,"answer":null})").empty());
  EXPECT_FALSE((*schema)->validate(R"({"explanation":"","citation":null})").empty());
}

}  // namespace
}  // namespace suffice::workflow::minions
