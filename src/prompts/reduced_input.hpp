#pragma once
// What a local model is given of an input that is longer than its task allows: the task's `reduce` (policy.hpp).

#include <cstdint>
#include <span>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "policy/policy.hpp"
#include "prompts/render.hpp"

namespace suffice::prompts {

/// A conversation with a shorter last user text, and what that leaves out.
struct ReducedInput {
  std::vector<Message> messages;
  std::vector<Cut> cut;  ///< empty when nothing had to be left out
};

/// `messages` in at most `chars_max` characters of text, by shortening the last user message's text as `reduction` says; parts that
/// are not text stay. What fits is returned as it is.
///
/// ContextOverflow, which the record calls input_too_large, when the other messages leave less than kReducedCharsMin characters;
/// InvalidArgument without a user message. Pure; any thread. O(text).
[[nodiscard]] Result<ReducedInput> reduce_input(policy::InputReduction reduction, std::span<const Message> messages,
                                                std::int64_t chars_max);

/// Less of a log than this says too little: neither its error nor its end stands in it.
inline constexpr std::int64_t kReducedCharsMin = 256;

}  // namespace suffice::prompts
