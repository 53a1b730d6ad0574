// How much of what people marked as relevant in real meetings is found, against how much of the text is read or sent. Prints the figures of
// docs/evidence_patterns.md; skipped without SUFFICE_DATA_DIR/qmsum. Meeting i is held out when i % 3 == 2 (tools/training/train_spans).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"
#include "learned/intervals.hpp"
#include "wire/json.hpp"
#include "workflow/documents/bm25.hpp"
#include "workflow/documents/chunks.hpp"
#include "workflow/documents/sentences.hpp"
#include "workflow/patterns/minions/minions_fixture.hpp"
#include "workflow/patterns/minions/span_worker.hpp"

namespace suffice::workflow::minions {
namespace {

using namespace test;

constexpr std::size_t kHeldOut = 2;  // of three

struct MarkedQuestion {
  std::string query;
  std::vector<bool> gold;  ///< by turn
};

struct Meeting {
  std::string text;
  std::vector<TextRange> turns;
  std::vector<MarkedQuestion> questions;
};

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a fixed program over a test's own data
  if (pipe == nullptr) return output;
  std::array<char, 65536> buffer;
  for (std::size_t read = 0; (read = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), read);
  pclose(pipe);
  return output;
}

std::int64_t number_in(const boost::json::value& value) { return std::atoll(std::string(value.as_string()).c_str()); }

Meeting meeting_from(const boost::json::object& object) {
  Meeting meeting;
  for (const boost::json::value& turn : object.at("meeting_transcripts").as_array()) {
    const std::size_t begin = meeting.text.size();
    meeting.text += fmt::format("{}: {}\n", std::string_view(turn.at("speaker").as_string()),
                                std::string_view(turn.at("content").as_string()));
    meeting.turns.push_back({.begin = begin, .end = meeting.text.size()});
  }
  for (const boost::json::value& one : object.at("specific_query_list").as_array()) {
    MarkedQuestion question{.query = std::string(one.at("query").as_string()),
                            .gold = std::vector<bool>(meeting.turns.size())};
    for (const boost::json::value& span : one.at("relevant_text_span").as_array()) {
      const auto last =
          std::min<std::int64_t>(number_in(span.at(1)), static_cast<std::int64_t>(meeting.turns.size()) - 1);
      for (std::int64_t turn = number_in(span.at(0)); turn <= last; ++turn)
        question.gold[static_cast<std::size_t>(turn)] = true;
    }
    if (std::ranges::count(question.gold, true) > 0) meeting.questions.push_back(std::move(question));
  }
  return meeting;
}

class Qmsum : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe): nothing sets it
    if (data == nullptr) GTEST_SKIP() << "SUFFICE_DATA_DIR is not set: no qmsum";
    const std::string lines = output_of(fmt::format("xz -dc '{}/qmsum/val.jsonl.xz' 2>/dev/null", data));
    for (const TextRange& line : split_lines(lines)) {
      meetings_.push_back(meeting_from(wire::parse_json(trim(line.of(lines))).value().as_object()));
    }
    if (meetings_.empty()) GTEST_SKIP() << "there is no qmsum in SUFFICE_DATA_DIR";
  }
  std::vector<Meeting> meetings_;
};

/// What choosing some turns finds and costs.
struct Found {
  double recall = 0;  ///< of the gold turns
  double share = 0;   ///< of the meeting's bytes
};

Found found_by(const Meeting& meeting, const MarkedQuestion& question, const std::vector<bool>& chosen) {
  std::size_t bytes = 0;
  double gold = 0;
  double hit = 0;
  for (std::size_t turn = 0; turn < chosen.size(); ++turn) {
    if (chosen[turn]) bytes += meeting.turns[turn].size();
    gold += question.gold[turn] ? 1 : 0;
    hit += question.gold[turn] && chosen[turn] ? 1 : 0;
  }
  return {.recall = hit / gold, .share = static_cast<double>(bytes) / static_cast<double>(meeting.text.size())};
}

/// The best chunks of 20 turns by BM25, `count` of them.
std::vector<bool> bm25_chunks(const Meeting& meeting, std::string_view query,
                              const std::function<std::size_t(std::size_t)>& count) {
  const Chunks chunks = chunk_units(meeting.turns, {.size = 20, .overlap = 0}).value();
  std::vector<std::string_view> texts;
  for (const TextRange& chunk : chunks) texts.push_back(chunk.of(meeting.text));
  std::vector<bool> chosen(meeting.turns.size());
  for (const std::size_t chunk : best_of(Bm25(texts).scores(query), count(chunks.size()))) {
    for (std::size_t turn = 20 * chunk; turn < std::min(chosen.size(), 20 * chunk + 20); ++turn) chosen[turn] = true;
  }
  return chosen;
}

