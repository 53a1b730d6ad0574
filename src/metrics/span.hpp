#pragma once
// A span: one piece of work with its beginning and its end, as a value. Exporters write it down.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.hpp"

namespace suffice::metrics {

/// Names follow OpenTelemetry's semantic conventions for generative AI (v1.37) where there is one, else "suffice.".
using AttributeValue = std::variant<std::string, std::int64_t, double, bool>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

struct Span {
  enum class Kind : std::uint8_t { Internal = 1, Server = 2, Client = 3 };  ///< OTLP's numbers
  std::string trace_id;                                                     ///< 32 hex digits
  std::string span_id;                                                      ///< 16 hex digits
  std::string parent_span_id;                                               ///< empty for the first of its trace
  std::string name;
  Kind kind = Kind::Internal;
  WallTime begin;
  WallTime end;
  Attributes attributes;
  std::string error;  ///< error.type; empty when it ended well
};

}  // namespace suffice::metrics
