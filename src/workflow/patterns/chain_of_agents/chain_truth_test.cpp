// Worlds whose answer is known (spec 4.5): what the ledger keeps, and what the summaries that it stands in for would lose. Workers are simulated.
#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "net/run_sync.hpp"
#include "workflow/documents/sentences.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"
#include "workflow/patterns/chain_of_agents/simulated_worker.hpp"

namespace suffice::workflow::chain {
namespace {

/// Words that begin with a capital letter and are longer than three letters: the names of a text.
std::set<std::string> names_of(std::string_view text) {
  std::set<std::string> names;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += c;
      continue;
    }
    if (word.size() > 3 && std::isupper(static_cast<unsigned char>(word.front())) != 0) names.insert(word);
    word.clear();
  }
  return names;
}

bool share_a_name(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::ranges::any_of(a, [&](const std::string& name) { return b.contains(name); });
}

/// Quotes every sentence with a name of the question or of the notes: reasons one step at a time, as a worker of a chain can.
Result<std::string> follows_names(const HopInput& input) {
  std::set<std::string> known = names_of(input.query);
  known.merge(names_of(input.state));
  std::string facts;
  for (const TextRange& sentence : split_sentences(input.chunk)) {
    const std::string_view text = sentence.of(input.chunk);
    if (!share_a_name(names_of(text), known)) continue;
    facts += fmt::format(R"({}{{"quote": "{}"}})", facts.empty() ? "" : ", ", text.substr(0, text.find('.') + 1));
  }
  return fmt::format(R"({{"facts": [{}], "summary": null}})", facts);
}

/// `needles[i]` is all that part i says, between filler that fills the part.
std::string document_of(const std::vector<std::string>& needles) {
  std::string text;
  for (std::size_t part = 0; part < needles.size(); ++part) {
    std::string piece = needles[part];
    while (piece.size() + 30 < 300) piece += " nothing of note happens here.";
    text += piece + std::string(300 - piece.size() - 1, ' ') + "\n";
  }
  return text;
}

