#include "workflow/patterns/minions/jobs.hpp"

#include <set>
#include <string>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow::minions {
namespace {

using testing::HasSubstr;

JobManifest manifest_of(std::size_t tasks, std::size_t samples) {
  JobManifest manifest;
  for (std::size_t i = 0; i < tasks; ++i)
    manifest.tasks.push_back({.name = "t" + std::to_string(i), .instruction = "x"});
  manifest.samples = samples;
  return manifest;
}

TEST(ExpandJobs, AreTasksTimesChunksTimesSamplesEachOnce) {
  for (std::size_t tasks = 1; tasks <= 3; ++tasks) {
    for (std::size_t chunks = 0; chunks <= 7; ++chunks) {
      for (std::size_t samples = 1; samples <= 4; ++samples) {
        const auto jobs = expand_jobs(manifest_of(tasks, samples), chunks, {});
        ASSERT_TRUE(jobs.has_value());
        EXPECT_EQ(jobs->size(), tasks * chunks * samples);
        std::set<std::tuple<std::size_t, std::size_t, std::size_t>> distinct;
        for (const Job& job : *jobs) {
          EXPECT_TRUE(job.task < tasks && job.chunk < chunks && job.sample < samples);
          distinct.insert({job.task, job.chunk, job.sample});
        }
        EXPECT_EQ(distinct.size(), jobs->size());
      }
    }
  }
}

TEST(ExpandJobs, MoreThanTheCapAreRefusedWithTheirNumbers) {
  const auto jobs = expand_jobs(manifest_of(3, 2), 100, {.jobs_max = 599});
  ASSERT_FALSE(jobs.has_value());
  EXPECT_EQ(jobs.error().code, ErrorCode::BudgetExhausted);
  EXPECT_THAT(jobs.error().message, HasSubstr("3 tasks x 100 chunks x 2 samples are 600 jobs, 599 are allowed"));
  EXPECT_TRUE(expand_jobs(manifest_of(3, 2), 100, {.jobs_max = 600}).has_value());
}

TEST(CutDocument, PutsEveryByteIntoAChunkOfBoundedSize) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += "A: line " + std::to_string(i) + std::string(i == 77 ? 5000 : i % 40, 'x') + ".\n";
  const Limits limits{.fact_bytes = 50, .chunk_bytes_max = 1000};
  for (const auto unit :
       {Chunking::Unit::Turns, Chunking::Unit::Lines, Chunking::Unit::Sentences, Chunking::Unit::Bytes}) {
    SCOPED_TRACE(name(unit));
    const std::size_t overlap = unit == Chunking::Unit::Bytes ? 50 : 1;
    const auto chunks = cut_document(
        text, {.unit = unit, .size = unit == Chunking::Unit::Bytes ? 4000U : 20U, .overlap = overlap}, limits);
    ASSERT_TRUE(chunks.has_value());
    std::size_t covered = 0;
    for (const TextRange& chunk : *chunks) {
      EXPECT_LE(chunk.begin, covered) << "a gap";
      EXPECT_LE(chunk.size(), limits.chunk_bytes_max);
      covered = std::max(covered, chunk.end);
    }
    EXPECT_EQ(covered, text.size());
  }
}

}  // namespace
}  // namespace suffice::workflow::minions
