#include "prompts/render.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "prompts/long_input.hpp"

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

void append_contrasts(std::string& text, const std::vector<Contrast>& contrasts) {
  std::vector<std::string> lines;
  for (const Contrast& contrast : contrasts) {
    const std::string to = contrast.input.empty() ? "" : fmt::format("{} -> ", trim(contrast.input));
    lines.push_back(fmt::format("{}correct: {}; incorrect: {}; why: {}", to, contrast.correct, contrast.incorrect,
                                trim(contrast.why)));
  }
  append_list(text, "Correct and incorrect answers", lines);
}

std::string schema_text(const Prompt& prompt) {
  return prompt.schema.empty() ? "" : fmt::format("\n\nJSON Schema of the answer:\n{}", prompt.schema.text);
}

std::string rules_text(const Prompt& prompt, std::span<const Example> examples) {
  std::string text;
  append_list(text, "Rules", prompt.rules);
  append_categories(text, prompt.categories);
  append_list(text, "When two labels fit", prompt.tie_break);
  append_contrasts(text, prompt.contrasts);
  append_wrong_answers(text, examples);
  return text;
}

std::string context_text(const CallerInput& caller) {
  const std::string_view context = trim(caller.context);
  return context.empty() ? "" : fmt::format("\n\nContext from the caller:\n{}", context);
}

std::string wrapped(const Prompt& prompt, std::string_view input) {
  std::string text = prompt.wrap;
  text.replace(text.find(kInput), kInput.size(), input);
  if (!prompt.reminder.empty()) text += fmt::format("\n\n{}", prompt.reminder);
  return text;
}

/// One prompt for one request; every question of what is sent is asked here.
class Assembly {
 public:
  Assembly(const Prompt& prompt, const CallerInput& caller, const RenderBudget& budget)
      : prompt_(prompt), caller_(caller), budget_(budget), examples_(prompt.examples.size()) {
    if (!budget_.count) budget_.count = estimate_tokens;
    text_ = caller.input->text();
    input_ = std::string(trim(text_));
  }

  Result<Rendered> render() {
    if (prompt_.specialist && !std::ranges::all_of(caller_.input->content, is_text)) {
      return fail(ErrorCode::UnsupportedField, fmt::format("{} takes text only", prompt_.reference()), "messages");
    }
    note_unread();
    if (prompt_.input_chars_max > 0) {
      take(shorten(prompt_, input_, prompt_.input_chars_max,
                   fmt::format("{} sends {} characters", prompt_.reference(), prompt_.input_chars_max)));
    }
    SUFFICE_TRY_VOID(fit());
    Rendered rendered;
    rendered.messages = messages();
    rendered.parts = parts();
    rendered.prompt_tokens = rendered.parts.total();
    rendered.cut = std::move(cut_);
    rendered.cut.insert(rendered.cut.end(), input_cut_.begin(), input_cut_.end());
    return rendered;
  }

 private:
  void note_unread() {
    if (caller_.ignored > 0) {
      cut_.push_back({.what = fmt::format("{} earlier messages", caller_.ignored),
                      .why = fmt::format("{} reads the last user message", prompt_.reference())});
    }
    if (prompt_.specialist && !trim(caller_.context).empty()) {
      cut_.push_back({.what = "the caller's system text", .why = "a specialist reads its task word only"});
    }
  }

  /// The last shortening of the input replaces the one before: it says what is left out of the whole text.
  void take(ShortenedInput shortened) {
    input_ = std::move(shortened.text);
    if (!shortened.cut.empty()) input_cut_ = std::move(shortened.cut);
  }

  [[nodiscard]] std::int64_t room() const { return budget_.context_tokens - budget_.output_tokens; }
  [[nodiscard]] bool fits() const { return budget_.context_tokens == 0 || parts().total() <= room(); }

  Result<void> fit() {
    if (fits()) return {};
    const std::string why = fmt::format("context of {} tokens", budget_.context_tokens);
    shorten_input(PartBudget::for_context(budget_.context_tokens).input, why);
    const std::size_t all = examples_;
    while (!fits() && prompt_.cut == CutPolicy::Examples && examples_ > 0) --examples_;
    if (examples_ < all) cut_.push_back({.what = fmt::format("{} of {} examples", all - examples_, all), .why = why});
    if (!fits()) shorten_input(room() - (parts().total() - budget_.count(input_)), why);
    if (fits()) return {};
    return fail(ErrorCode::ContextOverflow,
                fmt::format("{} needs {} tokens and {} for the answer; the model's context has {}", prompt_.reference(),
                            parts().total(), budget_.output_tokens, budget_.context_tokens));
  }

  void shorten_input(std::int64_t tokens_max, const std::string& why) {
    if (prompt_.long_input == LongInput::Refuse || tokens_max < kInputTokensMin) return;
    if (budget_.count(input_) <= tokens_max) return;
    take(shorten_to_tokens(prompt_, trim(text_), tokens_max, budget_.count, why));
  }

  [[nodiscard]] std::span<const Example> examples() const { return {prompt_.examples.data(), examples_}; }

  [[nodiscard]] std::vector<Message> messages() const {
    if (prompt_.specialist) {
      return {Message::of(Role::System, prompt_.system), Message::of(Role::User, wrapped(prompt_, input_))};
    }
    std::vector<Message> made;
    made.push_back(Message::of(
        Role::System, prompt_.system + schema_text(prompt_) + rules_text(prompt_, examples()) + context_text(caller_)));
    for (const Example& example : examples()) {
      made.push_back(Message::of(Role::User, wrapped(prompt_, trim(example.input))));
      made.push_back(Message::of(Role::Assistant, example.output));
    }
    made.push_back(Message::of(Role::User, wrapped(prompt_, input_)));
    for (const ContentPart& part : caller_.input->content) {
      if (!is_text(part)) made.back().content.push_back(part);
    }
    return made;
  }

  [[nodiscard]] PartTokens parts() const {
    const TokenCounter& count = budget_.count;
    PartTokens tokens;
    tokens.system = count(prompt_.specialist ? prompt_.system : prompt_.system + rules_text(prompt_, examples()));
    tokens.input = count(wrapped(prompt_, input_));
    std::int64_t messages = 2;
    if (!prompt_.specialist) {
      if (!prompt_.schema.empty()) tokens.schema = count(schema_text(prompt_));
      if (const std::string context = context_text(caller_); !context.empty()) tokens.caller = count(context);
      for (const Example& example : examples()) {
        tokens.few_shot += count(wrapped(prompt_, trim(example.input))) + count(example.output);
        messages += 2;
      }
      for (const ContentPart& part : caller_.input->content) {
        if (!is_text(part)) tokens.input += count(part.raw.text);
      }
    }
    tokens.framing = messages * kTokensPerMessage;
    return tokens;
  }

  const Prompt& prompt_;
  const CallerInput& caller_;
  RenderBudget budget_;
  std::string text_;
  std::string input_;  ///< as it is sent
  std::size_t examples_;
  std::vector<Cut> cut_;
  std::vector<Cut> input_cut_;
};

}  // namespace

Result<Rendered> render(const Prompt& prompt, std::span<const Message> caller_messages, const RenderBudget& budget) {
  const CallerInput caller = caller_input(caller_messages);
  if (caller.input == nullptr) {
    return fail(ErrorCode::InvalidArgument, "no user message; its text is the task's input", "messages");
  }
  return Assembly(prompt, caller, budget).render();
}

}  // namespace suffice::prompts
