// Makes the messages of a call from a prompt and what the caller sent.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

namespace {

constexpr std::string_view kInput = "{input}";
constexpr std::int64_t kTokensPerMessage = 8;  // role and turn marks of common chat templates (ChatML: 5)

/// What of the caller's messages a prompt uses.
struct CallerInput {
  const Message* input = nullptr;  ///< the last user message
  std::string context;             ///< system and developer texts
  std::size_t ignored = 0;         ///< other messages
};

CallerInput caller_input(std::span<const Message> messages) {
  CallerInput found;
  for (const Message& message : messages) {
    if (message.role == Role::System || message.role == Role::Developer) {
      if (!found.context.empty()) found.context += "\n\n";
      found.context += message.text();
    } else if (message.role == Role::User) {
      found.input = &message;
      ++found.ignored;
    } else {
      ++found.ignored;
    }
  }
  if (found.input != nullptr) --found.ignored;
  return found;
}

bool is_text(const ContentPart& part) { return part.kind == ContentPart::Kind::Text; }

void append_list(std::string& text, std::string_view title, const std::vector<std::string>& entries) {
  if (entries.empty()) return;
  text += fmt::format("\n\n{}:", title);
  for (const std::string& entry : entries) text += fmt::format("\n- {}", trim(entry));
}

void append_categories(std::string& text, const std::vector<Category>& categories) {
  std::vector<std::string> lines;
  for (const Category& category : categories) {
    std::string line = fmt::format("{}: {}", category.label, trim(category.when));
    if (!category.not_when.empty()) line += fmt::format(" Not: {}", trim(category.not_when));
    lines.push_back(std::move(line));
  }
  append_list(text, "Labels", lines);
}

/// A wrong answer to each example that has one, so that the boundary is seen from both sides.
void append_wrong_answers(std::string& text, std::span<const Example> examples) {
  std::vector<std::string> lines;
  for (const Example& example : examples) {
    if (!example.wrong.empty())
      lines.push_back(fmt::format("wrong: {} right: {}", trim(example.wrong), example.output));
  }
  append_list(text, "Answer as on the right, never as on the left", lines);
}

std::string system_text(const Prompt& prompt, std::span<const Example> examples, std::string_view context) {
  std::string text = prompt.system;
  if (!prompt.schema.empty()) text += fmt::format("\n\nJSON Schema of the answer:\n{}", prompt.schema.text);
  append_list(text, "Rules", prompt.rules);
  append_categories(text, prompt.categories);
  append_list(text, "When two labels fit", prompt.tie_break);
  append_wrong_answers(text, examples);
  if (!trim(context).empty()) text += fmt::format("\n\nContext from the caller:\n{}", trim(context));
  return text;
}

std::string wrapped(const Prompt& prompt, std::string_view input) {
  std::string text = prompt.wrap;
  text.replace(text.find(kInput), kInput.size(), input);
  if (!prompt.reminder.empty()) text += fmt::format("\n\n{}", prompt.reminder);
  return text;
}

/// The part of the caller's text that the prompt wants, and what that leaves out.
std::string_view kept(const Prompt& prompt, std::string_view input, std::vector<Cut>& cut) {
  const auto chars = static_cast<std::int64_t>(count_code_points(input));
  if (prompt.keep == Keep::All || chars <= prompt.input_chars_max) return input;
  const bool end = prompt.keep == Keep::End;
  cut.push_back({.what = fmt::format("{} {} of {} characters of the input", end ? "the first" : "the last",
                                     chars - prompt.input_chars_max, chars),
                 .why = fmt::format("{} sends the {} {} characters", prompt.reference(), end ? "last" : "first",
                                    prompt.input_chars_max)});
  const auto count = static_cast<std::size_t>(prompt.input_chars_max);
  return end ? last_code_points(input, count) : first_code_points(input, count);
}

std::int64_t count_tokens(const std::vector<Message>& messages, const RenderBudget& budget) {
  const TokenCounter& count = budget.count ? budget.count : TokenCounter(estimate_tokens);
  std::int64_t tokens = 0;
  for (const Message& message : messages) {
    tokens += kTokensPerMessage;
    for (const ContentPart& part : message.content) tokens += count(is_text(part) ? part.text : part.raw.text);
  }
  return tokens;
}

std::vector<Message> general_messages(const Prompt& prompt, const CallerInput& caller, std::string_view input,
                                      std::size_t examples_used) {
  const std::span<const Example> examples(prompt.examples.data(), examples_used);
  std::vector<Message> messages;
  messages.push_back(Message::of(Role::System, system_text(prompt, examples, caller.context)));
  for (const Example& example : examples) {
    messages.push_back(Message::of(Role::User, wrapped(prompt, trim(example.input))));
    messages.push_back(Message::of(Role::Assistant, example.output));
  }
  Message last = Message::of(Role::User, wrapped(prompt, input));
  for (const ContentPart& part : caller.input->content) {
    if (!is_text(part)) last.content.push_back(part);
  }
  messages.push_back(std::move(last));
  return messages;
}

Result<Rendered> fitted(const Prompt& prompt, Rendered rendered, const RenderBudget& budget) {
  rendered.prompt_tokens = count_tokens(rendered.messages, budget);
  const std::int64_t room = budget.context_tokens - budget.output_tokens;
  if (budget.context_tokens == 0 || rendered.prompt_tokens <= room) return rendered;
  return fail(ErrorCode::ContextOverflow,
              fmt::format("{} needs {} tokens and {} for the answer; the model's context has {}", prompt.reference(),
                          rendered.prompt_tokens, budget.output_tokens, budget.context_tokens));
}

Result<Rendered> render_specialist(const Prompt& prompt, const CallerInput& caller, std::string_view input,
                                   Rendered rendered, const RenderBudget& budget) {
  if (!std::ranges::all_of(caller.input->content, is_text)) {
    return fail(ErrorCode::UnsupportedField, fmt::format("{} takes text only", prompt.reference()), "messages");
  }
  if (!trim(caller.context).empty()) {
    rendered.cut.push_back({.what = "the caller's system text", .why = "a specialist reads its task word only"});
  }
  rendered.messages = {Message::of(Role::System, prompt.system), Message::of(Role::User, wrapped(prompt, input))};
  return fitted(prompt, std::move(rendered), budget);
}

Result<Rendered> render_general(const Prompt& prompt, const CallerInput& caller, std::string_view input,
                                Rendered rendered, const RenderBudget& budget) {
  const std::size_t all = prompt.examples.size();
  const std::size_t least = prompt.cut == CutPolicy::Examples ? 0 : all;
  for (std::size_t used = all;; --used) {
    rendered.messages = general_messages(prompt, caller, input, used);
    Result<Rendered> fits = fitted(prompt, rendered, budget);
    if (!fits && used > least) continue;
    if (fits && used < all) {
      fits->cut.push_back({.what = fmt::format("{} of {} examples", all - used, all),
                           .why = fmt::format("context of {} tokens", budget.context_tokens)});
    }
    return fits;
  }
}

}  // namespace

std::int64_t estimate_tokens(std::string_view text) { return static_cast<std::int64_t>((text.size() + 2) / 3); }

Result<Rendered> render(const Prompt& prompt, std::span<const Message> caller_messages, const RenderBudget& budget) {
  const CallerInput caller = caller_input(caller_messages);
  if (caller.input == nullptr) {
    return fail(ErrorCode::InvalidArgument, "no user message; its text is the task's input", "messages");
  }
  Rendered rendered;
  if (caller.ignored > 0) {
    rendered.cut.push_back({.what = fmt::format("{} earlier messages", caller.ignored),
                            .why = fmt::format("{} reads the last user message", prompt.reference())});
  }
  const std::string text = caller.input->text();
  const std::string_view input = kept(prompt, trim(text), rendered.cut);
  return prompt.specialist ? render_specialist(prompt, caller, input, std::move(rendered), budget)
                           : render_general(prompt, caller, input, std::move(rendered), budget);
}

}  // namespace suffice::prompts
