#pragma once
// The plan of a MAKER run: where it starts and what each step does. Read whole or not at all; nothing of a plan that has a fault is executed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::workflow::maker {

/// Bounds of a plan; models write them, so everything has one.
struct PlanLimits {
  std::uint64_t steps_max = 1'000;      ///< repeated ones counted
  std::size_t entries_max = 1'000;      ///< in the list
  std::size_t bytes_max = 256 * 1024;   ///< of the text
  std::size_t instruction_max = 2'000;  ///< bytes of one
};

/// One entry of the list: `times` steps in a row that are told the same.
struct PlanEntry {
  std::string instruction;
  std::uint64_t times = 1;
  bool operator==(const PlanEntry&) const = default;
};

/// A checked plan. A value.
class Plan {
 public:
  /// Reads {"start": any JSON, "steps": [{"do": text, "times": 1}, ...]}. MalformedJson, PayloadTooLarge or InvalidArgument, with a JSON
  /// pointer in `where`, for: what is no JSON, other members, no steps, an empty instruction, more steps than `limits` allow. The error
  /// holds nothing of the text.
  static Result<Plan> read(std::string_view json, const PlanLimits& limits);
  /// The same of values. `start` is JSON text.
  static Result<Plan> create(std::string start, std::vector<PlanEntry> entries, const PlanLimits& limits);

  [[nodiscard]] const std::string& start() const { return start_; }  ///< canonical JSON text
  [[nodiscard]] const std::vector<PlanEntry>& entries() const { return entries_; }
  /// At least 1.
  [[nodiscard]] std::uint64_t steps() const { return ends_.back(); }
  /// What step `step` (from 0, below steps()) is told. O(log entries).
  [[nodiscard]] const std::string& instruction(std::uint64_t step) const;
  /// The plan as read() reads it.
  [[nodiscard]] std::string json() const;

 private:
  std::string start_;
  std::vector<PlanEntry> entries_;
  std::vector<std::uint64_t> ends_;  ///< steps up to and with each entry
};

}  // namespace suffice::workflow::maker
