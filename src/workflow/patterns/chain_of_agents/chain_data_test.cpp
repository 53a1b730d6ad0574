// A chain without a model over public documents: recall of the turns that answer a question (qmsum, MIT) against the share of the text that a
// frontier would be shown, beside BM25 over chunks of 20 turns at the same share. Figures are properties of the test's XML
// (--gtest_output=xml:-); the first two questions of every meeting.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "learned/intervals.hpp"
#include "net/run_sync.hpp"
#include "workflow/documents/bm25.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

constexpr std::size_t kQuestionsOfAMeeting = 2;

/// Standard output of a program; empty when it is not there or fails.
std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 65536> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe)) text.append(piece.data(), size);
  return ::pclose(pipe) == 0 ? text : std::string();
}

struct Meeting {
  std::string text;
  std::vector<TextRange> turns;
  json::array queries;
};

std::vector<Meeting> meetings() {
  std::vector<Meeting> all;
  const char* folder = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return all;
  const std::string lines = output_of(fmt::format("xz -dcq '{}/qmsum/val.jsonl.xz' 2>/dev/null", folder));
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const json::value value = json::parse(std::string_view(lines).substr(at, end - at));
    Meeting meeting;
    for (const json::value& turn : value.at("meeting_transcripts").as_array()) {
      const std::size_t begin = meeting.text.size();
      meeting.text +=
          std::string(turn.at("speaker").as_string()) + ": " + std::string(turn.at("content").as_string()) + "\n";
      meeting.turns.push_back({.begin = begin, .end = meeting.text.size()});
    }
    meeting.queries = value.at("specific_query_list").as_array();
    all.push_back(std::move(meeting));
    at = end == std::string::npos ? lines.size() : end + 1;
  }
  return all;
}

std::set<std::size_t> gold_turns(const json::value& query, std::size_t turns) {
  std::set<std::size_t> gold;
  for (const json::value& span : query.at("relevant_text_span").as_array()) {
    const auto low = static_cast<std::size_t>(std::atoi(span.at(0).as_string().c_str()));
    const auto high = static_cast<std::size_t>(std::atoi(span.at(1).as_string().c_str()));
    for (std::size_t i = low; i <= high && i < turns; ++i) gold.insert(i);
  }
  return gold;
}

/// Turns of the best chunks of 20 turns by BM25 until `bytes` of text are taken.
std::set<std::size_t> best_chunks(const Meeting& meeting, std::string_view query, std::size_t bytes) {
  const Chunks chunks = chunk_units(meeting.turns, {.size = 20, .overlap = 0}).value();
  std::vector<std::string_view> pieces;
  for (const TextRange& chunk : chunks) pieces.push_back(chunk.of(meeting.text));
  const std::vector<double> scores = Bm25(pieces).scores(query);
  std::set<std::size_t> turns;
  std::size_t taken = 0;
  for (const std::size_t place : best_of(scores, scores.size())) {
    if (taken >= bytes) break;
    for (std::size_t i = 0; i < meeting.turns.size(); ++i) {
      if (meeting.turns[i].begin >= chunks[place].begin && meeting.turns[i].end <= chunks[place].end) turns.insert(i);
    }
    taken += chunks[place].size();
  }
  return turns;
}

/// Sums over the questions of one meeting.
struct Sums {
  double questions = 0;
  double recall = 0;       ///< of gold turns, a question's share
  double bm25_recall = 0;  ///< the same by the yardstick
  double hit = 0;          ///< questions with a gold turn quoted
  double bytes = 0;
  double gold_bytes = 0;
  double quoted_bytes = 0;
  double quoted_gold_bytes = 0;
  double kept_bytes = 0;  ///< of the turns that are quoted
};

