// What is kept, what is counted, and how often a fact is found by chance: the arithmetic of sampling a noisy worker.

#include "workflow/patterns/minions/findings.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::workflow::minions {
namespace {

using testing::SizeIs;

constexpr std::string_view kText = "alpha one. beta two. gamma three. delta four.";

WorkerAnswer found(std::string citation, std::string answer = "a") {
  WorkerAnswer result;
  result.kind = WorkerAnswer::Kind::Found;
  result.citation = std::move(citation);
  result.answer = std::move(answer);
  return result;
}

struct Fixture {
  Chunks chunks = {{.begin = 0, .end = 21}, {.begin = 11, .end = 45}};
  JobManifest manifest = {
      .tasks = {{.name = "t0", .instruction = "x"}, {.name = "t1", .instruction = "y"}}, .chunking = {}, .samples = 1};
  Limits limits = {.citation_bytes_max = 20};
  FindingCollector collector{kText, chunks, manifest, limits, 1};
};

TEST(FindingCollector, KeepsCitationsThatStandInTheirOwnChunk) {
  Fixture f;
  f.collector.take({.task = 1, .chunk = 1}, found("gamma three."));
  f.collector.take({.task = 0, .chunk = 0},
                   found("gamma three."));  // stands in the document, but not in what this job read

  const std::vector<Finding> findings = f.collector.findings();

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].task, "t1");
  EXPECT_EQ(findings[0].range.of(kText), "gamma three.");
  EXPECT_EQ(f.collector.report().verified, 1U);
  EXPECT_EQ(f.collector.report().unverified, 1U);
}

TEST(FindingCollector, CountsEveryAnswerExactlyOnce) {
  Fixture f;
  WorkerAnswer abstained;
  abstained.kind = WorkerAnswer::Kind::Abstained;
  f.collector.take({}, found("alpha one."));
  f.collector.take({}, found("invented"));
  f.collector.take({}, found(""));
  f.collector.take({}, found("None"));
  f.collector.take({}, found("alpha one. beta two. g"));  // 22 bytes, 20 are allowed
  f.collector.take({}, abstained);
  f.collector.take({}, WorkerAnswer{});
  f.collector.take_failure();

  const MapReport& report = f.collector.report();
  EXPECT_EQ(report, (MapReport{.jobs = 8,
                               .abstained = 1,
                               .verified = 1,
                               .uncited = 2,
                               .unverified = 1,
                               .too_long = 1,
                               .malformed = 1,
                               .failed = 1}));
  EXPECT_EQ(report.jobs, report.abstained + report.verified + report.uncited + report.unverified + report.too_long +
                             report.malformed + report.failed);
}

TEST(FindingCollector, JoinsACitationWithinAnotherOfItsTask) {
  Fixture f;
  f.collector.take({.task = 0, .chunk = 0}, found("beta two."));
  f.collector.take({.task = 0, .chunk = 1}, found("beta two."));  // the same bytes through the overlap
  f.collector.take({.task = 0, .chunk = 1}, found("two"));
  f.collector.take({.task = 1, .chunk = 1}, found("two"));

  const std::vector<Finding> findings = f.collector.findings();

  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].range.of(kText), "beta two.");
  EXPECT_EQ(findings[0].votes, 3U);
  EXPECT_EQ(findings[1].votes, 1U) << "another task's";
}

TEST(FindingCollector, DoesNotDependOnTheOrderOfAnswers) {
  Fixture forwards;
  Fixture backwards;
  const std::string citations[] = {"alpha one.", "one", "beta two.", "a one. beta", "two."};
  for (const std::string& citation : citations)
    forwards.collector.take({.task = 0, .chunk = 0}, found(citation, citation));
  for (std::size_t i = std::size(citations); i > 0; --i) {
    backwards.collector.take({.task = 0, .chunk = 0}, found(citations[i - 1], citations[i - 1]));
  }
  EXPECT_EQ(forwards.collector.findings(), backwards.collector.findings());
}