/// The turns of the highest scores within `share` of the bytes.
std::vector<bool> selected(const Meeting& meeting, const SpanSelector& selector, std::string_view query, double share) {
  const std::vector<double> scores = selector.scores(meeting.text, meeting.turns, query);
  std::vector<bool> chosen(meeting.turns.size());
  std::size_t bytes = 0;
  for (const std::size_t turn : best_of(scores, scores.size())) {
    if (static_cast<double>(bytes + meeting.turns[turn].size()) > share * static_cast<double>(meeting.text.size()))
      continue;
    bytes += meeting.turns[turn].size();
    chosen[turn] = true;
  }
  return chosen;
}

/// Means over questions, the interval by drawing whole meetings.
struct Measured {
  double recall = 0;
  double share = 0;
  learned::Interval interval;
};

Measured measure(const std::vector<const Meeting*>& meetings,
                 const std::function<Found(const Meeting&, const MarkedQuestion&)>& find) {
  std::vector<std::vector<Found>> by_meeting;
  Measured measured;
  double questions = 0;
  for (const Meeting* meeting : meetings) {
    std::vector<Found>& all = by_meeting.emplace_back();
    for (const MarkedQuestion& question : meeting->questions) {
      all.push_back(find(*meeting, question));
      measured.recall += all.back().recall;
      measured.share += all.back().share;
      questions += 1;
    }
  }
  measured.recall /= questions;
  measured.share /= questions;
  measured.interval = learned::bootstrap(
      by_meeting.size(),
      [&](std::span<const std::size_t> rows) {
        double sum = 0;
        double count = 0;
        for (const std::size_t row : rows) {
          for (const Found& found : by_meeting[row]) sum += found.recall, count += 1;
        }
        return sum / count;
      },
      1000, 1);
  return measured;
}

void print(std::string_view what, const Measured& m) {
  fmt::print("{:<44} recall {:.3f} [{:.3f}, {:.3f}] reading {:.1f} %\n", what, m.recall, m.interval.low,
             m.interval.high, 100 * m.share);
}

std::vector<const Meeting*> all_of(const std::vector<Meeting>& meetings) {
  std::vector<const Meeting*> all;
  for (const Meeting& meeting : meetings) all.push_back(&meeting);
  return all;
}

std::vector<const Meeting*> held_out(const std::vector<Meeting>& meetings) {
  std::vector<const Meeting*> some;
  for (std::size_t i = 0; i < meetings.size(); ++i) {
    if (i % 3 == kHeldOut) some.push_back(&meetings[i]);
  }
  return some;
}

std::size_t a_tenth(std::size_t chunks) { return (chunks + 9) / 10; }

TEST_F(Qmsum, Bm25OnChunksOfTwentyTurnsFindsWhatIsKnown) {
  const auto chunks = [](const std::function<std::size_t(std::size_t)>& count) {
    return
        [count](const Meeting& m, const MarkedQuestion& q) { return found_by(m, q, bm25_chunks(m, q.query, count)); };
  };
  const Measured tenth = measure(all_of(meetings_), chunks(a_tenth));
  const Measured four = measure(all_of(meetings_), chunks([](std::size_t) { return std::size_t{4}; }));
  print("BM25, 20-turn chunks, best tenth", tenth);
  print("BM25, 20-turn chunks, best four", four);
  // Known: .43 reading 16 %, .52 at 27 %.
  EXPECT_NEAR(tenth.recall, 0.43, 0.03);
  EXPECT_NEAR(tenth.share, 0.16, 0.02);
  EXPECT_NEAR(four.recall, 0.52, 0.03);
  EXPECT_NEAR(four.share, 0.27, 0.02);
}

