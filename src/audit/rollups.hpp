#pragma once
// Roll-ups: what a report reads instead of every event. One row an hour, task, route, primary reason and serving model.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/figures.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// How often each latency came, in buckets half an octave wide: bucket i holds [bound(i), bound(i + 1)). Stored format: never change.
struct LatencyHistogram {
  static constexpr std::size_t kBuckets = 64;
  std::array<std::int64_t, kBuckets> counts{};

  /// In microseconds: 2^(i/2), rounded up; bound(0) is 0. The last bucket, from 2^31.5 us (51 minutes) on, has no upper end.
  [[nodiscard]] static std::int64_t bound(std::size_t bucket);
  [[nodiscard]] static std::size_t bucket_of(std::int64_t latency_us);

  void add(std::int64_t latency_us) { ++counts[bucket_of(latency_us)]; }
  LatencyHistogram& operator+=(const LatencyHistogram& other);
  /// The latency that a share `q` in [0, 1] does not exceed, in microseconds, interpolated within its bucket: wrong by at most the
  /// bucket's width (41 %). 0 when nothing was counted.
  [[nodiscard]] double quantile(double q) const;
  bool operator==(const LatencyHistogram&) const = default;
};

/// Names as in the record (api/audit_event.schema.json).
struct RollupKey {
  std::string hour;    ///< its beginning: "2026-11-22T06:00:00.000Z"
  std::string task;    ///< empty: unknown
  std::string route;   ///< "local", "frontier", "escalated", "human_approved", "refused"
  std::string reason;  ///< primary, empty when none
  std::string model;   ///< that served, empty when none

  auto operator<=>(const RollupKey&) const = default;
};

/// Sums over the requests of one key. Stored by name (kRollupSums).
struct RollupSums {
  std::int64_t requests = 0;
  std::int64_t succeeded = 0;  ///< the caller got an answer
  std::int64_t stand_in = 0;
  std::int64_t cost_nanodollars = 0;
  std::int64_t local_cost_nanodollars = 0;                 ///< part of it: hardware of local attempts
  std::int64_t counterfactual_nanodollars = 0;             ///< always-frontier, of the requests where it is known
  std::int64_t counterfactual_known = 0;                   ///< those requests
  std::int64_t cost_where_counterfactual_nanodollars = 0;  ///< what those requests did cost: savings are the difference
  std::int64_t local_attempts = 0;
  std::int64_t local_accepted = 0;
  std::int64_t hosted_attempts = 0;
  std::int64_t hosted_latency_us = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t hosted_tokens = 0;  ///< in and out, of hosted attempts
  std::int64_t latency_us = 0;
  std::int64_t overhead_us = 0;
  LatencyHistogram latency;  ///< of the whole request, as the gateway saw it

  void add(const EventFigures& figures);
  RollupSums& operator+=(const RollupSums& other);
  bool operator==(const RollupSums&) const = default;
};

/// The columns of both stores, in their order. Stored by name: never rename.
struct RollupSum {
  std::string_view name;
  std::int64_t RollupSums::* value;
};
[[nodiscard]] std::span<const RollupSum> rollup_sums() noexcept;

struct Rollup {
  RollupKey key;
  RollupSums sums;
  bool operator==(const Rollup&) const = default;
};

/// Sums by key, ordered by hour first.
using RollupMap = std::map<RollupKey, RollupSums>;

/// "0,3,1": the buckets up to the last that holds something. Stored format.
[[nodiscard]] std::string to_text(const LatencyHistogram& histogram);
/// Reads to_text()'s form, also within braces; what is no number counts 0.
[[nodiscard]] LatencyHistogram histogram_from(std::string_view text);

/// Adds one event; a change of state adds nothing.
void fold(RollupMap& rows, const StoredEvent& event);

/// Whole hours: those whose beginning lies in [from, to), both RFC 3339 in UTC ("2026-11-22T06:30:00Z" and "2026-11-22" will do: `from`
/// is taken back to the beginning of its hour). Empty: no limit.
struct TimeRange {
  std::string from = {};
  std::string to = {};
};

/// The hour an RFC 3339 time or date lies in, as roll-ups name it; empty for an empty text.
[[nodiscard]] std::string hour_of(std::string_view time);

/// Everything rolled up so far in `range`, by hour; events written a moment ago included. Roll-ups outlive pruned events.
/// Cost: by the rows, not by the events (docs/evidence_record.md).
[[nodiscard]] Result<std::vector<Rollup>> rollups(AuditReader& reader, const TimeRange& range);

/// A piece of the record, and where the next one begins.
struct EventPage {
  std::vector<StoredEvent> events;
  std::int64_t next = 0;  ///< the cursor of the next page
  bool more = false;      ///< false: the end was reached; a later call with `next` finds what was written since
};

/// Up to `limit` (at least 1) events that `filter` matches, oldest first, from `cursor` on: 0, or `next` of the page before.
[[nodiscard]] Result<EventPage> events(AuditReader& reader, const EventFilter& filter, std::int64_t cursor,
                                       std::int64_t limit = 1'000);

}  // namespace suffice::audit
