// Flows are checked before they run: what FlowBuilder refuses, what it draws, what a shape is made of.

#include "workflow/flow.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Executor executor(std::string name, std::vector<std::string> takes = {}, std::vector<std::string> gives = {}) {
  return Executor{.name = std::move(name),
                  .takes = std::move(takes),
                  .gives = std::move(gives),
                  .run = [](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> { co_return in; }};
}

FlowBuilder builder_of(const std::vector<std::string>& names) {
  FlowBuilder builder("flow");
  for (const std::string& name : names) builder.add(executor(name));
  return builder;
}

struct Wrong {
  std::string title;
  FlowBuilder builder;
  std::string where;
  std::string words;
};

std::vector<Wrong> wrong_flows() {
  std::vector<Wrong> all;
  const auto add = [&](std::string title, std::vector<std::string> names, auto change, std::string where,
                       std::string words) {
    FlowBuilder builder = builder_of(names);
    change(builder);
    all.push_back({std::move(title), std::move(builder), std::move(where), std::move(words)});
  };
  using B = FlowBuilder;
  add("no executor", {}, [](B&) {}, "/executors", "no executor");
  add("doubled name", {"a", "a"}, [](B& b) { b.connect("a", "a"); }, "/executors/a", "two executors");
  add("bad name", {"a b"}, [](B&) {}, "/executors/a b", "letters");
  add(
      "nothing to run", {"a"}, [](B& b) { b.add(Executor{.name = "b"}).connect("a", "b"); }, "/executors/b",
      "nothing to run");
  add("unknown start", {"a"}, [](B& b) { b.start("z"); }, "/start", "unknown executor 'z'");
  add(
      "unknown target", {"plan", "act"}, [](B& b) { b.connect("plan", "act").connect("plan", "akt"); }, "/edges/1",
      "did you mean \"act\"");
  add("unknown source", {"a"}, [](B& b) { b.connect("z", "a"); }, "/edges/0", "unknown executor 'z'");
  add("unreachable", {"a", "b"}, [](B&) {}, "/executors/b", "no way leads here");
  add(
      "types that do not fit", {},
      [](B& b) { b.add(executor("a", {}, {"text"})).add(executor("b", {"plan"})).connect("a", "b"); }, "/edges/0",
      "gives text");
  add("cycle of one", {"a"}, [](B& b) { b.connect("a", "a"); }, "/executors/a", "a -> a has no budget");
  add(
      "cycle of three", {"a", "b", "c"}, [](B& b) { b.connect("a", "b").connect("b", "c").connect("c", "a"); },
      "/executors/a", "a -> b -> c -> a has no budget");
  add("unknown loop", {"a"}, [](B& b) { b.connect("a", "a", {.loop = "more"}); }, "/edges/0", "unknown loop 'more'");
  add(
      "loop of no rounds", {"a"}, [](B& b) { b.loop("more", 0).connect("a", "a", {.loop = "more"}); }, "/loops/more",
      "at least 1");
  add("loop without an edge", {"a"}, [](B& b) { b.loop("more", 3); }, "/loops/more", "no edge");
  add(
      "doubled loop", {"a"}, [](B& b) { b.loop("more", 3).loop("more", 2).connect("a", "a", {.loop = "more"}); },
      "/loops/more", "two loops");
  add(
      "fan-in without fan-out", {"a", "b", "c"}, [](B& b) { b.connect("a", "b").fan_in({"a", "b"}, "c"); }, "/fan_in/0",
      "comes from no fan-out");
  add(
      "fan-in of more than there are", {"a", "b", "c", "d"},
      [](B& b) { b.fan_out("a", {"b", "c"}).fan_in({"b", "c"}, "d", Join::of(3)); }, "/fan_in/0", "can never come");
  add("fan-in from nobody", {"a", "b"}, [](B& b) { b.connect("a", "b").fan_in({}, "b"); }, "/fan_in/0", "from nobody");
  add(
      "source of two fan-ins", {"a", "b", "c", "d", "e"},
      [](B& b) { b.fan_out("a", {"b", "c"}).fan_in({"b", "c"}, "d").fan_in({"b"}, "e"); }, "/fan_in/1", "twice");
  add(
      "fan-in to one that cannot take it", {"a", "b", "c"},
      [](B& b) { b.add(executor("d", {"text"})).fan_out("a", {"b", "c"}).fan_in({"b", "c"}, "d"); }, "/fan_in/0",
      "gives 'joined'");
  add("fan-out to nobody", {"a"}, [](B& b) { b.fan_out("a", {}); }, "/fan_out/0", "nobody");
  add("fan-out twice to one", {"a", "b"}, [](B& b) { b.fan_out("a", {"b", "b"}); }, "/fan_out/0", "twice");
  add(
      "two fan-outs of one", {"a", "b", "c"}, [](B& b) { b.fan_out("a", {"b"}).fan_out("a", {"c"}); }, "/fan_out/1",
      "two fan-outs");
  add(
      "cycle through a fan-in", {"a", "b", "c"}, [](B& b) { b.fan_out("a", {"b", "c"}).fan_in({"b", "c"}, "a"); },
      "/executors/a", "has no budget");
  return all;
}

