// Cost of the gate: judge() on a 1 KB answer, the hard-stop scan at 1 KB and 100 KB, schema compilation and validation.

#include <string>

#include <benchmark/benchmark.h>

#include "gate/judge.hpp"

namespace {

using namespace suffice;

policy::Policy policy_of_stops() {
  policy::Policy policy;
  const auto group = [&](const char* name, Reason reason, std::vector<std::string> words,
                         std::vector<std::string> patterns) {
    policy::HardStopGroup& added = policy.hard_stops[name];
    added.name = name;
    added.reason = reason;
    added.words = std::move(words);
    added.patterns = std::move(patterns);
  };
  group("security", Reason::HardStopSecurity,
        {"vulnerability", "exploit", "secret", "secrets", "password", "advisory", "malware", "xss"},
        {R"(\bcve-\d{4}-\d{4,})", R"(\bghsa-[a-z0-9-]+)"});
  group("access", Reason::HardStopAccess,
        {"401", "403", "token", "permission", "credential", "credentials", "scope", "sso", "registry auth",
         "unauthorized", "forbidden"},
        {R"(\baccess (?:is )?denied\b)"});
  group("production", Reason::HardStopProduction, {"deploy", "migrate", "rotate"}, {R"(\bdelete\s+(?:all|the)\b)"});
  group("novel", Reason::HardStopNovel, {"unprecedented"}, {R"(\bunknown error class\b)"});
  return policy;
}

policy::Task task() {
  policy::Task task;
  task.name = "bench";
  task.min_confidence = 0.0;
  task.hard_stops = {"security", "access", "production", "novel"};
  task.max_input_chars = 1'000'000;
  return task;
}

std::string log_text(std::size_t bytes, bool ascii) {
  std::string text;
  while (text.size() < bytes) {
    text += "[INFO] Building module core 1.2.3, resolved 14 artifacts in 320 ms; tests passed: 118\n";
    if (!ascii) text += "\xC3\xA9t\xC3\xA9 \xE4\xBB\xA4\xE7\x89\x8C \xD0\xB6\xD1\x83\xD0\xBA\n";
  }
  text.resize(bytes);
  return text;
}

void judge_free_answer(benchmark::State& state) {
  const auto rules = gate::compile_rules(policy_of_stops(), task());
  Completion completion;
  completion.text = log_text(static_cast<std::size_t>(state.range(0)), true);
  completion.finish = FinishReason::Stop;
  const ChatRequest request;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        judge(*rules, gate::Candidate{.completion = completion, .input = "x", .request = request}));
}
BENCHMARK(judge_free_answer)->Arg(1'024);

void compile_rules_of_four_groups(benchmark::State& state) {
  const policy::Policy policy = policy_of_stops();
  const policy::Task bench = task();
  for (auto _ : state) benchmark::DoNotOptimize(gate::compile_rules(policy, bench));
}
BENCHMARK(compile_rules_of_four_groups);

void check_input_of(benchmark::State& state, bool ascii) {
  const auto rules = gate::compile_rules(policy_of_stops(), task());
  const std::string text = log_text(static_cast<std::size_t>(state.range(0)), ascii);
  for (auto _ : state) benchmark::DoNotOptimize(check_input(*rules, text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(check_input_of, ascii, true)->Arg(1'024)->Arg(100 * 1'024)->Arg(1'024 * 1'024);
BENCHMARK_CAPTURE(check_input_of, mixed_scripts, false)->Arg(1'024)->Arg(100 * 1'024);

constexpr std::string_view kSchema =
    R"({"type":"object","properties":{"risk":{"enum":["low","high"]},"why":{"type":"string","maxLength":400},
  "files":{"type":"array","items":{"type":"string","pattern":"^[\\w./-]+$"},"maxItems":20}},"required":["risk","why"],"additionalProperties":false})";

void schema_compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(gate::JsonSchema::compile(kSchema));
}
BENCHMARK(schema_compile);

void schema_validate(benchmark::State& state) {
  const auto schema = gate::JsonSchema::compile(kSchema, gate::Strictness::ModelOutput);
  const std::string answer =
      R"({"risk":"low","why":")" + std::string(300, 'x') + R"(","files":["src/a.cpp","src/b.cpp","README.md"]})";
  for (auto _ : state) benchmark::DoNotOptimize((*schema)->validate(answer));
}
BENCHMARK(schema_validate);

}  // namespace
