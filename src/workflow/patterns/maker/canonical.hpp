#pragma once
// When two answers are the same answer: canonical texts, by the form that a task names.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.hpp"

namespace suffice::workflow::maker {

/// How votes are compared. Named in workflow files: never rename.
enum class CanonicalForm : std::uint8_t {
  Exact,    ///< byte for byte
  Trimmed,  ///< but for white space around it
  Number,   ///< by value, in exact decimal: 16 = 16.0 = 1.6e1 = "16"
  Json,     ///< by value: order of keys, white space and the form of numbers do not matter
  Label,    ///< but for white space around it, case and compatibility forms (core/text.hpp fold_case)
};

/// "exact", "trimmed", "number", "json", "label".
[[nodiscard]] std::string_view name(CanonicalForm form) noexcept;
[[nodiscard]] std::optional<CanonicalForm> canonical_form_from_name(std::string_view name) noexcept;

/// The text that all answers of the same meaning share. MalformedJson or InvalidArgument, without the text, when it is not of the form.
/// Pure; any thread.
[[nodiscard]] Result<std::string> canonical(CanonicalForm form, std::string_view text);

/// The same of a value inside an answer: a string stands for its content, except that Json keeps 16 and "16" apart. Number and Label
/// refuse what is neither theirs nor a string.
[[nodiscard]] Result<std::string> canonical(CanonicalForm form, const boost::json::value& value);

}  // namespace suffice::workflow::maker
