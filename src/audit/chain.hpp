#pragma once
// The hash chain: each event's hash covers its own text and the hash before it, so that nothing can be altered, dropped or moved unseen.

#include <string>
#include <string_view>

#include "audit/store.hpp"

namespace suffice::audit {

/// What the first event of a record follows. Stored format, never changed.
inline constexpr std::string_view kFirstPreviousHash =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Hex SHA-256 of `previous_hash`, a line feed, `json`. Stored format, never changed.
[[nodiscard]] std::string chain_hash(std::string_view previous_hash, std::string_view json);

/// Whether an event carries the hash of its own text.
[[nodiscard]] inline bool hash_matches(const StoredEvent& event) {
  return event.hash == chain_hash(event.previous_hash, event.json);
}

}  // namespace suffice::audit
