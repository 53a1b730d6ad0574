// Mutations of the example policy through parse_policy: no crash, and every policy that comes out is whole.
// suffice_fuzz_policy [--seed N] [--iterations N] [FILE]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "policy/policy_store.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"

namespace {

using suffice::SeededRandom;
using namespace suffice::policy;

constexpr std::string_view kSeedPolicy =
    "version: 1\n"
    "models:\n"
    "  mini: &m {provider: embedded, model: m.gguf, threads: 1, price: {hardware_per_hour: 0.02}}\n"
    "  gpt: {provider: openai, endpoint: {env: E}, model: g, api_key: {env: K}, price: {input: 2.5, output: 10}}\n"
    "aliases: {frontier: [gpt, mini]}\n"
    "hard_stops:\n"
    "  access: {reason: hard_stop_access, words: [sso], patterns: ['\\b40[13]\\b'], except: ['line 401']}\n"
    "defaults: {retry_local: 1, hard_stops: [access]}\n"
    "tasks:\n"
    "  issue:\n"
    "    tiers: [{model: mini, prompt: p@1}, frontier]\n"
    "    labels: [build, \"test\", 'unknown']\n"
    "    escalate_labels: [unknown]\n"
    "    confidence: label_probability\n"
    "    min_confidence: 0.72\n"
    "    rollout: {stage: canary, percent: 10}\n"
    "  json:\n"
    "    tiers: [frontier]\n"
    "    schema: {type: object, properties: {a: {type: string, pattern: '^x'}}}\n"
    "    match: [{system_contains: x}]\n";

constexpr std::string_view kTokens[] = {
    "*m",     "&m ",      "{",      "}",        "[",    "]",    ": ",   "- ",   "\n",   "  ",    "\t",
    "yes",    "no",       "~",      "1e9",      "-1",   "0x1F", "'",    "\"",   "|\n",  ">-\n",  "? ",
    "---",    "...",      "!!str ", "<<: ",     "#",    "%",    "@",    "null", "true", "tasks", "tiers",
    "labels", "frontier", "mini",   "\xc3\xa9", "\xff", "(((",  "type", "$ref", "#/x",  "anyOf", "99999999999999999999",
    "${A}"};

std::string mutated(std::string text, SeededRandom& random) {
  const std::uint64_t changes = 1 + random.below(6);
  for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = random.below(std::min<std::size_t>(40, text.size() - at) + 1);
    const std::string_view token = kTokens[random.below(std::size(kTokens))];
    switch (random.below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, token);
        break;
      case 2:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 3:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      case 4:
        text.replace(at, length, token);
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

/// What must hold of any outcome.
bool sound(const std::string& text, const Loaded& loaded) {
  if ((loaded.policy == nullptr) == loaded.problems.empty()) return false;
  std::vector<Problem> problems;
  const YamlDocument document = YamlDocument::parse(text, "p.yaml", problems);
  if (problems.empty() && !document.root().is_null()) {
    if (policy_schema().check(document, problems) != policy_schema().valid(document.root())) return false;
  }
  if (loaded.policy == nullptr) return true;
  for (const auto& entry : loaded.policy->tasks) {
    if (entry.second.tiers.empty()) return false;
    for (const Tier& tier : entry.second.tiers) {
      if (!loaded.policy->models.contains(tier.model)) return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 5'000;
  std::string corpus(kSeedPolicy);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--iterations" && i + 1 < argc) {
      iterations = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::ifstream file(argv[i], std::ios::binary);
      corpus.assign(std::istreambuf_iterator<char>(file), {});
    }
  }
  std::printf("policy_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  const Environment environment = [](std::string_view) { return std::optional<std::string>("value"); };
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string text = mutated(corpus, random);
    const Loaded loaded = parse_policy(text, "p.yaml", environment);
    if (!sound(text, loaded)) {
      std::printf("unsound outcome at iteration %llu of:\n%s\n%s\n", static_cast<unsigned long long>(i), text.c_str(),
                  to_lines(loaded.problems).c_str());
      return 1;
    }
    accepted += loaded.policy != nullptr ? 1 : 0;
  }
  std::printf("%llu of %llu accepted\n", static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(iterations));
  return 0;
}
