#pragma once
// What the embedded engine says of a prompt that does not fit.

#include <cstdint>
#include <optional>

#include "core/error.hpp"

namespace suffice::providers {

/// Tokens of the prompt, marks of messages included, by the model's own tokenizer: from the embedded engine's ContextOverflow
/// ("... (1200 of them prompt) ..."), which it answers before it computes anything. Nothing for other errors.
[[nodiscard]] std::optional<std::int64_t> prompt_tokens_of(const Error& error);

}  // namespace suffice::providers
