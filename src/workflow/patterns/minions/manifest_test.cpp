#include "workflow/patterns/minions/manifest.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gate/json_schema.hpp"

namespace suffice::workflow::minions {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kGood =
    R"({"tasks":[{"name":"price","instruction":"Find what it costs"}],"chunking":{"unit":"turns","size":20,"overlap":2},"samples":1})";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kGood);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(ParseManifest, ReadsTasksChunkingAndSamples) {
  const Result<JobManifest> manifest = parse_manifest(kGood, {});
  ASSERT_TRUE(manifest.has_value()) << describe(manifest.error());
  EXPECT_EQ(manifest->tasks, (std::vector<MapTask>{{.name = "price", .instruction = "Find what it costs"}}));
  EXPECT_EQ(manifest->chunking, (Chunking{.unit = Chunking::Unit::Turns, .size = 20, .overlap = 2}));
  EXPECT_EQ(manifest->samples, 1U);
  EXPECT_EQ(parse_manifest(manifest->json().text, {}).value(), *manifest) << "there and back";
}

TEST(ParseManifest, TakesOneCodeFenceAroundIt) {
  EXPECT_TRUE(parse_manifest("```json\n" + std::string(kGood) + "\n```\n", {}).has_value());
  EXPECT_TRUE(parse_manifest("\n " + std::string(kGood), {}).has_value());
}

TEST(ParseManifest, RefusesWhatCannotBeUsedAndSaysWhy) {
  struct Case {
    std::string_view name;
    std::string answer;
    std::string_view problem;
  };
  const Case cases[] = {
      {.name = "prose", .answer = "I would look for prices.", .problem = "not one JSON object"},
      {.name = "prose around it", .answer = "Here it is: " + std::string(kGood), .problem = "not one JSON object"},
      {.name = "cut off", .answer = std::string(kGood.substr(0, 60)), .problem = "not one JSON object"},
      {.name = "empty", .answer = "", .problem = "not one JSON object"},
      {.name = "an array", .answer = "[]", .problem = "manifest"},
      {.name = "no tasks",
       .answer = with(R"([{"name":"price","instruction":"Find what it costs"}])", "[]"),
       .problem = "/tasks"},
      {.name = "code instead of data",
       .answer = with(R"("samples":1)", R"("samples":1,"python":"import os")"),
       .problem = "nothing is allowed here"},
      {.name = "unknown unit", .answer = with("turns", "pages"), .problem = "/chunking/unit"},
      {.name = "size 0", .answer = with(R"("size":20)", R"("size":0)"), .problem = "/chunking/size"},
      {.name = "negative overlap", .answer = with(R"("overlap":2)", R"("overlap":-1)"), .problem = "/chunking/overlap"},
      {.name = "overlap as large as the chunk",
       .answer = with(R"("overlap":2)", R"("overlap":20)"),
       .problem = "below /chunking/size"},
      {.name = "no overlap",
       .answer = with(R"("overlap":2)", R"("overlap":0)"),
       .problem = "at least 1 turns, the longest expected fact"},
      {.name = "overlap shorter than a fact",
       .answer = with(R"("unit":"turns","size":20)", R"("unit":"bytes","size":999)"),
       .problem = "at least 200 bytes"},
      {.name = "samples over the cap", .answer = with(R"("samples":1)", R"("samples":5)"), .problem = "/samples"},
      {.name = "a fraction", .answer = with(R"("samples":1)", R"("samples":1.5)"), .problem = "/samples"},
      {.name = "two of one name",
       .answer = with(R"([{)", R"([{"name":"price","instruction":"again"},{)"),
       .problem = "same name"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Result<JobManifest> manifest = parse_manifest(c.answer, {});
    ASSERT_FALSE(manifest.has_value());
    EXPECT_EQ(manifest.error().code, ErrorCode::OutputRejected);
    EXPECT_THAT(manifest.error().message, HasSubstr(c.problem));
  }
}

TEST(ParseManifest, ErrorsNeverQuoteValues) {
  const auto manifest = parse_manifest(with("turns", "CANARY"), {});
  ASSERT_FALSE(manifest.has_value());
  EXPECT_THAT(manifest.error().message, Not(HasSubstr("CANARY")));
}

TEST(ParseManifest, CapsTheTasksOfARoundAtThreeUnlessTold) {
  std::string tasks;
  for (int i = 0; i < 4; ++i) {
    tasks += (i == 0 ? "" : ",") + std::string(R"({"name":"t)") + std::to_string(i) + R"(","instruction":"x"})";
  }
  const std::string answer = with(R"({"name":"price","instruction":"Find what it costs"})", tasks);
  EXPECT_THAT(parse_manifest(answer, {}).error().message, HasSubstr("/tasks"));
  EXPECT_TRUE(parse_manifest(answer, {.tasks_max = 4}).has_value());
}

TEST(ManifestSchema, IsASchemaThatCanBeEnforced) {
  const auto schema = gate::JsonSchema::compile(manifest_schema({}).text);
  ASSERT_TRUE(schema.has_value()) << describe(schema.error());
  EXPECT_TRUE((*schema)->validate(kGood).empty());
}

}  // namespace
}  // namespace suffice::workflow::minions
