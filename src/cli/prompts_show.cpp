// suffice prompts show: what is sent to the model, and how many tokens each part takes.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/prompts_support.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using prompts::PartBudget;
using prompts::PartTokens;

struct ShowFlags : PromptFlags {
  std::string prompt;
  std::string input;
  std::string text;
  std::string model;
  std::int64_t context = 4096;
};

Result<std::string> input_of(const ShowFlags& flags) {
  if (!flags.text.empty()) return flags.text;
  if (!flags.input.empty()) return read_input(flags.input);
  return std::string("<INPUT>");
}

struct Row {
  const char* part;
  std::int64_t tokens;
  std::int64_t tokens_max;  ///< 0: no budget of its own
};

std::vector<Row> rows_of(const PartTokens& parts, std::int64_t output, std::int64_t context) {
  const PartBudget budget = PartBudget::for_context(context);
  return {{"system", parts.system, budget.system},       {"schema", parts.schema, budget.schema},
          {"caller's context", parts.caller, 0},         {"few-shot", parts.few_shot, budget.few_shot},
          {"input", parts.input, budget.input},          {"turn marks", parts.framing, 0},
          {"answer (headroom)", output, budget.headroom}};
}

/// The parts so that their sum is what the model counted.
PartTokens in_proportion(const PartTokens& parts, std::int64_t total) {
  const std::int64_t sum = std::max<std::int64_t>(1, parts.total());
  const auto scaled = [&](std::int64_t part) { return part * total / sum; };
  PartTokens counted{.system = scaled(parts.system),
                     .schema = scaled(parts.schema),
                     .caller = scaled(parts.caller),
                     .few_shot = scaled(parts.few_shot),
                     .input = 0,
                     .framing = scaled(parts.framing)};
  counted.input = total - counted.total();
  return counted;
}

void print_text(const prompts::Rendered& rendered, const std::vector<Row>& rows, std::int64_t context, bool exact) {
  const bool colour = colours(STDOUT_FILENO);
  for (const Message& message : rendered.messages) {
    fmt::print("{}\n{}\n\n", paint(fmt::format("--- {}", name(message.role)), "1", colour), message.text());
  }
  fmt::print("{}\n",
             paint(fmt::format("--- tokens of {} ({})", context,
                               exact ? "counted by the model, parts in proportion" : "estimated: 3 bytes a token"),
                   "1", colour));
  std::int64_t total = 0;
  for (const Row& row : rows) {
    total += row.tokens;
    const bool over = row.tokens_max > 0 && row.tokens > row.tokens_max;
    const std::string limit = row.tokens_max > 0 ? fmt::format("of {}", row.tokens_max) : "";
    fmt::print("{:<20} {:>6} {:<9}{}\n", row.part, row.tokens, limit,
               over ? paint(" over its share", "33", colour) : "");
  }
  fmt::print("{:<20} {:>6} of {}\n", "all", total, context);
  for (const prompts::Cut& cut : rendered.cut) fmt::print("cut: {}: {}\n", cut.what, cut.why);
}

json::object to_json(const prompts::Prompt& prompt, const prompts::Rendered& rendered, const std::vector<Row>& rows,
                     std::int64_t context, bool exact) {
  json::array messages;
  for (const Message& message : rendered.messages)
    messages.push_back(json::object{{"role", name(message.role)}, {"content", message.text()}});
  json::object tokens;
  for (const Row& row : rows) tokens[row.part] = json::object{{"tokens", row.tokens}, {"budget", row.tokens_max}};
  json::array cuts;
  for (const prompts::Cut& cut : rendered.cut) cuts.push_back(json::object{{"what", cut.what}, {"why", cut.why}});
  return {{"prompt", prompt.reference()}, {"digest", prompt.digest}, {"messages", std::move(messages)},
          {"context", context},           {"exact", exact},          {"tokens", std::move(tokens)},
          {"cut", std::move(cuts)}};
}

Exit show(const ShowFlags& flags) {
  const Result<prompts::PromptLibrary> library = load_library(flags);
  if (!library) return report(library.error());
  const auto chosen = choose_prompts(*library, {flags.prompt});
  if (!chosen) return report(chosen.error());
  const Result<std::string> input = input_of(flags);
  if (!input) return report(input.error());
  const prompts::Prompt& prompt = *chosen->front();

  prompts::RenderBudget budget;
  budget.context_tokens = flags.context;
  budget.output_tokens = prompt.max_output_tokens.value_or(budget.output_tokens);
  std::optional<PromptModel::Answer> asked;
  if (!flags.model.empty()) {
    const auto policy = load_policy_of(flags);
    if (!policy) return report(policy.error());
    Result<std::unique_ptr<PromptModel>> opened = PromptModel::open(*policy, flags.model);
    if (!opened) return report(opened.error());
    budget = (*opened)->budget(prompt);
    Result<PromptModel::Answer> answer = (*opened)->ask(prompt, *input);
    if (!answer) return report(answer.error());
    asked = *std::move(answer);
  }
  const std::vector<Message> said{Message::of(Role::User, *input)};
  const Result<prompts::Rendered> rendered =
      asked ? Result<prompts::Rendered>(asked->sent) : prompts::render(prompt, said, budget);
  if (!rendered) return report(rendered.error());
  const bool exact = asked && asked->completion.usage;
  const PartTokens parts = exact ? in_proportion(rendered->parts, rendered->prompt_tokens) : rendered->parts;
  const std::vector<Row> rows = rows_of(parts, budget.output_tokens, budget.context_tokens);
  if (flags.json) {
    fmt::print("{}\n", json::serialize(to_json(prompt, *rendered, rows, budget.context_tokens, exact)));
  } else {
    print_text(*rendered, rows, budget.context_tokens, exact);
  }
  return Exit::Ok;
}

}  // namespace

void add_prompts_show(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App* command = prompts.add_subcommand(
      "show",
      "What is sent to the model for an input: every message, the tokens of each part beside its share of the context,\n"
      "and what was cut. With --model the model is asked once and its own count is shown; else three bytes count as a token.\n\n"
      "  suffice prompts show customer_intent\n"
      "  suffice prompts show summarize_log@2 --input build.log --context 4096\n"
      "  suffice prompts show classify_issue_mini --input build.log --model suffice-mini");
  command->add_option("PROMPT", flags->prompt, "name@version, or name for its latest")->required();
  command->add_option("TEXT", flags->text, "The input itself");
  command->add_option("--input", flags->input, "File with the input; - is standard input");
  command->add_option("--model", flags->model, "Model of the policy: its context, and its own count");
  command->add_option("--context", flags->context, "Tokens of the model's context")
      ->check(CLI::Range(64, 10'000'000))
      ->capture_default_str();
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return show(*flags); }; });
}

}  // namespace suffice::cli
