#pragma once
// The hash chain: each event's hash covers its own text and the hash before it, so that nothing can be altered, dropped or moved unseen.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/store.hpp"

namespace suffice::audit {

/// What the first event of a record follows. Stored format, never changed.
inline constexpr std::string_view kFirstPreviousHash =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Hex SHA-256 of `previous_hash`, a line feed, `json`. Stored format, never changed.
[[nodiscard]] std::string chain_hash(std::string_view previous_hash, std::string_view json);

/// Where a chain goes on.
struct ChainEnd {
  std::int64_t sequence = 0;  ///< of the last event; 0: none yet
  std::string hash{kFirstPreviousHash};

  bool operator==(const ChainEnd&) const = default;
};

/// Whether `batch` goes on at `end`.
[[nodiscard]] inline bool continues(const std::vector<StoredEvent>& batch, const ChainEnd& end) {
  return batch.empty() || (batch.front().sequence == end.sequence + 1 && batch.front().previous_hash == end.hash);
}

/// The same events chained behind `end`: for a store where somebody else has appended meanwhile. Cost: one SHA-256 of each event's text.
[[nodiscard]] std::vector<StoredEvent> chained_behind(const ChainEnd& end, std::vector<StoredEvent> batch);

/// Whether an event carries the hash of its own text.
[[nodiscard]] inline bool hash_matches(const StoredEvent& event) {
  return event.hash == chain_hash(event.previous_hash, event.json);
}

}  // namespace suffice::audit
