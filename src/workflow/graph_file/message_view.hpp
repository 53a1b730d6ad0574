#pragma once
// What the parts of a graph file see of a message: JSON read once, and what counts as its answer.

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.hpp"
#include "workflow/flow.hpp"

namespace suffice::workflow {

/// The value at `pointer` (RFC 6901), or null. A pointer of another form finds nothing.
[[nodiscard]] const boost::json::value* find_at(const boost::json::value& root, std::string_view pointer);

/// A text as it is, anything else as JSON.
[[nodiscard]] std::string text_of(const boost::json::value& value);

/// What a step works on when nobody says what: of a joined message the answers of its parts, of a request its query and documents as one
/// text, of anything else its "answer", else all of it.
[[nodiscard]] boost::json::value answer_of(const FlowMessage& message, const boost::json::value& body);

/// {"answer": value} as the message of the next step.
[[nodiscard]] FlowMessage answer_message(boost::json::value value);

}  // namespace suffice::workflow
