#pragma once
// Makes the messages of a call from a prompt and what the caller sent, inside a budget of tokens.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/prompt.hpp"
#include "prompts/token_budget.hpp"

namespace suffice::prompts {

struct RenderBudget {
  std::int64_t context_tokens = 0;  ///< prompt and output together; 0: unknown, so that nothing is checked or cut
  std::int64_t output_tokens = 512;
  TokenCounter count = estimate_tokens;  ///< the model's own tokenizer where it can be asked
};

/// Something that was not sent, for the record; free of user text.
struct Cut {
  std::string what;  ///< "2 of 3 examples"
  std::string why;   ///< "context of 512 tokens"
  bool operator==(const Cut&) const = default;
};

/// Tokens of a rendered prompt, by part and as the budget counts.
struct PartTokens {
  std::int64_t system = 0;  ///< system text, rules, labels, tie-breaks, contrasts
  std::int64_t schema = 0;  ///< the JSON Schema as shown
  std::int64_t caller = 0;  ///< the caller's own system text
  std::int64_t few_shot = 0;
  std::int64_t input = 0;    ///< wrap, text and reminder
  std::int64_t framing = 0;  ///< role and turn marks
  [[nodiscard]] std::int64_t total() const { return system + schema + caller + few_shot + input + framing; }
  bool operator==(const PartTokens&) const = default;
};

struct Rendered {
  std::vector<Message> messages;
  std::vector<Cut> cut;
  PartTokens parts;
  std::int64_t prompt_tokens = 0;  ///< parts.total()
};

/// The messages of one call.
///
/// The last user message is the input. The prompt gives the system message and the example turns; the caller's own
/// system text follows under "Context from the caller". For a specialist only its task word and the text are sent.
///
/// What may be cut, in this order, and only as the prompt allows (Prompt::long_input, Prompt::cut); each cut is listed:
/// the input down to `input_chars_max`; when all is more than the context less the answer's tokens, the input down to
/// its share (PartBudget::input); then examples, the last first; then the input to what is left, at least
/// kInputTokensMin. The system text, the schema, the rules and the reminder are never cut.
///
/// InvalidArgument without a user message; UnsupportedField when a specialist is given anything but text;
/// ContextOverflow, with the numbers, when it does not fit after that (the record's input_too_large). Pure; any thread.
[[nodiscard]] Result<Rendered> render(const Prompt& prompt, std::span<const Message> caller_messages,
                                      const RenderBudget& budget);

/// Below this a part of a text says too little to be worth asking about.
inline constexpr std::int64_t kInputTokensMin = 64;

}  // namespace suffice::prompts
