#pragma once
// The job manifest: what the frontier wants read, as data. It is never code, and nothing in it is run.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "workflow/patterns/minions/limits.hpp"

namespace suffice::workflow::minions {

/// One question that every chunk is asked.
struct MapTask {
  std::string name;         ///< unique in its manifest
  std::string instruction;  ///< what a worker is told to look for
  bool operator==(const MapTask&) const = default;
};

/// How the document is cut. `size` and `overlap` count units.
struct Chunking {
  enum class Unit : std::uint8_t { Turns, Lines, Sentences, Bytes };
  Unit unit = Unit::Turns;
  std::size_t size = 20;
  std::size_t overlap = 1;
  bool operator==(const Chunking&) const = default;
};
[[nodiscard]] std::string_view name(Chunking::Unit unit) noexcept;

struct JobManifest {
  std::vector<MapTask> tasks;
  Chunking chunking;
  std::size_t samples = 1;
  bool operator==(const JobManifest&) const = default;

  [[nodiscard]] JsonText json() const;
};

/// The JSON Schema of a manifest under `limits`: what the frontier is asked to obey and what its answer is checked against.
[[nodiscard]] JsonText manifest_schema(const Limits& limits);

/// Reads the frontier's manifest: one JSON object, alone or in one code fence. OutputRejected with all problems, "; " between them, none
/// of which quotes a value: no JSON, not of the schema, two tasks of one name, chunks that overlap by less than the longest expected
/// fact or by no less than their size. The number of jobs is checked when the document is cut (jobs.hpp). Any thread.
[[nodiscard]] Result<JobManifest> parse_manifest(std::string_view answer, const Limits& limits);

}  // namespace suffice::workflow::minions
