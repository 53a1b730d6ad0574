// What a schema of a policy or a caller means here, and what is refused rather than half enforced.
#include "gate/json_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "gate/json_pattern.hpp"
#include "gate/uri_reference.hpp"

namespace suffice::gate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> problems(std::string_view schema, std::string_view instance,
                                  Strictness strictness = Strictness::AsWritten) {
  const auto compiled = JsonSchema::compile(schema, strictness);
  EXPECT_TRUE(compiled.has_value()) << schema << (compiled ? "" : describe(compiled.error()));
  return compiled ? (*compiled)->validate(instance) : std::vector<std::string>{"does not compile"};
}

TEST(JsonSchema, NamesThePlaceAndTheRule) {
  const std::string_view schema =
      R"({"properties":{"steps":{"items":{"properties":{"risk":{"enum":["low"]}},"required":["risk"]}}}})";
  EXPECT_THAT(problems(schema, R"({"steps":[{"risk":"low"}]})"), IsEmpty());
  EXPECT_THAT(problems(schema, R"({"steps":[{"risk":"x"},{}]})"),
              ElementsAre("/steps/0/risk: value not in enum", "/steps/1: 'risk' is missing"));
}

TEST(JsonSchema, NeverShowsTheAnswersOwnWords) {
  const auto found = problems(R"({"additionalProperties":{"type":"integer"},"propertyNames":{"maxLength":3}})",
                              R"({"zanzibar":"zanzibar"})");
  ASSERT_FALSE(found.empty());
  for (const std::string& problem : found) EXPECT_EQ(problem.find("zanzibar"), std::string::npos) << problem;
}

TEST(JsonSchema, ReportsAtMostEightProblems) {
  EXPECT_EQ(problems(R"({"items":{"type":"string"}})", "[1,2,3,4,5,6,7,8,9,10,11]").size(), 8U);
}

