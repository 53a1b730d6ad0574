#pragma once
// The schema of the SQLite record, as the steps that build it.

#include <array>
#include <cstdint>
#include <string_view>

namespace suffice::audit {

/// SQLite's application_id of a record: "SUFF". Stored, never changed.
inline constexpr std::int64_t kApplicationId = 0x53554646;

/// Step N brings user_version from N to N + 1. Stored: never edit a released step, add one.
inline constexpr std::array<std::string_view, 1> kMigrations = {R"sql(
CREATE TABLE event (
  sequence      INTEGER PRIMARY KEY,   -- from 1, without gaps
  id            TEXT NOT NULL,
  time          TEXT NOT NULL,         -- RFC 3339, UTC, milliseconds: sorts as text
  kind          TEXT NOT NULL,
  task          TEXT NOT NULL,
  route         TEXT NOT NULL,
  reason        TEXT NOT NULL,         -- primary
  request_id    TEXT NOT NULL,
  json          TEXT NOT NULL,         -- canonical; what the hash covers
  previous_hash TEXT NOT NULL,
  hash          TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_id ON event (id);
CREATE INDEX event_request_id ON event (request_id);
CREATE INDEX event_task ON event (task);      -- an index ends in the row's sequence: these serve "the newest of a task"
CREATE INDEX event_time ON event (time);
CREATE INDEX event_reason ON event (reason) WHERE reason <> '';
CREATE INDEX event_state_change ON event (kind) WHERE kind <> 'request';
)sql"};

}  // namespace suffice::audit
