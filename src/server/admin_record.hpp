#pragma once
// What the admin listener tells of the record, and the judgements it takes: the texts of its requests and answers. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "audit/event.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::server {

inline constexpr std::int64_t kEventsPageDefault = 50;
inline constexpr std::int64_t kEventsPageMax = 1000;

/// The filter of "task=t&kind=request&route=&reason=&since=&until=&id=&after=SEQUENCE&limit=N&order=asc|desc"; newest first, 50, unless it says
/// otherwise. InvalidArgument names a parameter that is unknown or wrong.
[[nodiscard]] Result<audit::EventFilter> read_event_query(std::string_view query);

/// {"events": [...], "next": the sequence to go on after, or null}.
[[nodiscard]] std::string events_body(const std::vector<audit::StoredEvent>& events, const audit::EventFilter& filter);

/// {"tasks": {TASK: {"runs", "local", "agrees", "differs"}}} of shadow events.
[[nodiscard]] std::string shadow_body(const std::vector<audit::StoredEvent>& events);

/// A judgement: {"event_id", "label": "accept"|"escalate", "label_value"?, "actor", "note"?}. The event lacks its id and time.
[[nodiscard]] Result<audit::Event> read_judgement(std::string_view body, audit::Event::Kind kind);

}  // namespace suffice::server
