#include "workflow/patterns/minions/jobs.hpp"

#include <string>

#include <fmt/core.h>

#include "workflow/documents/sentences.hpp"

namespace suffice::workflow::minions {

namespace {

Result<Chunks> cut(std::string_view text, const Chunking& chunking) {
  const UnitWindow window{.size = chunking.size, .overlap = chunking.overlap};
  switch (chunking.unit) {
    case Chunking::Unit::Turns:
      return chunk_units(split_turns(text), window);
    case Chunking::Unit::Lines:
      return chunk_units(split_lines(text), window);
    case Chunking::Unit::Sentences:
      return chunk_units(split_sentences(text), window);
    case Chunking::Unit::Bytes:
      return chunk_bytes(text, window);
  }
  return fail(ErrorCode::Internal, "unknown unit of chunks");
}

}  // namespace

Result<Chunks> cut_document(std::string_view text, const Chunking& chunking, const Limits& limits) {
  SUFFICE_TRY(const Chunks chunks, cut(text, chunking));
  Chunks fitting;
  for (const TextRange& chunk : chunks) {
    if (chunk.size() <= limits.chunk_bytes_max) {
      fitting.push_back(chunk);
      continue;
    }
    const UnitWindow window{.size = limits.chunk_bytes_max, .overlap = limits.fact_bytes};
    SUFFICE_TRY(const Chunks slices, chunk_bytes(chunk.of(text), window));
    for (const TextRange& slice : slices) {
      fitting.push_back({.begin = chunk.begin + slice.begin, .end = chunk.begin + slice.end});
    }
  }
  return fitting;
}

Result<std::vector<Job>> expand_jobs(const JobManifest& manifest, std::size_t chunks, const Limits& limits) {
  const std::size_t tasks = manifest.tasks.size();
  // Factors are bounded (schema, document size), so the product does not overflow 64 bits.
  const std::size_t count = tasks * chunks * manifest.samples;
  if (count > limits.jobs_max) {
    return fail(
        ErrorCode::BudgetExhausted,
        fmt::format("{} tasks x {} chunks x {} samples are {} jobs, {} are allowed a round; larger chunks make fewer",
                    tasks, chunks, manifest.samples, count, limits.jobs_max),
        "manifest");
  }
  std::vector<Job> jobs;
  jobs.reserve(count);
  for (std::size_t task = 0; task < tasks; ++task) {
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      for (std::size_t sample = 0; sample < manifest.samples; ++sample) {
        jobs.push_back({.task = task, .chunk = chunk, .sample = sample});
      }
    }
  }
  return jobs;
}

}  // namespace suffice::workflow::minions
