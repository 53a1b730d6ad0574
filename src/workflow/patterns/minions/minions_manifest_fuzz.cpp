// minions_manifest_fuzz --seed N --iterations N: mutated manifests and decisions; aborts when a promise of the two readers breaks.

#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "wire/fuzz_support.hpp"
#include "workflow/patterns/minions/manifest.hpp"
#include "workflow/patterns/minions/reduce_answer.hpp"
#include "workflow/patterns/minions/run_state.hpp"

namespace {

using namespace suffice;
using namespace suffice::workflow::minions;
using wire::fuzz::require;

const std::vector<std::string> kCorpus = {
    R"({"tasks":[{"name":"a","instruction":"find a"},{"name":"b","instruction":"find b"}],"chunking":{"unit":"turns","size":20,"overlap":2},"samples":2})",
    "```json\n"
    R"({"tasks":[{"name":"a","instruction":"x"}],"chunking":{"unit":"bytes","size":4000,"overlap":300},"samples":1.0})"
    "\n```",
    R"({"decision":"answer","answer":"twelve","evidence":[1,2,5]})",
    R"({"decision":"more","feedback":"look for dates","scratchpad":"none"})",
    R"({"decision":"answer","answer":null})",
    R"({"round":2,"advice":"","feedback":"","scratchpad":"","asked":["a"],"manifest":"","kept":[{"round":1,"task":"a","begin":3,"end":9,"votes":1,"answer":"","explanation":""}],"reports":[],"remote_tokens":5})",
};
constexpr std::string_view kWords[] = {"\"tasks\"", "\"chunking\"", "bytes", "sentences", "1e18",
                                       "-1",        "null",         "```",   "more",      "18446744073709551615"};

void check_manifest(const std::string& input) {
  const Limits limits;
  const auto manifest = parse_manifest(input, limits);
  if (!manifest) return;
  require(!manifest->tasks.empty() && manifest->tasks.size() <= limits.tasks_max, "tasks within their cap", input);
  require(manifest->samples >= 1 && manifest->samples <= limits.samples_max, "samples within their cap", input);
  require(manifest->chunking.overlap < manifest->chunking.size, "chunks move", input);
  require(manifest->chunking.overlap >= limits.fact_units, "chunks overlap by a fact", input);
  const auto again = parse_manifest(manifest->json().text, limits);
  require(again.has_value() && *again == *manifest, "there and back", input);
}

void check_decision(const std::string& input) {
  for (const Rounds rounds : {Rounds::MayGoOn, Rounds::MustAnswer}) {
    const auto decision = parse_decision(input, 3, rounds, {});
    if (!decision) continue;
    require(rounds == Rounds::MayGoOn || decision->kind != Decision::Kind::More, "the last round answers", input);
    require(decision->kind != Decision::Kind::Answer || !decision->evidence.empty(), "answers have evidence", input);
    for (const std::size_t number : decision->evidence)
      require(number >= 1 && number <= 3, "evidence was shown", input);
  }
}

void check_state(const std::string& input) {
  const auto state = RunState::from_json(input, 100);
  if (!state) return;
  for (const Finding& finding : state->kept)
    require(finding.range.end <= 100, "citations stand in the document", input);
  const auto again = RunState::from_json(state->json().text, 100);
  require(again.has_value() && *again == *state, "a state goes there and back", input);
}

}  // namespace

int main(int argc, char** argv) {
  const wire::fuzz::Arguments arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(kCorpus, kWords, random);
    check_manifest(input);
    check_decision(input);
    check_state(input);
  }
  return 0;
}