TEST_F(Qmsum, TheSelectorFindsMoreOfHeldOutMeetingsThanBm25ByTheSameShare) {
  const auto trained = SpanSelector::load(SUFFICE_SOURCE_DIR "/models/suffice-spans/suffice-spans.json");
  ASSERT_TRUE(trained.has_value()) << describe(trained.error());
  const std::vector<const Meeting*> meetings = held_out(meetings_);
  const auto by = [](const SpanSelector& selector, double share) {
    return [&selector, share](const Meeting& m, const MarkedQuestion& q) {
      return found_by(m, q, selected(m, selector, q.query, share));
    };
  };
  const Measured tenth = measure(meetings, [](const Meeting& m, const MarkedQuestion& q) {
    return found_by(m, q, bm25_chunks(m, q.query, a_tenth));
  });
  const Measured four = measure(meetings, [](const Meeting& m, const MarkedQuestion& q) {
    return found_by(m, q, bm25_chunks(m, q.query, [](std::size_t) { return std::size_t{4}; }));
  });
  print("held out: BM25 chunks, best tenth", tenth);
  print("held out: BM25 chunks, best four", four);
  const SpanSelector untrained;
  for (const double share : {0.05, 0.10, tenth.share, four.share, 0.40}) {
    print(fmt::format("held out: windows, untrained, {:.0f} %", 100 * share), measure(meetings, by(untrained, share)));
    print(fmt::format("held out: suffice-spans, {:.0f} %", 100 * share), measure(meetings, by(*trained, share)));
  }
  // Of the same questions: less noisy than the difference of the means.
  const Measured gain = measure(meetings, [&](const Meeting& m, const MarkedQuestion& q) {
    const Found chunks = found_by(m, q, bm25_chunks(m, q.query, a_tenth));
    const Found spans = found_by(m, q, selected(m, *trained, q.query, chunks.share));
    return Found{.recall = spans.recall - chunks.recall, .share = spans.share};
  });
  print("held out: gain of suffice-spans over chunks", gain);
  EXPECT_GT(gain.recall, 0);
  EXPECT_GT(measure(meetings, by(*trained, four.share)).recall, four.recall);
}

/// The share of a turn's bytes that some citation shows.
double shown_of(const TextRange& turn, const boost::json::array& citations) {
  std::size_t shown = 0;
  for (std::size_t byte = turn.begin; byte < turn.end; ++byte) {
    shown += std::ranges::any_of(citations, [&](const boost::json::value& c) {
      return c.at("begin").to_number<std::size_t>() <= byte && byte < c.at("end").to_number<std::size_t>();
    });
  }
  return static_cast<double>(shown) / static_cast<double>(turn.size());
}

TEST_F(Qmsum, MinionsEndToEndSendsAFractionOfTheTextForMostOfWhatMatters) {
  auto trained = SpanSelector::load(SUFFICE_SOURCE_DIR "/models/suffice-spans/suffice-spans.json");
  ASSERT_TRUE(trained.has_value());
  MinionsSpec spec;
  spec.limits.citation_bytes_max = 1500;
  spec.limits.cited_bytes_max = 60'000;
  // A scripted frontier: it answers from the first citation. What is measured is what it is shown, not what it says.
  const auto spy = std::make_shared<RemoteSpy>([](const std::string& prompt) -> Result<Completion> {
    const bool any = prompt.find("\n[1] ") != std::string::npos;
    return said(any ? R"({"decision":"answer","answer":"see 1","evidence":[1]})"
                    : R"({"decision":"answer","answer":null})");
  });
  const SpanReading reading{
      .selector = std::make_shared<const SpanSelector>(*std::move(trained)), .share = 0.16, .limits = spec.limits};
  double remote = 0;
  double whole = 0;
  double jobs = 0;
  const Measured measured = measure(held_out(meetings_), [&](const Meeting& meeting, const MarkedQuestion& question) {
    spec.manifest = JobManifest{.tasks = {{.name = "passages", .instruction = question.query}},
                                .chunking = {.unit = Chunking::Unit::Turns, .size = 12, .overlap = 2},
                                .samples = 2};
    const Ran ran =
        run_minions(spec, span_reader(reading), hosted(spy), question_of(meeting.text, question.query).message());
    EXPECT_TRUE(ran.outcome.has_value());
    if (!ran.outcome) return Found{};
    remote += ran.body.at("remote_tokens").to_number<double>();
    whole += ran.body.at("document_tokens").to_number<double>();
    jobs += ran.body.at("map").at("jobs").to_number<double>();
    const boost::json::array& citations = ran.body.at("citations").as_array();
    std::vector<bool> chosen(meeting.turns.size());
    for (std::size_t turn = 0; turn < chosen.size(); ++turn)
      chosen[turn] = shown_of(meeting.turns[turn], citations) > 0.5;
    Found found = found_by(meeting, question, chosen);
    found.share = ran.body.at("cited_bytes").to_number<double>() / ran.body.at("document_bytes").to_number<double>();
    return found;
  });
  print("held out: MINIONS end to end", measured);
  fmt::print("{} frontier calls, {:.0f} jobs; remote prefill {:.0f} tokens, whole documents {:.0f}: {:.1f} %\n",
             spy->calls.size(), jobs, remote, whole, 100 * remote / whole);
  EXPECT_GT(measured.recall, 0.4);
  EXPECT_LT(remote, 0.35 * whole);
}

}  // namespace
}  // namespace suffice::workflow::minions
