#include "workflow/patterns/tier_prompt.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace suffice::workflow {
namespace {

prompts::RenderBudget budget_of(const CascadeTier& tier, const policy::Task& task) {
  prompts::RenderBudget budget;
  // The policy may set a smaller window than the model has; an embedded model knows its own.
  budget.context_tokens =
      tier.model.context_window > 0 ? tier.model.context_window : tier.client->capabilities().context_window;
  budget.output_tokens = output_cap(task, tier.prompt.get());
  return budget;
}

void note(std::string_view check, const std::vector<prompts::Cut>& cuts, std::vector<CheckResult>& notes) {
  for (const prompts::Cut& cut : cuts) {
    notes.push_back(CheckResult{.check = std::string(check), .passed = true, .detail = cut.what + ": " + cut.why});
  }
}

}  // namespace

std::int64_t output_cap(const policy::Task& task, const prompts::Prompt* prompt) {
  const std::int64_t of_prompt = prompt != nullptr ? prompt->max_output_tokens.value_or(0) : 0;
  if (of_prompt == 0 || task.max_output_tokens == 0) return std::max(of_prompt, task.max_output_tokens);
  return std::min(of_prompt, task.max_output_tokens);
}

std::string last_user_text(std::span<const Message> messages) {
  const auto last = std::ranges::find(messages | std::views::reverse, Role::User, &Message::role);
  return last == messages.rend() ? std::string() : last->text();
}

TierPrompt::TierPrompt(const CascadeTier& tier, const policy::Task& task, const ChatRequest& request)
    : tier_(tier), budget_(budget_of(tier, task)), conversation_(request.messages) {
  if (!tier.model.local || task.reduce == policy::InputReduction::None) return;
  reduced_ = prompts::reduce_input(task.reduce, request.messages, task.max_input_chars);
  if (reduced_) conversation_ = reduced_->messages;
}

Result<std::vector<Message>> TierPrompt::messages(std::vector<CheckResult>& notes) {
  if (!reduced_) return fail(reduced_.error());
  notes.clear();
  note("input_reduced", reduced_->cut, notes);
  if (tier_.prompt == nullptr) return std::vector<Message>(conversation_.begin(), conversation_.end());
  if (tier_.model.provider == policy::ProviderKind::Embedded && budget_.context_tokens > 0 && !fit_)
    fit_.emplace(*tier_.prompt, conversation_, budget_);
  Result<prompts::Rendered> rendered = fit_ ? fit_->render() : prompts::render(*tier_.prompt, conversation_, budget_);
  if (!rendered) return fail(std::move(rendered).error());
  note("prompt_cut", rendered->cut, notes);
  return std::move(rendered->messages);
}

std::string TierPrompt::input() const { return last_user_text(conversation_); }

}  // namespace suffice::workflow
