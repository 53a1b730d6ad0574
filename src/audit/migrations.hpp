#pragma once
// The schema of the SQLite record, as the steps that build it.

#include <array>
#include <cstdint>
#include <string_view>

namespace suffice::audit {

/// SQLite's application_id of a record: "SUFF". Stored, never changed.
inline constexpr std::int64_t kApplicationId = 0x53554646;

/// Step N brings user_version from N to N + 1. Stored: never edit a released step, add one.
inline constexpr std::array<std::string_view, 3> kMigrations = {R"sql(
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
)sql",
                                                                R"sql(
-- The events move into one table a day, event_YYYYMMDD (sqlite_partitions.cpp), and `event` becomes a view over them.
CREATE TABLE chain (
  only            INTEGER PRIMARY KEY CHECK (only = 1),
  pruned_sequence INTEGER NOT NULL,    -- of the last event that was pruned; 0: none was
  pruned_hash     TEXT NOT NULL,
  rolled_sequence INTEGER NOT NULL     -- of the last event that the table rollup holds
) STRICT;
INSERT INTO chain VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', 0);
CREATE TABLE rollup (
  hour TEXT NOT NULL, task TEXT NOT NULL, route TEXT NOT NULL, reason TEXT NOT NULL, model TEXT NOT NULL,
  requests INTEGER NOT NULL, succeeded INTEGER NOT NULL, stand_in INTEGER NOT NULL,
  cost_nanodollars INTEGER NOT NULL, local_cost_nanodollars INTEGER NOT NULL,
  counterfactual_nanodollars INTEGER NOT NULL, counterfactual_known INTEGER NOT NULL,
  cost_where_counterfactual_nanodollars INTEGER NOT NULL,
  local_attempts INTEGER NOT NULL, local_accepted INTEGER NOT NULL,
  hosted_attempts INTEGER NOT NULL, hosted_latency_us INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, hosted_tokens INTEGER NOT NULL,
  latency_us INTEGER NOT NULL, overhead_us INTEGER NOT NULL,
  latency TEXT NOT NULL,               -- buckets of LatencyHistogram up to the last that holds something: "0,3,1"
  PRIMARY KEY (hour, task, route, reason, model)
) STRICT, WITHOUT ROWID;
)sql",
                                                                R"sql(
CREATE TABLE vault (
  id      TEXT PRIMARY KEY,            -- of the event
  expires TEXT NOT NULL,               -- RFC 3339, UTC, milliseconds
  sealed  TEXT NOT NULL                -- hex (audit/vault.hpp)
) STRICT;
CREATE INDEX vault_expires ON vault (expires);
)sql"};

}  // namespace suffice::audit
