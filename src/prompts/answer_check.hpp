#pragma once
// Reads an answer as a prompt's parser does, and checks it against a test of the prompt's file.

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

/// The answer in the one form in which answers are compared: the label as the prompt declares it (after trim and case
/// fold; prose around it is no label), canonical JSON that satisfies the prompt's schema, or the trimmed text.
/// InvalidArgument says what is wrong without quoting the answer. Pure; any thread.
[[nodiscard]] Result<std::string> read_answer(const Prompt& prompt, std::string_view answer);

/// What `answer` does not have of what `test` expects, for people; nothing when it is right. Pure; any thread.
[[nodiscard]] std::optional<std::string> unmet_expectation(const Prompt& prompt, const PromptTest& test,
                                                           std::string_view answer);

}  // namespace suffice::prompts
