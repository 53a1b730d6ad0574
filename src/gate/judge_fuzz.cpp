// judge_fuzz --seed N --iterations N: mutated answers through check_input and judge; aborts when a promise breaks.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "gate/judge.hpp"

namespace {

using namespace suffice;

constexpr std::string_view kCorpus[] = {
    "build",
    "  Unknown\n",
    "I'm sorry, but I can't help with that.",
    "fine\nCONFIDENCE: 8",
    R"({"risk":"low","why":"\u0074oken"})",
    "```json\n{\"risk\":\"low\",\"why\":\"x\"}\n```",
    "\xEF\xBD\x94\xE2\x80\x8Doken \xF0\x9F\x90\xB2 \xC3\xA9",
    "delete the   database; unexpected token",
};

std::string mutated(std::string text, Random& random) {
  for (std::uint64_t edits = 1 + random.below(6); edits > 0; --edits) {
    const std::size_t at = text.empty() ? 0 : random.below(text.size());
    const std::string_view other = kCorpus[random.below(std::size(kCorpus))];
    switch (random.below(5)) {
      case 0:
        text.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        text.erase(at, random.below(8));
        break;
      case 3:
        text.insert(at, other.substr(random.below(other.size())));
        break;
      default:
        text += text.substr(at, 40);
        break;
    }
    if (text.size() > 4096) text.resize(4096);
  }
  return text;
}

gate::GateRules rules(bool labels, bool schema) {
  policy::Policy policy;
  policy::HardStopGroup& group = policy.hard_stops["access"];
  group.name = "access";
  group.reason = Reason::HardStopAccess;
  group.words = {"token"};
  group.phrases = {"delete the database"};
  group.patterns = {R"(\b40[13]\b)"};
  group.except = {"unexpected token"};
  policy::Task task;
  task.name = "fuzz";
  task.hard_stops = {"access"};
  task.confidence_marker = true;
  task.min_confidence = 0.0;
  task.validators.code_fence_tolerated = true;
  task.validators.evidence.required = schema;
  task.validators.evidence.pointer = "/why";
  if (labels) task.labels = {"build", "unknown"};
  if (labels) task.unknown_label = "unknown";
  if (schema)
    task.schema.text =
        R"({"properties":{"risk":{"enum":["low"]},"why":{"type":"string","pattern":"^\\w"}},"required":["why"]})";
  auto compiled = gate::compile_rules(policy, task);
  if (!compiled) std::abort();
  return *std::move(compiled);
}

/// What must hold whatever the text is.
void expect(bool holds, const char* promise, std::uint64_t seed, std::uint64_t iteration) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s (seed %llu, iteration %llu)\n", promise,
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(iteration));
  std::abort();
}

std::uint64_t option(int argc, char** argv, std::string_view name, std::uint64_t fallback) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (name == argv[i]) return std::strtoull(argv[i + 1], nullptr, 10);
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = option(argc, argv, "--seed", 1);
  const std::uint64_t iterations = option(argc, argv, "--iterations", 20'000);
  std::printf("judge_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  const gate::GateRules tasks[] = {rules(false, false), rules(true, false), rules(false, true)};
  const ChatRequest request;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const gate::GateRules& task = tasks[random.below(std::size(tasks))];
    const std::string input = mutated(std::string(kCorpus[random.below(std::size(kCorpus))]), random);
    Completion completion;
    completion.finish = random.below(8) == 0 ? FinishReason::Length : FinishReason::Stop;
    completion.text = mutated(std::string(kCorpus[random.below(std::size(kCorpus))]), random);
    if (random.below(16) == 0)
      completion.tool_calls.push_back(ToolCall{.id = "1", .name = completion.text, .arguments = input});

    const gate::Admission admission = check_input(task, input);
    const Verdict verdict = judge(task, gate::Candidate{.completion = completion, .input = input, .request = request});
    const bool all_passed = std::ranges::all_of(verdict.checks, &CheckResult::passed);
    expect(verdict.accepted() == all_passed, "accepted exactly when every check passed", seed, i);
    expect(!verdict.accepted() || completion.finish != FinishReason::Length, "a cut answer is never accepted", seed, i);
    expect(admission.local_allowed() == std::ranges::all_of(admission.checks, &CheckResult::passed),
           "admission follows its checks", seed, i);
    const bool served_label = verdict.served_text == "build" || verdict.served_text == "unknown";
    expect(!verdict.accepted() || task.task.labels.empty() || served_label, "what is served is a label", seed, i);
  }
  std::printf("ok\n");
  return 0;
}
