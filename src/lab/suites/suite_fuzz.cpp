// Mutations of a suite through parse_suite, and of results through read_runs: no crash, and what comes out is whole.
// suffice_fuzz_suite [--seed N] [--iterations N]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "lab/suites/case_run.hpp"
#include "lab/suites/suite.hpp"

namespace {

using suffice::SeededRandom;
using namespace suffice::lab;

constexpr std::string_view kYaml =
    "version: 1\ntask: triage\npolicy: ../p.yaml\nprovenance: ours\nlicence: MIT\n"
    "gates: {json_validity: 0.9, label_accuracy: off, by: bound, kill_switch: off}\n";
constexpr std::string_view kCases =
    "{\"id\": \"a\", \"input\": \"x\", \"repeat\": 2, \"expected\": \"build\", \"must_escalate\": true, \"tags\": [\"t\"]}\n"
    "{\"id\": \"b\", \"messages\": [{\"role\": \"user\", \"content\": \"u\"}], \"checker\": {\"regex\": \"a+\"}, \"frontier\": \"f\"}\n"
    "{\"id\": \"c\", \"input\": \"x\", \"expected\": {\"n\": [1, 2.5, null]}}\n";
constexpr std::string_view kTokens[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        "\"",
                                        ":",
                                        ",",
                                        "\n",
                                        "null",
                                        "true",
                                        "1e999",
                                        "-0",
                                        "\\ud800",
                                        "\xff",
                                        "off",
                                        "\"id\"",
                                        "(",
                                        "\"regex\"",
                                        "messages",
                                        "99999999999999999999",
                                        "\"repeat\": 9223372036854775807"};

std::string mutated(std::string text, SeededRandom& random) {
  const std::uint64_t changes = 1 + random.below(2);
  for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = random.below(std::min<std::size_t>(30, text.size() - at) + 1);
    switch (random.below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kTokens[random.below(std::size(kTokens))]);
        break;
      case 2:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 3:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

bool whole(const LoadedSuite& loaded) {
  if (loaded.suite.has_value() == !loaded.problems.empty()) return false;
  if (!loaded.suite) return true;
  for (const SuiteCase& one : loaded.suite->cases) {
    if (one.id.empty() || one.messages.empty() || (one.expected.empty() && !one.must_escalate)) return false;
    static_cast<void>(is_right(one.expected, "answer"));
  }
  return !loaded.suite->cases.empty() && !loaded.suite->task.empty();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 5'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view argument = argv[i];
    if (argument == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (argument == "--iterations") iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("suite_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  CaseRun run;
  run.id = "a";
  run.right = true;
  const std::string lines = to_line(run, "k") + "\n" + to_line(run, "l") + "\n";
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string yaml = random.below(2) == 0 ? mutated(std::string(kYaml), random) : std::string(kYaml);
    const std::string cases = mutated(std::string(kCases), random);
    const LoadedSuite loaded = parse_suite(yaml, cases, "s");
    if (!whole(loaded)) {
      std::printf("unsound outcome at iteration %llu of:\n%s\n%s\n", static_cast<unsigned long long>(i), yaml.c_str(),
                  cases.c_str());
      return 1;
    }
    accepted += loaded.suite ? 1 : 0;
    static_cast<void>(read_runs(mutated(lines, random), "k"));
  }
  std::printf("%llu of %llu accepted\n", static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(iterations));
  return 0;
}