TEST(FlowBuilder, RefusesWhatCouldNotRunAndSaysWhere) {
  for (const Wrong& one : wrong_flows()) {
    SCOPED_TRACE(one.title);

    const std::vector<FlowProblem> problems = one.builder.problems();

    const auto said = [&](const FlowProblem& problem) {
      return problem.where == one.where && problem.message.find(one.words) != std::string::npos;
    };
    std::string all;
    for (const FlowProblem& problem : problems) all += problem.where + ": " + problem.message + "\n";
    EXPECT_TRUE(std::ranges::any_of(problems, said)) << all;
    EXPECT_FALSE(one.builder.build());
  }
}

TEST(FlowBuilder, SaysAllProblemsAtOnce) {
  FlowBuilder builder = builder_of({"a", "a"});
  builder.connect("a", "x").connect("y", "a").start("z");

  const auto built = builder.build();

  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, ErrorCode::InvalidArgument);
  for (const char* words : {"two executors", "'x'", "'y'", "'z'"}) EXPECT_THAT(built.error().message, HasSubstr(words));
}

TEST(FlowBuilder, AcceptsACycleThatHasABudget) {
  FlowBuilder builder = builder_of({"a", "b"});
  builder.loop("again", 3).connect("a", "b").connect("b", "a", {.loop = "again"});

  EXPECT_THAT(builder.problems(), IsEmpty());
}

TEST(Flow, ShapeChangesWithVersionsTypesAndEdgesButNotWithFunctions) {
  const auto shape = [](auto change) {
    FlowBuilder builder = builder_of({"a", "b"});
    builder.connect("a", "b");
    change(builder);
    return (*builder.build())->shape();
  };
  const std::string plain = shape([](FlowBuilder&) {});

  EXPECT_EQ(plain, shape([](FlowBuilder&) {}));
  EXPECT_NE(plain, shape([](FlowBuilder& b) { b.connect("b", "a", {.loop = "l"}).loop("l", 1); }));
  EXPECT_NE(plain, shape([](FlowBuilder& b) { b.add(executor("c")).connect("b", "c"); }));
  FlowBuilder versioned("flow");
  Executor a = executor("a");
  a.version = "2";
  versioned.add(a).add(executor("b")).connect("a", "b");
  EXPECT_NE(plain, (*versioned.build())->shape());
}

TEST(Flow, DrawsItselfAsMermaid) {
  FlowBuilder builder = builder_of({"plan", "left", "right", "sum"});
  builder.fan_out("plan", {"left", "right"}).fan_in({"left", "right"}, "sum", Join::any());
  builder.loop("again", 2).connect("sum", "plan", {.label = "not \"yet\"", .loop = "again"});

  EXPECT_EQ((*builder.build())->to_mermaid(),
            "flowchart TD\n"
            "  n0([\"plan\"])\n"
            "  n0 ==> n1\n"
            "  n0 ==> n2\n"
            "  n1[\"left\"]\n"
            "  n2[\"right\"]\n"
            "  n3[\"sum\"]\n"
            "  n3 -->|\"not #quot;yet#quot;, at most 2\"| n0\n"
            "  n1 -->|\"1 of 2\"| n3\n"
            "  n2 -->|\"1 of 2\"| n3\n");
}

}  // namespace
}  // namespace suffice::workflow
