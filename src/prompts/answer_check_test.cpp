// How answers are read and what a test of a prompt file accepts.

#include "prompts/answer_check.hpp"

#include <string>

#include <gmock/gmock.h>

namespace suffice::prompts {
namespace {

using ::testing::HasSubstr;

Prompt labels() {
  Prompt prompt;
  prompt.parser = Parser::Label;
  prompt.categories = {{.label = "BILLING", .when = "money", .not_when = ""},
                       {.label = "OTHER", .when = "else", .not_when = ""}};
  return prompt;
}

Prompt objects() {
  Prompt prompt;
  prompt.parser = Parser::Json;
  prompt.schema.text = R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}})";
  return prompt;
}

PromptTest expecting(std::string output) {
  return {
      .name = "", .input = "x", .output = std::move(output), .contains = {}, .lacks = {}, .fields = {}, .answer = ""};
}

TEST(ReadAnswer, ReadsALabelAsThePromptDeclaresItAndNoProse) {
  EXPECT_EQ(read_answer(labels(), " billing\n"), "BILLING");
  EXPECT_FALSE(read_answer(labels(), "I think this is a billing issue"));
  EXPECT_FALSE(read_answer(labels(), "BILLING."));
  Prompt any_label;
  any_label.parser = Parser::Label;
  EXPECT_EQ(read_answer(any_label, " Book_Flight "), "book_flight");
  EXPECT_FALSE(read_answer(any_label, "two\nlines"));
}

TEST(ReadAnswer, ReadsJsonWhateverItsSpaceAndOrder) {
  EXPECT_EQ(read_answer(objects(), "{\"b\": 2,\n \"a\": 1}"), R"({"a":1,"b":2})");
  EXPECT_THAT(read_answer(objects(), "no").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(read_answer(objects(), R"({"a":"x"})").error().message, HasSubstr("schema"));
  EXPECT_THAT(read_answer(objects(), "```json\n{\"a\":1}\n```").error().message, HasSubstr("not JSON"));
}

TEST(UnmetExpectation, IsEmptyForARightAnswerAndSaysTheDifferenceElse) {
  EXPECT_EQ(unmet_expectation(labels(), expecting("BILLING"), "billing"), std::nullopt);
  EXPECT_THAT(*unmet_expectation(labels(), expecting("BILLING"), "other"),
              HasSubstr(R"(expected "BILLING", got "OTHER")"));
  EXPECT_THAT(*unmet_expectation(labels(), expecting("BILLING"), "a bill"),
              HasSubstr("not one of the categories' labels"));
}

TEST(UnmetExpectation, LooksForTextsAndForTextsThatMustNotBeThere) {
  PromptTest test = expecting("");
  test.contains = {"db.internal", "host"};
  test.lacks = {"password"};

  EXPECT_EQ(unmet_expectation({}, test, "the host db.internal"), std::nullopt);
  EXPECT_THAT(*unmet_expectation({}, test, "the host"), HasSubstr("does not hold \"db.internal\""));
  EXPECT_THAT(*unmet_expectation({}, test, "host db.internal password"), HasSubstr("holds \"password\""));
}

TEST(UnmetExpectation, ComparesTheFieldsItNamesOnly) {
  PromptTest test = expecting("");
  test.fields.text = R"({"a":1})";

  EXPECT_EQ(unmet_expectation(objects(), test, R"({"a": 1, "b": "free"})"), std::nullopt);
  EXPECT_THAT(*unmet_expectation(objects(), test, R"({"a":2})"), HasSubstr("a: expected \"1\", got \"2\""));
  test.fields.text = R"({"c":1})";
  EXPECT_THAT(*unmet_expectation(objects(), test, R"({"a":1})"), HasSubstr("no member c"));
}

}  // namespace
}  // namespace suffice::prompts