TEST(JsonSchema, RefusesWhatItCannotEnforce) {
  struct Case {
    const char* name;
    const char* schema;
    const char* says;
  };
  for (
      const Case& one : {
          Case{"not JSON", "{", "not JSON"},
          Case{"not a schema", "3", "object, true or false"},
          Case{"a misspelt keyword", R"({"properties":{"a":{"maxLenght":3}}})", "/properties/a/maxLenght"},
          Case{"OpenAPI's nullable", R"({"type":"string","nullable":true})", "/nullable"},
          Case{"a remote reference", R"({"$ref":"https://elsewhere.example/s"})", "leaves the document"},
          Case{"a dangling reference", R"({"$ref":"#/$defs/nowhere"})", "points at no schema"},
          Case{"look-ahead", R"~({"pattern":"a(?=b)"})~", "look-around"},
          Case{"a back-reference", R"({"pattern":"(a)\\1"})", "back-references"},
          Case{"a type that is none", R"({"type":"text"})", "type"},
          Case{"a count below 0", R"({"minLength":-1})", "minLength"},
          Case{"a draft not known", R"({"$schema":"http://json-schema.org/draft-03/schema#"})", "$schema"},
          Case{
              "draft-07 keywords beside $ref",
              R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","maximum":3,"definitions":{"a":{}}})",
              "allOf"},
          Case{"2020-12 keyword in draft-07",
               R"({"$schema":"http://json-schema.org/draft-07/schema#","unevaluatedProperties":false})", "draft"},
          Case{"draft-07 keyword in 2020-12",
               R"({"$schema":"https://json-schema.org/draft/2020-12/schema","additionalItems":false})", "draft"},
          Case{"required is not a list", R"({"required":true})", "required"},
      }) {
    SCOPED_TRACE(one.name);
    const auto compiled = JsonSchema::compile(one.schema);
    ASSERT_FALSE(compiled);
    EXPECT_EQ(compiled.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(describe(compiled.error()), HasSubstr(one.says));
  }
}

TEST(JsonSchema, ClosesObjectsAndFillsStringsForModelOutput) {
  struct Case {
    const char* name;
    const char* schema;
    const char* instance;
    bool as_written;
    bool model_output;
  };
  for (
      const Case& one : {
          Case{"a listed field", R"({"properties":{"a":{}}})", R"({"a":1})", true, true},
          Case{"an invented field", R"({"properties":{"a":{}}})", R"({"b":1})", true, false},
          Case{"invented deep inside", R"({"properties":{"a":{"items":{"properties":{"b":{}}}}}})",
               R"({"a":[{"c":1}]})", true, false},
          Case{"explicitly open", R"({"properties":{"a":{}},"additionalProperties":true})", R"({"b":1})", true, true},
          Case{"explicitly open by unevaluated", R"({"properties":{"a":{}},"unevaluatedProperties":true})",
               R"({"b":1})", true, true},
          Case{"no fields listed", R"({"type":"object"})", R"({"b":1})", true, true},
          Case{"listed by a part", R"({"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]})", R"({"a":1,"b":1})",
               true, true},
          Case{"listed by a reference",
               R"({"$ref":"#/$defs/x","properties":{"b":{}},"$defs":{"x":{"properties":{"a":{}}}}})",
               R"({"a":1,"b":1})", true, true},
          Case{
              "listed by the branch not taken",
              R"({"oneOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":1}},"required":["b"]}]})",
              R"({"a":1,"b":2})", true, false},
          Case{"closing never helps oneOf",
               R"({"oneOf":[{"properties":{"a":{"properties":{"x":{}}}}},{"properties":{"a":{"type":"object"}}}]})",
               R"({"a":{"y":1}})", false, false},
          Case{"a required string empty", R"({"properties":{"a":{"type":"string"}},"required":["a"]})", R"({"a":" "})",
               true, false},
          Case{"an optional string empty", R"({"properties":{"a":{"type":"string"}}})", R"({"a":""})", true, true},
          Case{"empty said to be fine", R"({"properties":{"a":{"type":"string","minLength":0}},"required":["a"]})",
               R"({"a":""})", true, true},
          Case{"empty is one of the values", R"({"properties":{"a":{"enum":["","x"]}},"required":["a"]})",
               R"({"a":""})", true, true},
      }) {
    SCOPED_TRACE(one.name);
    EXPECT_EQ(problems(one.schema, one.instance).empty(), one.as_written);
    EXPECT_EQ(problems(one.schema, one.instance, Strictness::ModelOutput).empty(), one.model_output);
  }
}

TEST(JsonSchema, EndsOnSchemasThatNeverWould) {
  EXPECT_THAT(problems(R"({"$ref":"#"})", "1"), ElementsAre(HasSubstr("more work")));
  EXPECT_THAT(problems(R"({"not":{"$ref":"#/not"}})", "1"), ElementsAre(HasSubstr("more work")));
  // 3^14 ways.
  std::string schema = R"({"$ref":"#/$defs/n0","$defs":{)";
  for (int i = 0; i < 14; ++i) {
    const std::string next = "{\"$ref\":\"#/$defs/n" + std::to_string(i + 1) + "\"}";
    schema += "\"n" + std::to_string(i) + "\":{\"anyOf\":[" + next + "," + next + "," + next + "]},";
  }
  schema += R"("n14":false}})";
  EXPECT_THAT(problems(schema, "1"), ElementsAre(HasSubstr("more work")));
}

TEST(JsonSchema, MatchesPatternsInLinearTime) {
  // Exponential for a backtracking matcher, and deep recursion for std::regex.
  std::string text(200'000, 'a');
  EXPECT_FALSE(problems(R"({"pattern":"^(a+)+$"})", "\"" + text + "!\"").empty());
  EXPECT_THAT(problems(R"({"pattern":"^(a|b)*$"})", "\"" + text + "\""), IsEmpty());
}

TEST(JsonSchema, RefusesAmbiguousOrDeepAnswers) {
  EXPECT_THAT(problems("true", R"({"a":1,"a":2})"), ElementsAre(HasSubstr("not JSON")));
  EXPECT_THAT(problems("true", std::string(1000, '[')), ElementsAre(HasSubstr("not JSON")));
}

TEST(Re2Expression, TranslatesWhatEcmaScriptSpellsOtherwise) {
  struct Case {
    const char* ecma;
    const char* text;
    bool matches;
  };
  for (const Case& one : {
           Case{R"(^\u0061$)", "a", true},
           Case{R"(^\uD83D\uDC32$)", "\xF0\x9F\x90\xB2", true},
           Case{R"(^\u{1F432}$)", "\xF0\x9F\x90\xB2", true},
           Case{R"(^\cC$)", "\x03", true},
           Case{R"(^\s$)", "\xE2\x80\x83", true},
           Case{R"(^[\s]$)", "\xEF\xBB\xBF", true},
           Case{R"(^\S$)", "\xE2\x80\x83", false},
           Case{R"(^[\s\S]$)", "x", true},
           Case{R"(^.$)", "\r", false},
           Case{R"(^[^]$)", "\n", true},
           Case{R"(^[[:a]+$)", "[:a", true},
           Case{R"(^\p{Letter}+$)", "\xC3\xA9t\xC3\xA9", true},
           Case{R"(^(?<year>\d{4})$)", "2024", true},
           Case{R"(^\d$)", "\xDF\x80", false},
           Case{R"(^a$)", "a\n", false},
           Case{R"(^[\b]$)", "\b", true},
       }) {
    SCOPED_TRACE(one.ecma);
    const auto expression = re2_expression(one.ecma);
    ASSERT_TRUE(expression) << describe(expression.error());
    EXPECT_EQ(RE2::PartialMatch(one.text, RE2(*expression)), one.matches) << *expression;
  }
  for (const char* bad :
       {R"(\a)", R"(\Z)", R"(\)", R"(\u12)", R"(\uD800)", R"((?!a))", R"((?i)a)", R"([])", R"(\x1)", R"(\pL)"}) {
    EXPECT_FALSE(re2_expression(bad)) << bad;
  }
}

TEST(ResolveUri, FollowsRfc3986) {
  // The examples of RFC 3986 section 5.4.1 that schemas meet.
  const std::string_view base = "http://a/b/c/d;p?q";
  for (const auto& [reference, expected] :
       std::vector<std::pair<const char*, const char*>>{{"g:h", "g:h"},
                                                        {"g", "http://a/b/c/g"},
                                                        {"./g", "http://a/b/c/g"},
                                                        {"g/", "http://a/b/c/g/"},
                                                        {"/g", "http://a/g"},
                                                        {"//g", "http://g"},
                                                        {"?y", "http://a/b/c/d;p?y"},
                                                        {"g?y", "http://a/b/c/g?y"},
                                                        {"#s", "http://a/b/c/d;p?q#s"},
                                                        {"", "http://a/b/c/d;p?q"},
                                                        {".", "http://a/b/c/"},
                                                        {"..", "http://a/b/"},
                                                        {"../g", "http://a/b/g"},
                                                        {"../../g", "http://a/g"},
                                                        {"../../../g", "http://a/g"}}) {
    EXPECT_EQ(resolve_uri(base, reference), expected) << reference;
  }
  EXPECT_EQ(percent_decoded("a%25b%2"), "a%b%2");
}

}  // namespace
}  // namespace suffice::gate
