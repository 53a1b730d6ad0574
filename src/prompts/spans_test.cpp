// Candidate values of a text, and the schema that lets a model choose among them.

#include "prompts/spans.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "prompts/span_schema.hpp"

namespace suffice::prompts {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::vector<std::string> texts(const std::vector<Span>& spans, SpanKind kind = SpanKind::Phrase) {
  std::vector<std::string> result;
  for (const Span& span : spans) {
    if (span.holds(kind)) result.emplace_back(span.text);
  }
  return result;
}

TEST(ProposeSpans, AreVerbatimPartsOfTheTextAndDistinct) {
  const std::string text = "Table for 5 adults, on August 23rd at 7:30pm; for 5 adults!";

  const std::vector<Span> spans = propose_spans(text);

  std::vector<std::string> all = texts(spans);
  for (const Span& span : spans) EXPECT_EQ(text.substr(span.begin, span.text.size()), span.text);
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_THAT(all, IsSupersetOf({"5", "5 adults", "August 23rd", "23rd", "7:30pm", "7:30"}));
}

TEST(ProposeSpans, KnowWhatTheyHold) {
  const std::vector<Span> spans =
      propose_spans("Ann Lee comes on Friday at 7 p.m. with twelve guests, see docs/plan.md \"as agreed\"");

  EXPECT_THAT(texts(spans, SpanKind::Name), IsSupersetOf({"Ann", "Lee", "Ann Lee"}));
  EXPECT_THAT(texts(spans, SpanKind::Date), Contains("Friday"));
  EXPECT_THAT(texts(spans, SpanKind::Time), IsSupersetOf({"7 p.m.", "7 p.m"}));
  EXPECT_THAT(texts(spans, SpanKind::Number), IsSupersetOf({"7", "twelve", "twelve guests"}));
  EXPECT_THAT(texts(spans, SpanKind::Path), Contains("docs/plan.md"));
  EXPECT_THAT(texts(spans, SpanKind::Quote), UnorderedElementsAre("as agreed"));
  EXPECT_THAT(texts(spans, SpanKind::Date), Not(Contains("Ann")));
}

TEST(ProposeSpans, NeitherBeginNorEndWithFunctionWordsButWhereValuesDo) {
  const std::vector<std::string> all = texts(propose_spans("I would like to come in 4 days with my 3 friends"));

  EXPECT_THAT(all, IsSupersetOf({"in 4 days", "4 days", "my 3 friends", "3 friends"}));
  EXPECT_THAT(all, Not(Contains("I")));
  EXPECT_THAT(all, Not(Contains("days with")));
  EXPECT_THAT(all, Not(Contains("with my 3 friends")));
}

TEST(ProposeSpans, AWholeShortAnswerMayBeAName) {
  EXPECT_THAT(texts(propose_spans("edgar"), SpanKind::Name), UnorderedElementsAre("edgar"));
}

TEST(ProposeSpans, StayWithinTheirNumberAndKeepTheShortOnes) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i) + " ";

  const std::vector<Span> spans = propose_spans(text, {.words_max = 7, .spans_max = 50});

  EXPECT_EQ(spans.size(), 50U);
  EXPECT_TRUE(
      std::ranges::all_of(spans, [](const Span& span) { return span.text.find(' ') == std::string_view::npos; }));
  EXPECT_THAT(propose_spans(""), IsEmpty());
  EXPECT_THAT(propose_spans(" .,; \n\""), IsEmpty());
}

const JsonText kBooking{R"({"type":"object","additionalProperties":false,"properties":{)"
                        R"("people":{"type":"string","x-source":"span","x-span":"number"},)"
                        R"("date":{"type":"string","x-source":"span","x-span":["date"]},)"
                        R"("note":{"type":"string"}}})"};

TEST(SchemaWithSpans, TurnsSpanFieldsIntoAChoice) {
  const Result<JsonText> schema = schema_with_spans(kBooking, "for 5 adults on Friday");

  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_THAT(schema->text, HasSubstr(R"("people":{"type":"string","enum":["5","5 adults","5 adults on Friday"]})"));
  EXPECT_THAT(schema->text, HasSubstr("Friday"));
  EXPECT_THAT(schema->text, HasSubstr(R"("note":{"type":"string"})"));
  EXPECT_THAT(schema->text, Not(HasSubstr("x-")));
}

TEST(SchemaWithSpans, LeavesOutAnOptionalFieldThatTheTextCannotFill) {
  const Result<JsonText> schema = schema_with_spans(kBooking, "for 5 adults");

  EXPECT_THAT(schema->text, Not(HasSubstr("\"date\"")));
}

TEST(SchemaWithSpans, ARequiredFieldTakesAnyPhraseRatherThanNone) {
  const JsonText schema{R"({"required":["d"],"properties":{"d":{"type":"string","x-source":"span","x-span":"date"}}})"};

  EXPECT_EQ(schema_with_spans(schema, "mailer timeout")->text,
            R"({"required":["d"],"properties":{"d":{"type":"string","enum":["mailer","mailer timeout","timeout"]}}})");
  EXPECT_EQ(schema_with_spans(schema, "?!")->text, R"({"required":["d"],"properties":{"d":{"type":"string"}}})");
}

TEST(SchemaWithSpans, ChoosesItemsOfListsToo) {
  const JsonText schema{
      R"({"properties":{"files":{"type":"array","items":{"type":"string","x-source":"span","x-span":"path"}}}})"};

  EXPECT_EQ(schema_with_spans(schema, "see src/a.py and b.py")->text,
            R"({"properties":{"files":{"type":"array","items":{"type":"string","enum":["src/a.py","b.py"]}}}})");
}

TEST(SchemaWithSpans, SaysWhatIsWrongWithASchema) {
  EXPECT_THAT(schema_with_spans({R"({"x-source":"span","x-span":"colour"})"}, "a b").error().message,
              HasSubstr("x-span is number"));
  EXPECT_FALSE(schema_with_spans({"[]"}, "a"));
  EXPECT_FALSE(schema_with_spans({"{"}, "a"));
  EXPECT_FALSE(schema_with_spans(kBooking, "\xff"));
}

TEST(HasSpanFields, LooksForTheKeywordAndNotForTheWord) {
  EXPECT_TRUE(has_span_fields(kBooking));
  EXPECT_FALSE(has_span_fields({R"({"properties":{"a":{"description":"x-source span"}}})"}));
  EXPECT_FALSE(has_span_fields({"x-source"}));
  EXPECT_FALSE(has_span_fields({}));
}

}  // namespace
}  // namespace suffice::prompts
