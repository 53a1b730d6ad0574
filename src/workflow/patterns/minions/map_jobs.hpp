#pragma once
// The local half of a round: every job read, once more where its answer cannot be read, and counted.

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/documents/chunks.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/minions/chunk_worker.hpp"
#include "workflow/patterns/minions/findings.hpp"
#include "workflow/patterns/minions/jobs.hpp"

namespace suffice::workflow::minions {

struct MapWork {
  std::string_view text;
  const Chunks& chunks;
  const JobManifest& manifest;
  const Limits& limits;
  std::size_t round = 1;
  std::size_t at_once = 4;  ///< jobs side by side
};

struct MapOutcome {
  std::vector<Finding> found;
  MapReport report;
};

/// Reads all jobs, `at_once` side by side; the step's checkpoint after every few keeps what has been read, and a resumed step goes on from
/// there. A malformed answer and a failed call are tried once more, then counted.
///
/// Errors: those that end the run (chunk_worker.hpp), expand_jobs'; OutputRejected or ModelUnavailable when there were jobs and not one
/// of them had an answer that could be read: then nobody has read the document, which is not "not found". All arguments outlive the
/// await.
[[nodiscard]] Task<Result<MapOutcome>> map_jobs(const MapWork& work, ChunkWorker& worker, FlowRun& run);

}  // namespace suffice::workflow::minions
