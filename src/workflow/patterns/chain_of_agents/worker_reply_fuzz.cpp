// Throws altered worker answers at the parser: never a crash, never a fact without a quote, never a broken limit, and whatever passes is verified
// against the text or not taken.
//
//   suffice_fuzz_worker_reply [SECONDS] [SEED]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/random.hpp"
#include "workflow/patterns/chain_of_agents/worker_reply.hpp"

namespace {

using namespace suffice;
using namespace suffice::workflow::chain;

const std::vector<std::string> kSeeds = {
    R"({"facts": [{"fact": "Zed has it", "quote": "The key is with Zed."}], "summary": "Found."})",
    R"({"facts": [], "summary": null})",
    "```json\n{\"facts\": [{\"quote\": \"caf\\u00e9\"}]}\n```",
    R"({"facts": [{"quote": "a"}, {"quote": "b"}, {"quote": "c"}], "summary": "none"})",
    "```",
    "``````",
    "{",
    "[[[[[[[[[[[[",
    "null",
    "\"\"",
};

std::string altered(std::string text, Random& random) {
  const std::uint64_t changes = 1 + random.below(4);
  for (std::uint64_t i = 0; i < changes; ++i) {
    const std::size_t at = text.empty() ? 0 : random.below(text.size() + 1);
    switch (random.below(5)) {
      case 0:
        text.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        text.erase(at, random.below(6));
        break;
      case 3:
        text.insert(at, kSeeds[random.below(kSeeds.size())]);
        break;
      default:
        text.insert(at, text.substr(at, random.below(20)));
        break;
    }
  }
  return text;
}

void require(bool holds, std::string_view what, const std::string& text) {
  if (holds) return;
  fmt::print(stderr, "{}: {}\n", what, text);
  std::abort();
}

void try_one(const std::string& text) {
  const std::string document = "Intro. The key is with Zed. caf\xC3\xA9 a b c. The end.";
  const ReplyLimits limits{.facts_max = 3, .fact_bytes_max = 40, .summary_bytes_max = 60};
  const Result<WorkerReply> reply = parse_worker_reply(text, limits);
  if (!reply) {
    require(reply.error().code == ErrorCode::OutputRejected, "another error", text);
    return;
  }
  require(reply->facts.size() <= limits.facts_max, "too many facts", text);
  for (const ProposedFact& fact : reply->facts) {
    require(!fact.quote.empty() && fact.text.size() <= limits.fact_bytes_max, "a fact beyond its limits", text);
  }
  CarriedState state;
  const TakenFacts taken =
      take_facts(*reply, document, {.begin = 7, .end = document.size() - 8}, 0, limits.quotes, 2, state);
  require(taken.added + taken.known + taken.unverified + taken.refused == reply->facts.size(), "a fact uncounted",
          text);
  for (const LedgerFact& fact : state.facts())
    require(document.compare(fact.begin, fact.quote.size(), fact.quote) == 0, "an unverified quote", text);
  const Result<CarriedState> again = CarriedState::from_json(state.to_json().text);
  require(again && *again == state, "a state that does not survive JSON", text);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  fmt::print("seed {}\n", seed);
  SeededRandom random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    try_one(altered(kSeeds[random.below(kSeeds.size())], random));
    ++runs;
  }
  fmt::print("{} answers\n", runs);
  return 0;
}
