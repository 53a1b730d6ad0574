#pragma once
// The vocabulary in which every routing decision is explained. Stored and shown to people.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace suffice {

/// Why a request did not stay with (or never reached) a local model. Stored by name and number: never renumber, never rename.
enum class Reason : std::uint8_t {
  UnknownTask = 1,
  PolicyRequiresFrontier = 2,
  InputTooLarge = 3,
  SchemaInvalid = 4,
  ConfidenceLow = 5,
  HardStopSecurity = 6,
  HardStopAccess = 7,
  HardStopProduction = 8,
  ManualOverride = 9,
  HardStopNovel = 10,
  LabelEscalates = 11,
  LabelUnknown = 12,
  Refusal = 13,
  EvidenceMissing = 14,
  Disagreement = 15,
  CheckFailed = 16,
  PredictedHard = 17,
  ThresholdUncertified = 18,
  LogprobsMissing = 19,
  LocalTimeout = 20,
  LocalUnavailable = 21,
  ContextOverflow = 22,
  BudgetExhausted = 23,
  VotesInconclusive = 24,
  KillSwitch = 25,
};

/// "confidence_low" and so on: the exact words of the record, headers and metrics.
[[nodiscard]] std::string_view name(Reason reason) noexcept;
[[nodiscard]] std::optional<Reason> reason_from_name(std::string_view name) noexcept;
[[nodiscard]] std::span<const Reason> all_reasons() noexcept;
/// A sentence for people, for --help texts and the docs.
[[nodiscard]] std::string_view meaning(Reason reason) noexcept;

/// Where the answer came from, as people read it. Stored: never renumber.
enum class Route : std::uint8_t {
  Local = 1,
  Frontier = 2,
  EscalatedAfterValidation = 3,
  HumanApproved = 4,
  Refused = 5
};
/// "local", "frontier", "escalated", "human_approved", "refused".
[[nodiscard]] std::string_view name(Route route) noexcept;
[[nodiscard]] std::optional<Route> route_from_name(std::string_view name) noexcept;

}  // namespace suffice
