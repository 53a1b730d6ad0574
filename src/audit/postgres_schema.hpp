#pragma once
// The schema of the PostgreSQL record, as the steps that build it. All of it lies in the schema `suffice` of its database.

#include <array>
#include <string_view>

namespace suffice::audit {

/// Step N brings `record.version` from N to N + 1. Stored: never edit a released step, add one.
/// Texts that are compared sort by their bytes (COLLATE "C"), as in SQLite. `json` is text, not jsonb: its bytes are what was hashed.
inline constexpr std::array<std::string_view, 2> kPostgresMigrations = {R"sql(
CREATE TABLE event (
  day              date NOT NULL,               -- of the partition; never falls along the chain
  sequence         bigint NOT NULL,             -- from 1, without gaps
  id               text COLLATE "C" NOT NULL,
  time             text COLLATE "C" NOT NULL,   -- RFC 3339, UTC, milliseconds: sorts as text
  kind             text COLLATE "C" NOT NULL,
  task             text COLLATE "C" NOT NULL,
  route            text COLLATE "C" NOT NULL,
  reason           text COLLATE "C" NOT NULL,   -- primary
  request_id       text COLLATE "C" NOT NULL,
  json             text COLLATE "C" NOT NULL,   -- canonical; what the hash covers
  previous_hash    text COLLATE "C" NOT NULL,
  hash             text COLLATE "C" NOT NULL,
  caller_key       text COLLATE "C" NOT NULL,   -- from the JSON, for spending since a time
  cost_nanodollars bigint NOT NULL,
  PRIMARY KEY (sequence, day)
) PARTITION BY RANGE (day);
CREATE UNIQUE INDEX event_id ON event (id, day);
CREATE INDEX event_request_id ON event (request_id);
CREATE INDEX event_task ON event (task, sequence);
CREATE INDEX event_time ON event (time);
CREATE INDEX event_reason ON event (reason, sequence) WHERE reason <> '';
CREATE INDEX event_state_change ON event (kind, sequence) WHERE kind <> 'request';

CREATE TABLE chain (                            -- one row; whoever appends holds its lock
  one              boolean PRIMARY KEY DEFAULT true CHECK (one),
  sequence         bigint NOT NULL,             -- of the last event
  hash             text NOT NULL,
  day              date NOT NULL,
  pruned_sequence  bigint NOT NULL,             -- of the last event that was pruned; 0: none was
  pruned_hash      text NOT NULL
);
INSERT INTO chain VALUES (true, 0, repeat('0', 64), '0001-01-01', 0, repeat('0', 64));

CREATE FUNCTION add_counts(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY place) FROM unnest(a, b) WITH ORDINALITY AS t(x, y, place)
$$;
CREATE TABLE rollup (
  hour   text COLLATE "C" NOT NULL,
  task   text COLLATE "C" NOT NULL,
  route  text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  model  text COLLATE "C" NOT NULL,
  requests bigint NOT NULL, succeeded bigint NOT NULL, stand_in bigint NOT NULL,
  cost_nanodollars bigint NOT NULL, local_cost_nanodollars bigint NOT NULL,
  counterfactual_nanodollars bigint NOT NULL, counterfactual_known bigint NOT NULL,
  cost_where_counterfactual_nanodollars bigint NOT NULL,
  local_attempts bigint NOT NULL, local_accepted bigint NOT NULL,
  hosted_attempts bigint NOT NULL, hosted_latency_us bigint NOT NULL,
  input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, hosted_tokens bigint NOT NULL,
  latency_us bigint NOT NULL, overhead_us bigint NOT NULL,
  latency bigint[] NOT NULL,                    -- buckets of LatencyHistogram, without the zeros at the end
  PRIMARY KEY (hour, task, route, reason, model)
);
)sql",
                                                                        R"sql(
CREATE TABLE vault (
  id      text COLLATE "C" PRIMARY KEY,         -- of the event
  expires text COLLATE "C" NOT NULL,            -- RFC 3339, UTC, milliseconds
  sealed  text COLLATE "C" NOT NULL             -- hex (audit/vault.hpp)
);
CREATE INDEX vault_expires ON vault (expires);
)sql"};

}  // namespace suffice::audit
