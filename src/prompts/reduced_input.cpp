#include "prompts/reduced_input.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "prompts/log_reducer.hpp"

namespace suffice::prompts {

namespace {

bool is_text(const ContentPart& part) { return part.kind == ContentPart::Kind::Text; }

std::int64_t chars_of(const Message& message) {
  std::int64_t chars = 0;
  for (const ContentPart& part : message.content) {
    if (is_text(part)) chars += static_cast<std::int64_t>(count_code_points(part.text));
  }
  return chars;
}

/// The text where the first one stood, and nothing where the others did.
void set_text(Message& message, std::string text) {
  const auto first = std::ranges::find_if(message.content, is_text);
  first->text = std::move(text);
  message.content.erase(std::remove_if(std::next(first), message.content.end(), is_text), message.content.end());
}

}  // namespace

Result<ReducedInput> reduce_input(policy::InputReduction reduction, std::span<const Message> messages,
                                  std::int64_t chars_max) {
  ReducedInput reduced{.messages = {messages.begin(), messages.end()}, .cut = {}};
  std::int64_t all = 0;
  for (const Message& message : messages) all += chars_of(message);
  if (reduction == policy::InputReduction::None || all <= chars_max) return reduced;
  const auto input = std::ranges::find(reduced.messages | std::views::reverse, Role::User, &Message::role);
  if (input == reduced.messages.rend()) {
    return fail(ErrorCode::InvalidArgument, "no user message; its text is the task's input", "messages");
  }
  const std::int64_t room = chars_max - (all - chars_of(*input));
  if (room < kReducedCharsMin) {
    return fail(ErrorCode::ContextOverflow,
                fmt::format("what stands beside the input leaves {} of {} characters for it",
                            std::max<std::int64_t>(room, 0), chars_max));
  }
  LogReduction log = reduce_build_log(input->text(), static_cast<std::size_t>(room));
  reduced.cut.push_back(
      {.what = log.dropped(), .why = fmt::format("at most {} characters for a local model", chars_max)});
  set_text(*input, std::move(log.text));
  return reduced;
}

}  // namespace suffice::prompts
