#pragma once
// The JSON object in a model's answer. Shared by the readers of this folder.

#include <string_view>

#include <boost/json.hpp>

#include "core/result.hpp"

namespace suffice::workflow::minions {

/// `answer` without white space and without one Markdown code fence around all of it.
[[nodiscard]] std::string_view unfenced(std::string_view answer);

/// The one JSON value that `answer` is, fenced or not. MalformedJson; text before or behind the value is malformed too, because nobody can
/// say which part of such an answer the model means.
[[nodiscard]] Result<boost::json::value> json_answer(std::string_view answer);

/// Whether `text` says that there is no answer: empty, or "none", "null", "nil", "n/a", "not found" or dashes in any case, width and
/// wrapping of punctuation.
[[nodiscard]] bool says_nothing(std::string_view text);

}  // namespace suffice::workflow::minions