ChainSpec spec_of_parts(std::int64_t tokens) {
  ChainSpec spec;
  spec.budget = {.window = 1'000'000, .headroom = 100, .state = 100'000, .chunk_max = tokens};
  return spec;
}

ChainOutcome outcome_of(const ChainSpec& spec, const std::shared_ptr<const ChainWorker>& worker,
                        std::string_view document, std::string_view query) {
  const auto flow = chain_flow(spec, {.worker = worker, .manager = nullptr});
  EXPECT_TRUE(flow) << flow.error().message;
  FlowRequest request;
  request.query = query;
  request.documents = {{.name = "t", .text = std::string(document)}};
  FlowOptions options;
  const Result<FlowOutcome> outcome = net::run_sync(run(**flow, to_message(request), options));
  EXPECT_TRUE(outcome) << outcome.error().message;
  return ChainOutcome::of(outcome->output).value();
}

/// Nine parts; the first says who has the key, the ninth where that man lives. Only who has read the first knows that the ninth matters.
TEST(ChainTruth, ATwoHopNeedleIsSolvedByTheChainAndNotByIndependentWorkers) {
  std::vector<std::string> needles(9, "the weather is fair.");
  needles[0] = "The Falcon was last seen with Zedekiah.";
  needles[4] = "Mortimer lives in Paris.";
  needles[8] = "Zedekiah lives in Lisbon.";
  const std::string document = document_of(needles);
  const std::string query = "Where is the Falcon?";
  const auto worker = std::make_shared<SimulatedWorker>(follows_names, 1'000'000);
  const ChainOutcome outcome = outcome_of(spec_of_parts(100), worker, document, query);

  EXPECT_EQ(outcome.chunks, 9U);
  ASSERT_EQ(outcome.facts.size(), 2U);
  EXPECT_EQ(outcome.facts[0].chunk, 0U);
  EXPECT_EQ(outcome.facts[1].chunk, 8U);
  EXPECT_NE(outcome.answer.find("Lisbon"), std::string::npos);
  EXPECT_EQ(outcome.answer.find("Paris"), std::string::npos);

  // The same worker on each part alone.
  std::string alone;
  for (const std::string& part : needles) {
    alone += follows_names({.query = query, .chunk = part, .state = {}, .ledger = nullptr}).value();
  }
  EXPECT_NE(alone.find("Zedekiah"), std::string::npos);
  EXPECT_EQ(alone.find("Lisbon"), std::string::npos);
}

/// Read the other way round the second hop comes first: one path misses it, two paths together do not.
TEST(ChainTruth, SeveralPathsFindWhatOneOrderMisses) {
  std::vector<std::string> needles(9, "the weather is fair.");
  needles[0] = "Zedekiah lives in Lisbon.";
  needles[8] = "The Falcon was last seen with Zedekiah.";
  const std::string document = document_of(needles);
  const auto worker = std::make_shared<SimulatedWorker>(follows_names, 1'000'000);
  ChainSpec spec = spec_of_parts(100);
  EXPECT_EQ(outcome_of(spec, worker, document, "Where is the Falcon?").answer.find("Lisbon"), std::string::npos);
  spec.paths = {ReadingOrder::Forward, ReadingOrder::Backward};
  EXPECT_NE(outcome_of(spec, worker, document, "Where is the Falcon?").answer.find("Lisbon"), std::string::npos);
}

/// A fact in every one of 60 parts, and a worker that quotes it: all are in the ledger at the end, whatever the worker writes as its summary.
TEST(ChainTruth, TheLedgerRecallsEveryFactThatWasQuoted) {
  std::vector<std::string> needles;
  for (int i = 0; i < 60; ++i) needles.push_back(fmt::format("The Falcon flew to city {:03}.", i));
  const auto worker = std::make_shared<SimulatedWorker>(
      [](const HopInput& input) -> Result<std::string> {
        const std::string_view fact = input.chunk.substr(0, input.chunk.find('.') + 1);
        return fmt::format(R"({{"facts": [{{"quote": "{}"}}], "summary": "forgot everything"}})", fact);
      },
      1'000'000);
  const ChainOutcome outcome =
      outcome_of(spec_of_parts(100), worker, document_of(needles), "Where did the Falcon fly?");

  ASSERT_EQ(outcome.facts.size(), 60U);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(outcome.facts[i].quote, needles[i]);
}

/// total prompt tokens = n + l (|instructions| + |query|) + sum of the carried states, of what was really sent, for a token a byte.
TEST(ChainTruth, PromptTokensAddUpExactly) {
  std::vector<std::string> needles;
  for (int i = 0; i < 20; ++i) needles.push_back(fmt::format("The Falcon flew to city {:03}.", i));
  const std::string document = document_of(needles);
  const std::string query = "Where did the Falcon fly?";
  const auto worker = std::make_shared<SimulatedWorker>(follows_names, 1'000'000);
  const ChainOutcome outcome = outcome_of(spec_of_parts(100), worker, document, query);

  std::vector<std::string> states;
  for (const SeenHop& hop : worker->seen()) states.push_back(hop.state);
  const auto bytes = [](std::string_view text) { return static_cast<std::int64_t>(text.size()); };
  EXPECT_EQ(outcome.paths.front().report.prompt_tokens, prompt_tokens_total(document, query, states, bytes));
  EXPECT_EQ(states.size(), outcome.chunks);
}

// The baselines: what carrying a summary alone would do. They are here to be lost to.

/// A state that is rewritten at every hop, each fact surviving with probability r, holds a fact of part i of l with probability r^(l - i).
TEST(ChainTruth, ARewrittenSummaryLosesFactsByThePowerOfTheHops) {
  constexpr int kParts = 12;
  constexpr int kRuns = 4000;
  constexpr double kRetention = 0.8;
  SeededRandom random(5);
  std::vector<int> kept(kParts, 0);
  for (int run = 0; run < kRuns; ++run) {
    std::set<int> summary;
    for (int part = 0; part < kParts; ++part) {
      std::erase_if(summary, [&](int) { return random.uniform() >= kRetention; });
      summary.insert(part);
    }
    for (const int part : summary) ++kept[static_cast<std::size_t>(part)];
  }
  for (int part = 0; part < kParts; ++part) {
    const double expected = std::pow(kRetention, kParts - 1 - part);
    const double error = 3 * std::sqrt(expected * (1 - expected) / kRuns);
    EXPECT_NEAR(kept[static_cast<std::size_t>(part)] / static_cast<double>(kRuns), expected, error + 1e-12) << part;
  }
}

/// A state of at most 1,500 characters that is cut at its front keeps facts 33 to 100 of 100 lines of 22 characters. Through the chain all
/// 100 come out.
TEST(ChainTruth, CuttingTheTailOfAStateKeepsTheLateFactsOnly) {
  std::string state;
  std::vector<std::string> needles;
  for (int i = 1; i <= 100; ++i) {
    const std::string fact = fmt::format("Fact {:03} read {:06}.", i, i * 7919 % 1'000'000);
    ASSERT_EQ(fact.size(), 22U - 1);
    needles.push_back(fact);
    state += fact + "\n";
    if (state.size() > 1500) state.erase(0, state.size() - 1500);
  }
  std::vector<int> left;
  for (int i = 1; i <= 100; ++i) {
    if (state.find(needles[static_cast<std::size_t>(i - 1)] + "\n") != std::string::npos) left.push_back(i);
  }
  ASSERT_EQ(left.size(), 68U);
  EXPECT_EQ(left.front(), 33);
  EXPECT_EQ(left.back(), 100);

  const auto worker = std::make_shared<SimulatedWorker>(
      [](const HopInput& input) -> Result<std::string> {
        return fmt::format(R"({{"facts": [{{"quote": "{}"}}], "summary": null}})",
                           input.chunk.substr(0, input.chunk.find('.') + 1));
      },
      1'000'000);
  const ChainOutcome outcome = outcome_of(spec_of_parts(100), worker, document_of(needles), "What do the facts read?");
  EXPECT_EQ(outcome.facts.size(), 100U);
}

/// Taint: a canary in every part, workers that try to carry it out in every free text; a hosted manager may be shown none outside a quote.
TEST(ChainTruth, NoTextOutsideAQuoteReachesAHostedManager) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    std::vector<std::string> needles;
    for (int i = 0; i < 6; ++i) needles.push_back(fmt::format("Fact {} is here. CANARY{:x} stays.", i, random.next()));
    std::string document;
    CarriedState state;
    for (std::size_t i = 0; i < needles.size(); ++i) {
      const TextRange chunk{.begin = document.size(), .end = document.size() + needles[i].size()};
      document += needles[i];
      const std::string canary = needles[i].substr(needles[i].find("CANARY"));
      WorkerReply reply;
      reply.facts = {{.text = "leak " + canary, .quote = needles[i].substr(0, needles[i].find('.') + 1)},
                     {.text = "x", .quote = needles[i]}};
      take_facts(reply, document, chunk, i, {.bytes_max = 30}, 100, state);
      state.set_summary(canary);
    }
    const StateView view = view_of(state, Shown::Quotes, "facts", 100'000, prompts::estimate_tokens);
    EXPECT_EQ(joined_text(manager_messages("Which facts?", "{}", view.text)).find("CANARY"), std::string::npos) << seed;
    EXPECT_EQ(state.facts().size(), 6U);
  }
}

}  // namespace
}  // namespace suffice::workflow::chain