Sums ask(const Meeting& meeting, const Flow& flow) {
  Sums sums;
  for (std::size_t q = 0; q < std::min(kQuestionsOfAMeeting, meeting.queries.size()); ++q) {
    const json::value& query = meeting.queries[q];
    const std::set<std::size_t> gold = gold_turns(query, meeting.turns.size());
    if (gold.empty()) continue;
    FlowRequest request;
    request.query = std::string(query.at("query").as_string());
    request.documents = {{.name = "meeting.txt", .text = meeting.text}};
    const FlowMessage input = to_message(request);
    FlowOptions options;
    const auto flowed = net::run_sync(run(flow, input, options));
    EXPECT_TRUE(flowed) << describe(flowed.error());
    const ChainOutcome outcome = ChainOutcome::of(flowed->output).value();
    std::set<std::size_t> kept;
    for (const LedgerFact& fact : outcome.facts) {
      EXPECT_EQ(meeting.text.compare(fact.begin, fact.quote.size(), fact.quote), 0) << "verbatim";
      const auto after = std::ranges::upper_bound(meeting.turns, fact.begin, {}, &TextRange::begin);
      const auto turn = static_cast<std::size_t>(after - meeting.turns.begin()) - 1;
      kept.insert(turn);
      sums.quoted_bytes += static_cast<double>(fact.quote.size());
      if (gold.contains(turn)) sums.quoted_gold_bytes += static_cast<double>(fact.quote.size());
    }
    std::size_t kept_bytes = 0;
    for (const std::size_t turn : kept) kept_bytes += meeting.turns[turn].size();
    for (const std::size_t turn : gold) sums.gold_bytes += static_cast<double>(meeting.turns[turn].size());
    const std::set<std::size_t> beside = best_chunks(meeting, request.query, kept_bytes);
    const auto recall = [&](const std::set<std::size_t>& turns) {
      const auto found = std::ranges::count_if(turns, [&](std::size_t turn) { return gold.contains(turn); });
      return static_cast<double>(found) / static_cast<double>(gold.size());
    };
    sums.recall += recall(kept);
    sums.bm25_recall += recall(beside);
    sums.hit += recall(kept) > 0 ? 1 : 0;
    sums.kept_bytes += static_cast<double>(kept_bytes);
    sums.bytes += static_cast<double>(meeting.text.size());
    sums.questions += 1;
  }
  return sums;
}

struct Ratio {
  double value = 0;
  learned::Interval interval = {};  ///< bootstrap of 95 % over meetings
};

Ratio ratio(const std::vector<Sums>& rows, double Sums::* over, double Sums::* under) {
  const auto statistic = [&](std::span<const std::size_t> drawn) {
    double a = 0;
    double b = 0;
    for (const std::size_t i : drawn) a += rows[i].*over, b += rows[i].*under;
    return a / b;
  };
  std::vector<std::size_t> all(rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {.value = statistic(all), .interval = learned::bootstrap(rows.size(), statistic, 1000, 1)};
}

class ChainData : public ::testing::TestWithParam<double> {};

TEST_P(ChainData, QuotesOfMeetingsStandInTheTurnsThatAnswer) {
  const std::vector<Meeting> all = meetings();
  if (all.empty()) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with qmsum/, or there is no xz";
  ChainSpec spec;
  spec.budget.chunk_max = 1200;
  ExtractiveOptions options;
  options.score_min = GetParam();
  const auto flow = chain_flow(spec, {.worker = extractive_worker(options), .manager = nullptr});
  ASSERT_TRUE(flow);
  std::vector<Sums> rows;
  for (const Meeting& meeting : all) {
    const Sums one = ask(meeting, **flow);
    if (one.questions > 0) rows.push_back(one);
  }
  RecordProperty("meetings", std::to_string(rows.size()));
  const auto record = [&](const char* name, double Sums::* over, double Sums::* under) {
    const Ratio figure = ratio(rows, over, under);
    RecordProperty(name,
                   fmt::format("{:.3f} ({:.3f} to {:.3f})", figure.value, figure.interval.low, figure.interval.high));
    return figure;
  };
  record("share_of_text_that_answers", &Sums::gold_bytes, &Sums::bytes);
  record("share_of_quotes_that_answers", &Sums::quoted_gold_bytes, &Sums::quoted_bytes);
  const Ratio quoted = record("share_of_text_quoted", &Sums::quoted_bytes, &Sums::bytes);
  record("share_of_text_in_quoted_turns", &Sums::kept_bytes, &Sums::bytes);
  record("recall_of_gold_turns", &Sums::recall, &Sums::questions);
  record("recall_of_bm25_on_20_turns_reading_as_much", &Sums::bm25_recall, &Sums::questions);
  const Ratio hit = record("questions_with_a_gold_turn_quoted", &Sums::hit, &Sums::questions);
  record("bytes_of_a_document", &Sums::bytes, &Sums::questions);
  record("bytes_of_its_quotes", &Sums::quoted_bytes, &Sums::questions);

  EXPECT_LT(quoted.value, 0.3);
  EXPECT_GT(hit.value, 0.2);
}

INSTANTIATE_TEST_SUITE_P(ScoreMin, ChainData, ::testing::Values(2.0, 5.0));

}  // namespace
}  // namespace suffice::workflow::chain
