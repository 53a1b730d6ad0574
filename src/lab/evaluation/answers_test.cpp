#include "lab/evaluation/answers.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace suffice::lab {
namespace {

TEST(AnswerIn, FindsAndNormalisesWhatAModelAnswers) {
  struct Case {
    const char* name;
    const char* output;
    std::optional<std::string> answer;
  };
  const Case cases[] = {
      {"a strict object", R"({"reasoning":"2+3","answer":"5"})", "5"},
      {"a number", R"({"answer":5.0})", "5"},
      {"a fence", "```json\n{\"answer\": \"$1,050.00\"}\n```", "1050"},
      {"line breaks in a string", "{\"reasoning\": \"a\nb\", \"answer\": \"7\"}", "7"},
      {"the last of two objects", R"({"answer":"1"} then {"answer":"2"})", "2"},
      {"a broken object", "{\"reasoning\": \"say \"hi\"\", \"answer\": \"18\"}", "18"},
      {"a broken object without quotes", "{\"a\": \"\"x\", \"answer\": 12\n}", "12"},
      {"a unit behind", R"({"answer":"20 miles"})", "20"},
      {"a negative number", R"({"answer":"-$3.50"})", "-3.5"},
      {"a difference is no sign", R"({"answer":"9-4"})", "9"},
      {"a word", R"({"answer":" Yes. "})", "yes"},
      {"a word in another case", R"({"answer":"YES"})", "yes"},
      {"prose only", "So 3 and then 1,200 remain.", "1200"},
      {"neither", "I do not know", std::nullopt},
      {"nothing", "", std::nullopt},
      {"null", R"({"answer":null})", std::nullopt},
  };
  for (const Case& one : cases) EXPECT_EQ(answer_in(one.output), one.answer) << one.name;
}

TEST(FormOf, SeesTheFormWithoutKnowingTheAnswer) {
  const OutputForm strict = form_of(R"( {"reasoning":"1 and 2","answer":"-2.5"} )");
  EXPECT_TRUE(strict.strict_json);
  EXPECT_TRUE(strict.has_answer);
  EXPECT_TRUE(strict.number_answer);
  EXPECT_TRUE(strict.negative);
  EXPECT_TRUE(strict.fraction);
  EXPECT_EQ(strict.numbers, 3U);

  const OutputForm chatty = form_of("Sure!\n```json\n{\"answer\":\"yes\"}\n```");
  EXPECT_FALSE(chatty.strict_json);
  EXPECT_TRUE(chatty.fenced);
  EXPECT_TRUE(chatty.has_answer);
  EXPECT_FALSE(chatty.number_answer);
  EXPECT_EQ(chatty.prose_behind, 4U);
}

}  // namespace
}  // namespace suffice::lab
