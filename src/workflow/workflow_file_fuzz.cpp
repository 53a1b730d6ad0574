// Mutations of a workflow file through parse_workflow: no crash; a workflow or problems with places, never both, never neither.
// suffice_fuzz_workflow_file [--seed N] [--iterations N]

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "workflow/workflow_file.hpp"

namespace {

using suffice::SeededRandom;
using namespace suffice;

constexpr std::string_view kYaml =
    "version: 1\nmodels: {small: m}\nbudget: {usd: 1, calls: 3, time: 3s}\nstart: a\n"
    "executors:\n"
    "  a: {model: small, labels: [x, y], text: \"{{input/query}} {{/answer}}\"}\n"
    "  b: {function: template, text: \"{{a/answer}}\"}\n"
    "  c: {function: chunks, bytes: 16, pointer: /answer}\n"
    "  d: {model: small, schema: {type: object, properties: {n: {type: number}}}}\n"
    "  e: {function: join, separator: \", \"}\n"
    "edges:\n"
    "  - {from: a, to: b, when: {pointer: /answer, equals: x}, loop: again}\n"
    "  - {from: b, to: a, loop: again}\n"
    "  - {from: a, to: c, when: {any: [{pointer: /answer, matches: 'x+'}, {not: {pointer: /n, above: 1}}]}}\n"
    "fan_out: [{from: c, to: [d]}]\nfan_in: [{from: [d], to: e, join: any}]\nloops: {again: 2}\n";
constexpr std::array<std::string_view, 22> kTokens = {
    "{",  "}",  "[", "]",    ":",   "\"", "'",     "\n",   "  ", "a",  "zz",
    "{{", "}}", "/", "null", "yes", "-1", "1e999", "\xff", "&x", "*x", "99999999999999999999"};

std::string mutated(std::string text, SeededRandom& random) {
  for (std::uint64_t changes = 1 + random.below(3); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = random.below(std::min<std::size_t>(30, text.size() - at) + 1);
    switch (random.below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kTokens.at(random.below(kTokens.size())));
        break;
      case 2:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      default:
        text[at] = static_cast<char>(random.below(256));
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 3'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view argument = argv[i];
    if (argument == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (argument == "--iterations") iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("workflow_file_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  const workflow::WorkflowParts parts{
      .models = [](const std::string& name) -> Result<std::shared_ptr<const workflow::PortModel>> {
        if (name != "m") return fail(ErrorCode::NotFound, "no such model");
        return std::make_shared<const workflow::PortModel>();
      },
      .prompts = nullptr};
  if (!workflow::parse_workflow(kYaml, "w.yaml", parts).workflow) {
    std::printf("the sample itself has problems\n");
    return 1;
  }
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string yaml = mutated(std::string(kYaml), random);
    const workflow::LoadedWorkflow loaded = workflow::parse_workflow(yaml, "w.yaml", parts);
    const bool sound = (loaded.workflow != nullptr) == loaded.problems.empty() &&
                       (loaded.workflow == nullptr || !loaded.workflow->flow->to_mermaid().empty());
    if (!sound) {
      std::printf("unsound outcome at iteration %llu of:\n%s\n", static_cast<unsigned long long>(i), yaml.c_str());
      return 1;
    }
    accepted += loaded.workflow ? 1 : 0;
  }
  std::printf("%llu of %llu accepted\n", static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(iterations));
  return 0;
}
