#pragma once
// AuditStore: the port to whatever keeps the record: SQLite (sqlite_store.hpp) or PostgreSQL (postgres_store.hpp).

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

/// The texts of one event, encrypted (audit/vault.hpp).
struct SealedTexts {
  std::string id = {};       ///< of the event
  std::string expires = {};  ///< RFC 3339: from then on they are not given out, and soon removed
  std::string bytes = {};    ///< hex; nothing without the key
};

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
  std::optional<SealedTexts> sealed = {};    ///< of an event on its way in: stored with it, outside of the chain
};

/// Where a record begins after its oldest events were pruned: behind this one.
struct PrunedEnd {
  std::int64_t sequence = 0;
  std::string hash = {};

  bool operator==(const PrunedEnd&) const = default;
};

/// What a pruning did.
struct Pruned {
  std::int64_t events = 0;
  std::int64_t partitions = 0;
  std::optional<PrunedEnd> end = {};  ///< where the record begins now; nothing when nothing was ever pruned
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
  /// Where the record begins, when events were pruned. Roll-ups of pruned events stay.
  virtual Result<std::optional<PrunedEnd>> pruned() { return std::nullopt; }
  /// The kept texts of the event with that id, when there are any.
  virtual Result<std::optional<SealedTexts>> sealed(std::string_view /*id*/) { return std::nullopt; }
  /// As audit/rollups.hpp says. Here by reading every event; stores do better.
  virtual Result<std::vector<Rollup>> rollups(const TimeRange& range);
};

/// What also writes it. One thread at a time; readers from other processes at any time.
class AuditStore : public AuditReader {
 public:
  /// All or nothing, durable on return. The events continue the chain that last() ends. Where others have appended meanwhile, the store
  /// chains them anew behind those: what is stored may then have other sequence numbers and hashes than `batch`, never another text or
  /// order. A batch that failed and in truth was committed may be given again: it is not stored twice.
  virtual Result<void> append(const std::vector<StoredEvent>& batch) = 0;
  /// Drops whole partitions whose events all lie before `day` ("2026-11-01", UTC), oldest first; never the newest partition. The chain
  /// stays verifiable from pruned() on. A reader or a writer beside it waits for moments only. InvalidArgument for a bad day.
  virtual Result<Pruned> prune(std::string_view day);
  /// Removes the kept texts that expire at `now` (RFC 3339) or before; gives their number.
  virtual Result<std::int64_t> forget_expired(std::string_view /*now*/) { return 0; }
};

/// InvalidArgument unless `day` is of the form 2026-11-22. Pure.
[[nodiscard]] Result<void> check_day(std::string_view day);

}  // namespace suffice::audit
