// What a grammar accepts is found out with a small GBNF matcher of the test's own; the end-to-end tests of
// providers/embedded_client_test.cpp give the same grammars to libllama.
#include "engine/schema_grammar.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/gbnf_matcher.hpp"

namespace suffice::engine {
namespace {

struct Case {
  const char* name;
  const char* schema;
  std::vector<std::string> accepted;
  std::vector<std::string> refused;
};

TEST(SchemaGrammar, AcceptsExactlyWhatTheSchemaMeans) {
  const Case cases[] = {
      {"required and optional in order",
       R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},"c":{"type":"null"}},"required":["b"]})",
       {R"({"b":true})", R"({"a":1,"b":false})", R"({"a":-7,"b":true,"c":null})", R"({"b":true,"c":null})"},
       {R"({})", R"({"a":1})", R"({"b":true,"a":1})", R"({"b":true,})", R"({,"b":true})", R"({"b": true})",
        R"({"b":true,"d":1})"}},
      {"all optional",
       R"({"properties":{"a":{"const":1},"b":{"const":2}}})",
       {R"({})", R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
       {R"({"b":2,"a":1})", R"({"a":1,})", R"({"a":2})"}},
      {"enum and const of every kind",
       R"({"enum":["x\"y","a\\b",1,null,{"k":[1]}]})",
       {R"("x\"y")", R"("a\\b")", "1", "null", R"({"k":[1]})"},
       {R"("x"y")", "2", R"({"k":[2]})"}},
      {"integers", R"({"type":"integer"})", {"0", "-1", "120"}, {"01", "1.5", "-", "+1", "1e3", ""}},
      {"natural numbers", R"({"type":"integer","minimum":0})", {"0", "17"}, {"-1"}},
      {"numbers", R"({"type":"number"})", {"0", "-1.5", "1e9", "2.25E-3"}, {".5", "1.", "1e", "NaN"}},
      {"strings",
       R"({"type":"string"})",
       {R"("")", R"("a b")", R"("q\"\\\n\u00e9")"},
       {R"("a)", "\"a\nb\"", R"("\x")", R"("\u12")", "a"}},
      {"bounded strings",
       R"({"type":"string","minLength":2,"maxLength":3})",
       {R"("ab")", R"("abc")", R"("\"b")"},
       {R"("a")", R"("abcd")"}},
      {"a required string is not empty",
       R"({"properties":{"s":{"type":"string"}},"required":["s"]})",
       {R"({"s":"x"})"},
       {R"({"s":""})"}},
      {"lists",
       R"({"type":"array","items":{"type":"boolean"}})",
       {"[]", "[true]", "[true,false,true]"},
       {"[1]", "[true,]", "[,]"}},
      {"bounded lists",
       R"({"items":{"const":1},"minItems":2,"maxItems":3})",
       {"[1,1]", "[1,1,1]"},
       {"[]", "[1]", "[1,1,1,1]"}},
      {"the empty list only", R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {"exactly one", R"({"type":"array","items":{"const":1},"minItems":1,"maxItems":1})", {"[1]"}, {"[]", "[1,1]"}},
      {"several types", R"({"type":["string","null"]})", {R"("a")", "null"}, {"1", "true"}},
      {"alternatives",
       R"({"anyOf":[{"const":"a"},{"type":"array","items":{"const":"b"}}]})",
       {R"("a")", R"(["b","b"])"},
       {R"("b")"}},
      {"a map",
       R"({"type":"object","additionalProperties":{"type":"integer"}})",
       {"{}", R"({"k":1,"l":2})"},
       {R"({"k":"v"})", R"({"":1})"}},
      {"no properties at all", R"({"type":"object","additionalProperties":false})", {"{}"}, {R"({"a":1})"}},
      {"anything", "{}", {"1", R"({"a":[1,{"b":null}]})", R"("s")"}, {"{", "[1,]", "tru"}},
      {"true", "true", {"null"}, {""}},
      {"a required property without a schema", R"({"type":"object","required":["z"]})", {R"({"z":[]})"}, {"{}"}},
      {"references",
       R"({"$defs":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/n"}},"required":["a"]})",
       {R"({"a":3})"},
       {R"({"a":"3"})"}},
      {"a schema within itself",
       R"({"properties":{"v":{"const":1},"next":{"$ref":"#"}},"required":["v"]})",
       {R"({"v":1})", R"({"v":1,"next":{"v":1,"next":{"v":1}}})"},
       {R"({"v":1,"next":{}})"}},
      {"keys that need escapes",
       R"({"properties":{"a\"/b":{"const":1}},"required":["a\"/b"]})",
       {R"({"a\"/b":1})"},
       {R"({"a"/b":1})"}},
      {"keywords for the gate are passed over",
       R"({"$schema":"x","title":"t","type":"integer","multipleOf":3,"description":"d"})",
       {"4"},
       {"x"}}};
  for (const Case& c : cases) {
    const Result<std::string> grammar = grammar_from_schema(c.schema);
    ASSERT_TRUE(grammar.has_value()) << c.name << ": " << grammar.error().message;
    GbnfMatcher matcher(*grammar);
    for (const std::string& text : c.accepted) EXPECT_TRUE(matcher.accepts(text)) << c.name << ": " << text;
    for (const std::string& text : c.refused) EXPECT_FALSE(matcher.accepts(text)) << c.name << ": " << text;
  }
}

