#pragma once
// What came of one case in one pass, and the line that keeps it (docs/evaluation.md, results.jsonl).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::lab {

/// Why a case is sent. Stored by name: never rename.
enum class Pass : std::uint8_t {
  Gated,       ///< as the policy says: what would be served
  Ungated,     ///< by the local tier with the gate's stops and threshold off: what the small model knows
  Frontier,    ///< by the frontier alone: what it would have cost and been
  KillSwitch,  ///< as the policy says, with the kill switch on
};
/// "gated", "ungated", "frontier", "kill_switch".
[[nodiscard]] std::string_view name(Pass pass) noexcept;

struct CaseRun {
  std::string id = {};
  Pass pass = Pass::Gated;
  bool local = false;                     ///< answered by a local tier
  std::vector<std::string> reasons = {};  ///< names of the reason vocabulary, primary first; empty for a local answer
  std::string model = {};                 ///< policy name of the one that answered
  std::string error = {};                 ///< name of the error when there is no answer
  std::optional<bool> right = {};         ///< nothing without an answer, or when nothing is said to be right
  std::string answered = {};              ///< the label, where the answer is one of the task's; else empty
  std::string preview = {};               ///< of the answer, redacted
  std::optional<double> confidence = {};
  double cost_usd = 0;
  std::int64_t latency_us = 0;
  bool stand_in = false;
  bool operator==(const CaseRun&) const = default;
};

/// One line of results.jsonl, without its end. `key` says what the result belongs to.
[[nodiscard]] std::string to_line(const CaseRun& run, std::string_view key);

/// The runs of results.jsonl whose key is `key`, the first of a case and pass counts. A last line without its end was cut by an interruption and is
/// left out; any other line that is no result is MalformedRequest with "line N" in `where`.
[[nodiscard]] Result<std::vector<CaseRun>> read_runs(std::string_view lines, std::string_view key);

}  // namespace suffice::lab
