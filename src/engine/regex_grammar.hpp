#pragma once
// Regular expressions as grammars: what an answer must look like from its first to its last character.

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::engine {

/// GBNF (start symbol "root") for the language of `expression`, matched against the whole answer. Understood: characters,
/// "." (no line break), [classes] with ranges and negation, \d \w \s (ASCII) and \D \W \S outside classes, \t \n \r \f \v
/// \xHH \uHHHH and escaped punctuation, groups (also (?:...) and named ones), "|", ? * + {n} {n,} {n,m} and their lazy
/// forms, which match the same texts, and "^" at the start and "$" at the end, which mean nothing here.
///
/// UnsupportedField names what it refuses: look-around, back-references, word boundaries, flags, possessive repetition.
/// InvalidArgument for what is no expression, or one that expands to more than kRegexElementsMax elements: repetitions are
/// written out, and a few nested ones are millions. Errors say at which byte.
[[nodiscard]] Result<std::string> grammar_from_regex(std::string_view expression);

inline constexpr std::size_t kRegexBytesMax = 4'096;
inline constexpr std::size_t kRegexElementsMax = 10'000;

}  // namespace suffice::engine