TEST(SchemaGrammar, NamesWhatItCannotHold) {
  struct Bad {
    const char* schema;
    ErrorCode code;
    const char* where;
  };
  const Bad cases[] = {{R"({"allOf":[]})", ErrorCode::UnsupportedField, "/allOf"},
                       {R"({"properties":{"a/b":{"not":{}}}})", ErrorCode::UnsupportedField, "/properties/a~1b/not"},
                       {R"({"items":{"if":{}}})", ErrorCode::UnsupportedField, "/items/if"},
                       {R"({"$ref":"https://example.com/s"})", ErrorCode::UnsupportedField, "/$ref"},
                       {R"({"type":"string","minLength":300})", ErrorCode::UnsupportedField, "/minLength"},
                       {R"({"$ref":"#/$defs/gone"})", ErrorCode::InvalidArgument, "/$ref"},
                       {R"({"type":"text"})", ErrorCode::InvalidArgument, "/type"},
                       {R"({"enum":[]})", ErrorCode::InvalidArgument, "/enum"},
                       {R"({"required":"a","type":"object"})", ErrorCode::InvalidArgument, "/required"},
                       {R"({"type":"array","minItems":-1})", ErrorCode::InvalidArgument, "/minItems"},
                       {R"({"type":"array","minItems":3,"maxItems":2})", ErrorCode::InvalidArgument, "/maxItems"},
                       {"false", ErrorCode::InvalidArgument, ""},
                       {"7", ErrorCode::InvalidArgument, ""},
                       {"{", ErrorCode::InvalidArgument, ""}};
  for (const Bad& c : cases) {
    const Result<std::string> grammar = grammar_from_schema(c.schema);
    ASSERT_FALSE(grammar.has_value()) << c.schema;
    EXPECT_EQ(grammar.error().code, c.code) << c.schema;
    EXPECT_EQ(grammar.error().where, c.where) << c.schema;
  }
}

TEST(SchemaGrammar, IsBounded) {
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += R"({"items":)";
  deep += "{}" + std::string(60, '}');
  EXPECT_EQ(grammar_from_schema(deep).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(grammar_from_schema("\"" + std::string(300'000, 'x') + "\"").error().code, ErrorCode::InvalidArgument);
}

TEST(JsonObjectGrammar, AcceptsObjectsOnly) {
  GbnfMatcher matcher(json_object_grammar());
  EXPECT_TRUE(matcher.accepts(R"({"a":{"b":[1,"c"]}})"));
  EXPECT_FALSE(matcher.accepts("[1]"));
  EXPECT_FALSE(matcher.accepts("1"));
}

}  // namespace
}  // namespace suffice::engine
