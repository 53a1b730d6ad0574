#pragma once
// Manifest x document = jobs. Exact: tasks x chunks x samples, in a fixed order.

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "workflow/documents/chunks.hpp"
#include "workflow/patterns/minions/limits.hpp"
#include "workflow/patterns/minions/manifest.hpp"

namespace suffice::workflow::minions {

/// One question to one worker about one chunk: numbers into the manifest's tasks and the chunks.
struct Job {
  std::size_t task = 0;
  std::size_t chunk = 0;
  std::size_t sample = 0;
  bool operator==(const Job&) const = default;
};

/// `text` in chunks as `chunking` says; a chunk of more than limits.chunk_bytes_max bytes is cut into slices that overlap by
/// limits.fact_bytes. Every byte is in a chunk. InvalidArgument for a chunking that does not move.
[[nodiscard]] Result<Chunks> cut_document(std::string_view text, const Chunking& chunking, const Limits& limits);

/// Tasks, within a task chunks, within a chunk samples. BudgetExhausted with the three numbers when they make more than limits.jobs_max.
[[nodiscard]] Result<std::vector<Job>> expand_jobs(const JobManifest& manifest, std::size_t chunks,
                                                   const Limits& limits);

}  // namespace suffice::workflow::minions
