#pragma once
// W3C trace context: which distributed trace a request belongs to. Source: https://www.w3.org/TR/trace-context/ (level 1).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/random.hpp"

namespace suffice {

struct TraceContext {
  std::string trace_id;  ///< 32 lower-case hex digits, not all 0
  std::string span_id;   ///< 16 lower-case hex digits, not all 0
  bool sampled = false;  ///< whether somebody upstream records this trace
  bool operator==(const TraceContext&) const = default;
};

/// A `traceparent` header; nothing when it breaks section 3.2, which says to go on as if it had not come. Of a version after 00 the parts known
/// here are read.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view header);
/// The header's value, version 00.
[[nodiscard]] std::string to_traceparent(const TraceContext& context);

/// Where a request's own trace begins: new ids, recorded.
[[nodiscard]] TraceContext new_trace(Random& random);
/// A span below `parent` in the same trace, with an id of its own.
[[nodiscard]] TraceContext child_of(const TraceContext& parent, Random& random);

}  // namespace suffice
