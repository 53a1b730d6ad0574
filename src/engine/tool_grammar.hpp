#pragma once
// What an answer with tools may look like: calls of the given tools with arguments by their schemas, or what the call asks for
// otherwise.

#include <string>

#include "core/result.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// GBNF (start symbol "root") for an answer under `constraint`, whose `tools` are not empty. A call is written as
/// wire/tool_text.hpp says, with one of the tools' names and an object that satisfies that tool's parameters. `answer` is the grammar
/// of an answer without calls; empty: any text, which calls may follow.
///
/// InvalidArgument for a name that two tools have, too many tools, and what is wrong with a schema; UnsupportedField for what
/// grammar_from_schema refuses. `where` leads to the place: "/tools/1/parameters/...".
[[nodiscard]] Result<std::string> grammar_with_tools(const wire::EngineConstraint& constraint,
                                                     const std::string& answer);

inline constexpr std::size_t kToolsMax = 128;  ///< as OpenAI's API allows
/// Calls in one answer. A model that repeats itself must come to an end.
inline constexpr int kCallsMax = 16;

/// `gbnf` with `prefix` before the name of every rule, so that two grammars can stand in one.
[[nodiscard]] std::string with_rule_prefix(std::string_view gbnf, std::string_view prefix);

}  // namespace suffice::engine
