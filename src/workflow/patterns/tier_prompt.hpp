#pragma once
// What of a conversation one tier is sent, and shorter when it is too long.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"
#include "prompts/reduced_input.hpp"
#include "prompts/render.hpp"
#include "prompts/token_fit.hpp"
#include "workflow/patterns/cascade.hpp"

namespace suffice::workflow {

/// What a tier is sent of one request: the conversation, for a local tier as short as its task says, in the tier's prompt; and again
/// shorter when the embedded model says by how much it is too long. `request` outlives it.
class TierPrompt {
 public:
  TierPrompt(const CascadeTier& tier, const policy::Task& task, const ChatRequest& request);
  TierPrompt(const TierPrompt&) = delete;
  TierPrompt& operator=(const TierPrompt&) = delete;

  /// The messages; what is not sent replaces `notes`, for the record.
  [[nodiscard]] Result<std::vector<Message>> messages(std::vector<CheckResult>& notes);

  /// The input as the tier may know it.
  [[nodiscard]] std::string input() const;

  /// Whether a shorter proposal is worth a try after `error`, if it is known how much too long this one was.
  [[nodiscard]] bool may_shorten(const Error& error) const { return fit_ && error.code == ErrorCode::ContextOverflow; }
  void too_long(std::int64_t tokens) { fit_->too_long(tokens); }

 private:
  const CascadeTier& tier_;
  prompts::RenderBudget budget_;
  Result<prompts::ReducedInput> reduced_;
  std::span<const Message> conversation_;
  std::optional<prompts::TokenFit> fit_;
};

/// Tokens an answer may have: the task's cap, and the prompt's where it is lower; 0: no cap.
[[nodiscard]] std::int64_t output_cap(const policy::Task& task, const prompts::Prompt* prompt);

/// The text of the last message of the user; empty when there is none.
[[nodiscard]] std::string last_user_text(std::span<const Message> messages);

}  // namespace suffice::workflow
