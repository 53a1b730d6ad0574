#include "workflow/patterns/maker/canonical.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/json.hpp"

namespace suffice::workflow::maker {
namespace {

using enum CanonicalForm;

struct Same {
  const char* name;
  CanonicalForm form;
  std::vector<std::string> answers;
};

TEST(Canonical, AnswersOfOneMeaningHaveOneText) {
  const std::vector<Same> table = {
      {"numbers by value", Number, {"16", "16.0", "1.6e1", " 16 ", "+16", "016", "160e-1", "1600E-2", "16.000e+0"}},
      {"zero has no sign", Number, {"0", "-0", "0.000", "0e7", "-0e-3"}},
      {"small fractions", Number, {"0.05", ".05", "5e-2", "0.50e-1"}},
      {"beyond a double's digits", Number, {"9007199254740993", "9007199254740993.0", "900719925474099.3e1"}},
      {"very large", Number, {"1e300", "10e299", "0.1e301"}},
      {"key order and number form", Json, {R"({"a":1,"b":[2.0]})", R"( { "b" : [2], "a" : 1e0 } )"}},
      {"labels by case and width", Label, {"Billing", " billing\n", "BILLING", "ｂｉｌｌｉｎｇ"}},
      {"white space around", Trimmed, {"a b", " a b\n"}},
  };
  for (const Same& row : table) {
    SCOPED_TRACE(row.name);
    const Result<std::string> first = canonical(row.form, row.answers.front());
    ASSERT_TRUE(first) << describe(first.error());
    for (const std::string& answer : row.answers) EXPECT_EQ(canonical(row.form, answer), first) << answer;
    EXPECT_EQ(canonical(row.form, *first), first) << "a canonical text is its own canonical text";
  }
}

TEST(Canonical, AnswersOfTwoMeaningsDiffer) {
  const std::vector<Same> table = {
      {"neighbouring integers that one double holds", Number, {"9007199254740992", "9007199254740993"}},
      {"signs", Number, {"5", "-5"}},
      {"powers", Number, {"16", "160", "1.6"}},
      {"text and number", Json, {R"("16")", "16"}},
      {"order of a list", Json, {"[1,2]", "[2,1]"}},
      {"exact keeps spaces", Exact, {"a", "a "}},
  };
  for (const Same& row : table) {
    SCOPED_TRACE(row.name);
    for (std::size_t i = 1; i < row.answers.size(); ++i) {
      EXPECT_NE(canonical(row.form, row.answers[i]), canonical(row.form, row.answers[0]));
    }
  }
}

TEST(Canonical, WhatIsNotOfTheFormIsRefusedAndNeverRepaired) {
  for (const char* text :
       {"", "-", ".", "1.2.3", "16 apples", "1e", "0x10", "NaN", "inf", "1e99999", "1e308", "1,000", "$5"}) {
    EXPECT_FALSE(canonical(Number, std::string_view(text))) << text;
  }
  EXPECT_FALSE(canonical(Number, std::string(1'001, '7')));
  EXPECT_FALSE(canonical(Json, std::string_view("{'a':1}")));
  EXPECT_FALSE(canonical(Label, std::string_view("  ")));
}

TEST(Canonical, TheErrorDoesNotRepeatTheAnswer) {
  const Result<std::string> refused = canonical(Number, std::string_view("secret words"));

  ASSERT_FALSE(refused);
  EXPECT_EQ(describe(refused.error()).find("secret"), std::string::npos);
}

TEST(Canonical, AValueInsideAnAnswerStandsForItsContent) {
  const boost::json::value number = *wire::parse_json("16.0");
  const boost::json::value text = *wire::parse_json(R"("16")");
  const boost::json::value list = *wire::parse_json("[16]");

  EXPECT_EQ(*canonical(Number, number), "16");
  EXPECT_EQ(*canonical(Number, text), "16");
  EXPECT_FALSE(canonical(Number, list));
  EXPECT_FALSE(canonical(Label, number));
  EXPECT_NE(canonical(Json, number), canonical(Json, text));
}

TEST(Canonical, FormsAreFoundByTheirNames) {
  for (const CanonicalForm form : {Exact, Trimmed, Number, Json, Label}) {
    EXPECT_EQ(canonical_form_from_name(name(form)), form);
  }
  EXPECT_EQ(canonical_form_from_name("fuzzy"), std::nullopt);
}

}  // namespace
}  // namespace suffice::workflow::maker
