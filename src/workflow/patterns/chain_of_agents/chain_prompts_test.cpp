// Parts of a document and the prompts they go into: what fits, what it adds up to.
#include "workflow/patterns/chain_of_agents/chain_prompts.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::workflow::chain {
namespace {

std::int64_t bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

/// Sentences of every adversarial length: empty lines, single letters, one of thousands of bytes, without a space, wide characters.
std::string adversarial(std::uint64_t seed) {
  SeededRandom random(seed);
  std::string text;
  for (int i = 0; i < 30; ++i) {
    switch (random.below(6)) {
      case 0:
        text += "\n";
        break;
      case 1:
        text += "A. ";
        break;
      case 2:
        text += std::string(random.below(4000), 'x') + ". ";
        break;
      case 3:
        for (std::uint64_t j = random.below(300); j > 0; --j) text += "\xE6\x96\x87";
        text += "\xE3\x80\x82";
        break;
      case 4:
        for (std::uint64_t j = random.below(200); j > 0; --j) text += "word ";
        text += "end. ";
        break;
      default:
        text += "An ordinary sentence of some length, number " + std::to_string(i) + ". ";
        break;
    }
  }
  return text + "End.";
}

TEST(ChainPrompts, EveryPromptFitsTheWindowWhateverTheSentences) {
  const std::string query = "Who has the key?";
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::string document = adversarial(seed);
    const prompts::TokenCounter count =
        seed % 2 == 0 ? prompts::TokenCounter(bytes) : prompts::TokenCounter(prompts::estimate_tokens);
    const std::int64_t fixed = count(joined_text(worker_messages(query, {}, {})));
    const HopBudget budget{.window = fixed + 200 + 50 + 30 + static_cast<std::int64_t>(seed),
                           .headroom = 50,
                           .state = 200,
                           .chunk_max = 0};
    const auto chunks = plan_chunks(document, query, budget, 100'000, count);
    ASSERT_TRUE(chunks) << chunks.error().message;

    std::string whole;
    const std::string state(static_cast<std::size_t>(seed % 2 == 0 ? 200 : 600), 's');
    for (const TextRange& chunk : *chunks) {
      whole += chunk.of(document);
      const std::int64_t prompt = count(joined_text(worker_messages(query, state, chunk.of(document))));
      EXPECT_LE(prompt + budget.headroom, budget.window) << seed;
    }
    EXPECT_EQ(whole, document) << "parts concatenate to the document exactly";
  }
}

TEST(ChainPrompts, AChunkIsWhatTheWindowLeaves) {
  const std::int64_t fixed = bytes(joined_text(worker_messages("why?", {}, {})));
  EXPECT_EQ(
      chunk_tokens("why?", {.window = fixed + 1000, .headroom = 100, .state = 300, .chunk_max = 0}, bytes).value(),
      600);
  EXPECT_EQ(
      chunk_tokens("why?", {.window = fixed + 1000, .headroom = 100, .state = 300, .chunk_max = 50}, bytes).value(),
      50);
  const auto none = chunk_tokens("why?", {.window = fixed + 400, .headroom = 100, .state = 300, .chunk_max = 0}, bytes);
  EXPECT_EQ(none.error().code, ErrorCode::InvalidArgument);
  EXPECT_NE(none.error().message.find("nothing of the document fits"), std::string::npos);
}

TEST(ChainPrompts, RefusesDocumentsBeyondAnyBudgetAndEmptyOnes) {
  const HopBudget budget{.window = 2000, .headroom = 100, .state = 100, .chunk_max = 10};
  const std::string lines = [] {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "Line of words number " + std::to_string(i) + ".\n";
    return text;
  }();
  EXPECT_EQ(plan_chunks(lines, "q?", budget, 20, prompts::estimate_tokens).error().code, ErrorCode::PayloadTooLarge);
  EXPECT_EQ(plan_chunks(" \n", "q?", budget, 20, prompts::estimate_tokens).error().where, "document");
  EXPECT_EQ(plan_chunks("text", " ", budget, 20, prompts::estimate_tokens).error().where, "query");
}

TEST(ChainPrompts, TheBeginningIsTheSameInEveryHop) {
  const auto one = worker_messages("q?", "state", "chunk");
  const auto two = worker_messages("q?", "other", "part");
  EXPECT_EQ(one[0], two[0]);
  EXPECT_EQ(one[1].text().substr(0, 12), two[1].text().substr(0, 12));
}

TEST(ChainPrompts, TotalIsTheDocumentTheInstructionsOfEveryHopAndTheStates) {
  const std::string document = adversarial(3);
  const std::string query = "Who?";
  const auto chunks =
      plan_chunks(document, query, {.window = 4000, .headroom = 100, .state = 300, .chunk_max = 0}, 1000, bytes);
  ASSERT_TRUE(chunks);
  std::vector<std::string> states;
  std::int64_t sent = 0;
  for (std::size_t i = 0; i < chunks->size(); ++i) {
    states.emplace_back(i * 3, 's');
    sent += bytes(joined_text(worker_messages(query, states.back(), (*chunks)[i].of(document))));
  }
  EXPECT_EQ(sent, prompt_tokens_total(document, query, states, bytes));
}

TEST(ChainPrompts, TheManagerSeesMetadataAndStateOnly) {
  const std::string text = joined_text(manager_messages("Who?", R"({"name":"a.txt"})", "[1] part 1: \"Zed\"\n"));
  EXPECT_NE(text.find("a.txt"), std::string::npos);
  EXPECT_NE(text.find("\"Zed\""), std::string::npos);
}

}  // namespace
}  // namespace suffice::workflow::chain
