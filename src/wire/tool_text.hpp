#pragma once
// Tools as text, for models whose chat template knows none: the form that Hermes 2 Pro introduced and Qwen 2.5 and many small models
// were trained with. Definitions stand in <tools>, a call is
//
//   <tool_call>
//   {"name": "search", "arguments": {"query": "open issues"}}
//   </tool_call>
//
// one below the other when there are several, and a result comes back in <tool_response>.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"

namespace suffice::wire {

/// The parts of a call, exactly as a held model writes them (engine/tool_grammar.hpp).
inline constexpr std::string_view kToolCallBegin = "<tool_call>\n";
inline constexpr std::string_view kToolCallName = "{\"name\": ";
inline constexpr std::string_view kToolCallArguments = ", \"arguments\": ";
inline constexpr std::string_view kToolCallEnd = "}\n</tool_call>";

/// What the system message says of `tools`: their definitions and how to call one.
[[nodiscard]] std::string tool_definitions_text(std::span<const ToolDefinition> tools, const ToolChoice& choice);
/// An assistant's message of an earlier turn: its text, then its calls.
[[nodiscard]] std::string tool_calls_text(std::string_view text, std::span<const ToolCall> calls);
/// A tool's result, as the user says it.
[[nodiscard]] std::string tool_result_text(std::string_view result);

struct ToolAnswer {
  std::string text;             ///< before the first call, without white space at its end when calls follow
  std::vector<ToolCall> calls;  ///< ids empty; `arguments` is a JSON object as the model wrote it
  /// False: the answer broke off within a call, or something stands where no held model writes. What came before is above.
  bool whole = true;
  bool operator==(const ToolAnswer&) const = default;
};

/// Reads what a model wrote. Pure; any thread; O(answer).
[[nodiscard]] ToolAnswer read_tool_answer(std::string_view answer);

}  // namespace suffice::wire
