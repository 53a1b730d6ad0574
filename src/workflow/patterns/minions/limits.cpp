#include "workflow/patterns/minions/limits.hpp"

#include <string>

#include <fmt/core.h>

namespace suffice::workflow::minions {

namespace {

struct Range {
  const char* name;
  std::size_t value;
  std::size_t low;
  std::size_t high;
};

}  // namespace

Result<void> Limits::check() const {
  const Range ranges[] = {
      {.name = "rounds", .value = rounds_max, .low = 1, .high = kRoundsMax},
      {.name = "tasks", .value = tasks_max, .low = 1, .high = 20},
      {.name = "jobs", .value = jobs_max, .low = 1, .high = 100'000},
      {.name = "samples", .value = samples_max, .low = 1, .high = 100},
      {.name = "fact_bytes", .value = fact_bytes, .low = 1, .high = 10'000},
      {.name = "fact_units", .value = fact_units, .low = 1, .high = 100},
      {.name = "chunk_bytes", .value = chunk_bytes_max, .low = 64, .high = 1'000'000},
      {.name = "citation_bytes", .value = citation_bytes_max, .low = 1, .high = 10'000},
      {.name = "cited_bytes", .value = cited_bytes_max, .low = 1, .high = 10'000'000},
      {.name = "note_characters", .value = note_characters_max, .low = 1, .high = 20'000},
  };
  for (const Range& range : ranges) {
    if (range.value < range.low || range.value > range.high) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("{} is {}, must be {} to {}", range.name, range.value, range.low, range.high),
                  std::string("minions.") + range.name);
    }
  }
  if (fact_bytes >= chunk_bytes_max) {
    return fail(ErrorCode::InvalidArgument, "fact_bytes must be below chunk_bytes: chunks overlap by it",
                "minions.fact_bytes");
  }
  return {};
}

}  // namespace suffice::workflow::minions
