#pragma once
// AuditStore: the port to whatever keeps the record. SQLite here; PostgreSQL later.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/figures.hpp"
#include "core/result.hpp"
#include "core/units.hpp"

namespace suffice::audit {

struct Rollup;     // audit/rollups.hpp
struct TimeRange;  // audit/rollups.hpp

/// An event as it is stored: its canonical JSON and its place in the chain.
/// hash = SHA-256(previous hash hex + "\n" + json), hex; the first event's previous hash is 64 zeros. Stored format, never changed.
struct StoredEvent {
  std::int64_t sequence = 0;  ///< from 1, without gaps
  std::string id = {};
  std::string time = {};  ///< RFC 3339, UTC, milliseconds
  std::string kind = {};
  std::string task = {};
  std::string route = {};
  std::string reason = {};  ///< primary, empty when none
  std::string request_id = {};
  std::string json = {};  ///< canonical
  std::string previous_hash = {};
  std::string hash = {};
  std::optional<EventFigures> figures = {};  ///< of an event on its way in; not stored, absent in one that was read
};

/// What to read back. Empty fields match everything.
struct EventFilter {
  std::string task = {};
  std::string route = {};
  std::string reason = {};
  std::string kind = {};
  std::string id_or_request_id = {};  ///< a full id, or a unique prefix of 6 or more characters
  std::string since = {};             ///< RFC 3339, inclusive
  std::string until = {};             ///< RFC 3339, exclusive
  std::int64_t after_sequence = 0;
  std::int64_t limit = 0;  ///< 0: no limit
  bool newest_first = false;
};

/// What reads the record. One thread at a time.
class AuditReader {
 public:
  virtual ~AuditReader() = default;
  /// The last event, nothing when empty.
  virtual Result<std::optional<StoredEvent>> last() = 0;
  /// Calls `row` for each match in order until it returns false.
  virtual Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) = 0;
  /// What each key's requests have cost since `time` (RFC 3339, inclusive), by the key's name. Requests without a key are left out.
  virtual Result<std::map<std::string, Usd>> spent_since(std::string_view time) = 0;
  /// As audit/rollups.hpp says. Here by reading every event; stores do better.
  virtual Result<std::vector<Rollup>> rollups(const TimeRange& range);
};

/// What also writes it. One writer at a time; readers from other processes at any time.
class AuditStore : public AuditReader {
 public:
  /// All or nothing, durable on return. The events continue the chain that last() ends.
  virtual Result<void> append(const std::vector<StoredEvent>& batch) = 0;
};

}  // namespace suffice::audit
