#include "prompts/lint.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "policy/read_file.hpp"
#include "policy/yaml_document.hpp"
#include "prompts/token_budget.hpp"
#include "wire/json.hpp"

namespace suffice::prompts {

namespace json = boost::json;
using policy::child;

namespace {

constexpr std::size_t kExamplesMax = 3;
constexpr std::int64_t kSmallContext = 4096;
constexpr std::size_t kFileBytesMax = 256U << 10;

/// What two texts share when they have the same format: the keys of an object in their order, else the kind of text.
std::string shape_of(std::string_view text) {
  const Result<json::value> value = wire::parse_json(trim(text));
  if (value && value->is_object()) {
    std::string keys = "object";
    for (const auto& member : value->get_object()) keys += fmt::format(" {}", std::string_view(member.key()));
    return keys;
  }
  if (value && value->is_array()) return "list";
  return trim(text).starts_with("- ") ? "bullets" : "text";
}

/// An e-mail address or a long number: what a placeholder should stand for.
bool looks_real(std::string_view text) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  constexpr std::size_t digits_of_an_account = 9;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    digits = std::isdigit(static_cast<unsigned char>(text[i])) != 0 ? digits + 1 : 0;
    if (digits >= digits_of_an_account) return true;
    if (text[i] != '@' || i == 0 || !letter(text[i - 1])) continue;
    std::size_t end = i + 1;
    while (end < text.size() && (letter(text[end]) || text[end] == '-')) ++end;
    if (end > i + 1 && end + 1 < text.size() && text[end] == '.' && letter(text[end + 1])) return true;
  }
  return false;
}

class Linter {
 public:
  explicit Linter(const Prompt& prompt) : prompt_(prompt) {}

  std::vector<LintFinding> run() {
    if (!prompt_.specialist) {
      places_of_instructions();
      examples();
      categories();
      size();
    }
    if (prompt_.tests.empty()) say("no_tests", "", "no tests: write at least one input with what its answer must be");
    return std::move(findings_);
  }

 private:
  void say(std::string rule, std::string at, std::string message) {
    findings_.push_back({.rule = std::move(rule), .at = std::move(at), .message = std::move(message)});
  }

  [[nodiscard]] bool decides() const { return prompt_.parser != Parser::Text; }

  void places_of_instructions() {
    if (prompt_.reminder.empty()) {
      say("no_reminder", "/input",
          "instructions stand only before the input and are forgotten behind a long one: add a reminder");
    }
    if (prompt_.parser == Parser::Json && prompt_.schema.empty()) {
      say("no_schema", "/parser", "parser is json and no schema is shown: add one; it is sent before the task");
    }
    for (const auto& [at, text] :
         {std::pair("/reminder", &prompt_.reminder), std::pair("/input/wrap", &prompt_.wrap)}) {
      const bool holds_schema =
          text->find("\"type\"") != std::string::npos || text->find("\"properties\"") != std::string::npos;
      if (holds_schema) say("schema_after_task", at, "a schema behind the task is read too late: move it to schema");
    }
    if (!prompt_.max_output_tokens) {
      say("no_output_cap", "", "no max_output_tokens: a small model that does not stop fills its context");
    }
  }

  void examples() {
    const auto& examples = prompt_.examples;
    if (decides() && examples.empty()) say("no_example", "", "no example: show one to three of identical shape");
    if (examples.size() > kExamplesMax) {
      say("many_examples", child("/examples", kExamplesMax),
          fmt::format("{} examples: more than {} crowd out the input", examples.size(), kExamplesMax));
    }
    const bool shows_wrong = !prompt_.contrasts.empty() ||
                             std::ranges::any_of(examples, [](const Example& one) { return !one.wrong.empty(); });
    if (decides() && !examples.empty() && !shows_wrong) {
      say("no_wrong_answer", "/examples", "no wrong answer beside a right one: add wrong, or contrasts");
    }
    for (std::size_t i = 1; i < examples.size(); ++i) {
      if (shape_of(examples[i].output) != shape_of(examples[0].output)) {
        say("example_shape", child(child("/examples", i), "output"),
            "examples of different shape: give all the same keys in the same order");
      } else if (shape_of(examples[i].input) != shape_of(examples[0].input)) {
        say("example_shape", child(child("/examples", i), "input"), "the first example's input has another format");
      }
    }
    for (std::size_t i = 0; i < examples.size(); ++i) {
      if (looks_real(examples[i].input) || looks_real(examples[i].output)) {
        say("real_value", child("/examples", i),
            "looks like a real value, which small models copy: write a placeholder such as <CUSTOMER_EMAIL>");
      }
    }
  }

  void categories() {
    if (!prompt_.categories.empty() && prompt_.tie_break.empty()) {
      say("no_tie_break", "/categories", "no tie-break: say which label wins when two fit");
    }
  }

  /// The parts that every call repeats, against their share of a small context. Labels are counted apart: a list of 150 is
  /// long because the task is.
  void size() {
    const PartBudget budget = PartBudget::for_context(kSmallContext);
    std::int64_t few_shot = 0;
    for (const Example& example : prompt_.examples)
      few_shot += estimate_tokens(example.input) + estimate_tokens(example.output);
    too_long("/system", "the system text", estimate_tokens(prompt_.system), budget.system);
    too_long("/schema", "the schema", estimate_tokens(prompt_.schema.text), 2 * budget.schema);
    too_long("/examples", "the examples", few_shot, budget.few_shot);
  }

  void too_long(std::string at, std::string_view what, std::int64_t tokens, std::int64_t tokens_max) {
    if (tokens <= tokens_max) return;
    say("long_part", std::move(at),
        fmt::format("{} takes about {} tokens; of a context of {} at most {} leave room for the input", what, tokens,
                    kSmallContext, tokens_max));
  }

  const Prompt& prompt_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> lint(const Prompt& prompt) { return Linter(prompt).run(); }

std::vector<policy::Problem> lint_with_places(const Prompt& prompt) {
  std::vector<policy::Problem> ignored;
  const Result<std::string> yaml = policy::read_file(prompt.file, kFileBytesMax);
  const policy::YamlDocument document =
      policy::YamlDocument::parse(yaml ? *yaml : std::string(), prompt.file.string(), ignored);
  std::vector<policy::Problem> problems;
  for (const LintFinding& finding : lint(prompt)) {
    problems.push_back(document.at_key(finding.at, fmt::format("{} [{}]", finding.message, finding.rule)));
  }
  return problems;
}

}  // namespace suffice::prompts
