// worker_answer_fuzz --seed N --iterations N: mutated worker answers against a chunk; aborts when a promise breaks.

#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "core/text.hpp"
#include "wire/fuzz_support.hpp"
#include "workflow/patterns/minions/findings.hpp"
#include "workflow/patterns/minions/worker_answer.hpp"

namespace {

using namespace suffice;
using namespace suffice::workflow;
using namespace suffice::workflow::minions;
using wire::fuzz::require;

const std::string kText = "PM: it costs 12 € for all.\nUI: \"twelve\"?\nPM: yes, 十二 and no more than that.\n";
const std::vector<std::string> kCorpus = {
    R"({"explanation":"e","citation":"it costs 12 € for all.","answer":"12"})",
    R"({"explanation":"","citation":null,"answer":null})",
    "```json\n"
    R"({"citation":"十二","answer":"twelve"})"
    "\n```",
    R"({"citation":"\"twelve\"?\nPM: yes","answer":true})",
    "none",
    "N/A.",
};
constexpr std::string_view kWords[] = {"null", "\\u0000", "none", "\\ud800", "12 €", "```", "\"answer\":", "{}", "[]"};

void check(const std::string& input) {
  const Limits limits{.citation_bytes_max = 30};
  const Chunks chunks = {{.begin = 4, .end = kText.size()}};
  const JobManifest manifest{.tasks = {{.name = "t", .instruction = "x"}}, .chunking = {}, .samples = 1};
  for (const Ending ending : {Ending::Complete, Ending::Truncated}) {
    const WorkerAnswer answer = parse_worker_answer(input, ending);
    require(ending == Ending::Complete || answer.kind == WorkerAnswer::Kind::Malformed, "what is cut off is malformed",
            input);
    require((answer.kind == WorkerAnswer::Kind::Malformed) == !answer.problem.empty(),
            "a problem is said exactly when there is one", input);
    FindingCollector collector(kText, chunks, manifest, limits, 1);
    collector.take({}, answer);
    const MapReport& report = collector.report();
    require(
        report.abstained + report.verified + report.uncited + report.unverified + report.too_long + report.malformed ==
            1,
        "every answer is counted once", input);
    for (const Finding& finding : collector.findings()) {
      require(finding.range.begin >= 4 && finding.range.size() <= 30, "a finding lies in its chunk, within the cap",
              input);
      require(!first_invalid_utf8(finding.range.of(kText)), "no character is cut", input);
      require(finding.range.of(kText) == trim(answer.citation), "verbatim", input);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const wire::fuzz::Arguments arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) check(wire::fuzz::mutate(kCorpus, kWords, random));
  return 0;
}