TEST(KeepWithinLimit, PrefersVotesAndCountsWhatItLeavesOut) {
  const auto finding = [](std::string task, std::size_t begin, std::size_t end, std::size_t votes) {
    return Finding{.round = 1,
                   .task = std::move(task),
                   .range = {.begin = begin, .end = end},
                   .votes = votes,
                   .answer = {},
                   .explanation = {}};
  };
  const std::vector<Finding> found = {finding("t", 0, 10, 1), finding("t", 20, 30, 3), finding("u", 22, 28, 1),
                                      finding("t", 40, 50, 2)};
  MapReport report;

  const std::vector<Finding> kept = keep_within_limit({}, found, {.cited_bytes_max = 20}, report);

  ASSERT_THAT(kept, SizeIs(3));
  EXPECT_EQ(kept[0].range.begin, 20U);
  EXPECT_EQ(kept[1].range.begin, 22U) << "its bytes are out already, so it costs nothing";
  EXPECT_EQ(kept[2].range.begin, 40U);
  EXPECT_EQ(report.left_out, 1U);
  EXPECT_EQ(cited_bytes(kept), 20U);
}

TEST(KeepWithinLimit, CountsOverAllRounds) {
  MapReport report;
  const Finding first{
      .round = 1, .task = "t", .range = {.begin = 0, .end = 10}, .votes = 1, .answer = {}, .explanation = {}};
  Finding again = first;
  again.round = 2;
  Finding other = again;
  other.range = {.begin = 10, .end = 21};

  const std::vector<Finding> kept = keep_within_limit({first}, {again, other}, {.cited_bytes_max = 20}, report);

  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].votes, 2U);
  EXPECT_EQ(report.left_out, 1U);
}

// A worker that misses the fact with probability m and, with probability q, cites one of many other passages instead. Union over n samples:
// the fact is found with probability 1 - m^n, and the junk kept grows with n.
TEST(Samples, FindAFactWithProbabilityOneMinusMissToTheSamples) {
  std::string text = "FACT";
  for (int i = 0; i < 200; ++i) text += " j" + std::to_string(1000 + i);
  const Chunks chunks = {{.begin = 0, .end = text.size()}};
  constexpr double kMiss = 0.4;
  constexpr double kJunk = 0.3;
  constexpr int kRuns = 2000;
  double junk_before = 0;
  for (std::size_t samples = 1; samples <= 5; ++samples) {
    const JobManifest manifest{.tasks = {{.name = "t", .instruction = "x"}}, .chunking = {}, .samples = samples};
    const Limits limits;
    SeededRandom random(samples);
    int recalled = 0;
    std::size_t junk = 0;
    for (int run = 0; run < kRuns; ++run) {
      FindingCollector collector(text, chunks, manifest, limits, 1);
      for (const Job& job : expand_jobs(manifest, 1, limits).value()) {
        if (random.uniform() >= kMiss) {
          collector.take(job, found("FACT"));
        } else if (random.uniform() < kJunk / kMiss) {
          collector.take(job, found("j" + std::to_string(1000 + random.below(200))));
        } else {
          collector.take(job, parse_worker_answer("none", Ending::Complete));
        }
      }
      for (const Finding& finding : collector.findings()) {
        finding.range.of(text) == "FACT" ? static_cast<void>(++recalled) : static_cast<void>(++junk);
      }
    }
    const double expected = 1 - std::pow(kMiss, static_cast<double>(samples));
    const double error = std::sqrt(expected * (1 - expected) / kRuns);
    EXPECT_NEAR(static_cast<double>(recalled) / kRuns, expected, 3 * error) << samples;
    const double junk_per_run = static_cast<double>(junk) / kRuns;
    EXPECT_NEAR(junk_per_run, kJunk * static_cast<double>(samples), 0.1 * kJunk * static_cast<double>(samples))
        << samples;
    EXPECT_GT(junk_per_run, junk_before);
    junk_before = junk_per_run;
  }
}

}  // namespace
}  // namespace suffice::workflow::minions
