#include "prompts/token_fit.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace suffice::prompts {

namespace {

std::int64_t bytes_of(const Rendered& rendered) {
  std::int64_t bytes = 0;
  for (const Message& message : rendered.messages) {
    for (const ContentPart& part : message.content)
      bytes += static_cast<std::int64_t>(part.text.size() + part.raw.text.size());
  }
  return bytes;
}

}  // namespace

TokenFit::TokenFit(const Prompt& prompt, std::span<const Message> messages, RenderBudget budget)
    : prompt_(prompt), messages_(messages), budget_(std::move(budget)) {}

Result<Rendered> TokenFit::render() {
  if (++rounds_ > kRoundsMax) {
    return fail(ErrorCode::ContextOverflow, fmt::format("{} cannot be fitted into the model's context of {} tokens",
                                                        prompt_.reference(), budget_.context_tokens));
  }
  budget_.count = [ratio = tokens_per_byte_](std::string_view text) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(text.size()) * ratio));
  };
  Result<Rendered> rendered = prompts::render(prompt_, messages_, budget_);
  if (rendered) bytes_ = bytes_of(*rendered);
  return rendered;
}

void TokenFit::too_long(std::int64_t tokens) {
  // One per cent on top, because the part that is cut next may have longer tokens than the rest.
  constexpr double margin = 1.01;
  const auto bytes = static_cast<double>(std::max<std::int64_t>(1, bytes_));
  tokens_per_byte_ = std::max(tokens_per_byte_, static_cast<double>(tokens) / bytes) * margin;
}

}  // namespace suffice::prompts
