// suffice prompts diff: what two versions send differently, and which answers of a suite that changes.

#include <cstdio>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/prompts_support.hpp"
#include "prompts/answer_check.hpp"
#include "prompts/paired_answers.hpp"
#include "prompts/text_diff.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using prompts::DiffLine;
using prompts::Prompt;

/// Below this a difference is hardly chance (the usual 5 %).
constexpr double kSignificant = 0.05;

struct DiffFlags : PromptFlags {
  std::string before;
  std::string after;
  std::string suite;
  std::string model;
};

/// One text of all messages of a prompt around a placeholder.
std::string whole_text(const Prompt& prompt) {
  const std::vector<Message> said{Message::of(Role::User, "<INPUT>")};
  const Result<prompts::Rendered> rendered = prompts::render(prompt, said, {});
  std::string text;
  if (!rendered) return text;
  for (const Message& message : rendered->messages)
    text += fmt::format("--- {}\n{}\n", name(message.role), message.text());
  return text;
}

/// A case whose answers differ, or whose answer is not right in either.
struct Difference {
  std::string id;
  std::string kind;  ///< "fixed", "broke", "changed"
  std::string before;
  std::string after;
};

struct Comparison {
  prompts::PairedCounts counts;
  std::vector<Difference> differences;
};

std::string shown(const Prompt& prompt, const Result<std::string>& answer) {
  if (!answer) return fmt::format("({})", name(answer.error().code));
  const Result<std::string> read = prompts::read_answer(prompt, *answer);
  return read ? *read : *answer;
}

/// Progress on a terminal only.
void show_progress(std::size_t done, std::size_t all) {
  if (::isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r{} of {} cases{}", done, all, done == all ? "\n" : "");
}

Result<std::string> answer_of(PromptModel& model, const Prompt& prompt, const std::string& input) {
  SUFFICE_TRY(PromptModel::Answer answer, model.ask(prompt, input));
  return std::move(answer.completion.text);
}

Comparison compare(const Prompt& before, const Prompt& after, const std::vector<prompts::SuiteCase>& cases,
                   PromptModel& model) {
  Comparison comparison;
  prompts::PairedCounts& counts = comparison.counts;
  for (const prompts::SuiteCase& one : cases) {
    const Result<std::string> first = answer_of(model, before, one.test.input);
    const Result<std::string> second = answer_of(model, after, one.test.input);
    const bool right_before = first && !prompts::unmet_expectation(before, one.test, *first);
    const bool right_after = second && !prompts::unmet_expectation(after, one.test, *second);
    const std::string was = shown(before, first);
    const std::string is = shown(after, second);
    ++counts.cases;
    if (right_before && right_after) ++counts.both_right;
    if (!right_before && !right_after) ++counts.both_wrong;
    if (!right_before && right_after) ++counts.fixed;
    if (right_before && !right_after) ++counts.broke;
    if (was != is) ++counts.changed;
    if (was != is || right_before != right_after) {
      const char* kind = right_before == right_after ? "changed" : (right_after ? "fixed" : "broke");
      comparison.differences.push_back({.id = one.id, .kind = kind, .before = was, .after = is});
    }
    show_progress(static_cast<std::size_t>(counts.cases), cases.size());
  }
  return comparison;
}

void print_diff(const std::vector<DiffLine>& lines) {
  const bool colour = colours(STDOUT_FILENO);
  for (const DiffLine& line : lines) {
    if (line.kind == DiffLine::Kind::Same) fmt::print("  {}\n", line.text);
    if (line.kind == DiffLine::Kind::Removed) fmt::print("{}\n", paint("- " + line.text, "31", colour));
    if (line.kind == DiffLine::Kind::Added) fmt::print("{}\n", paint("+ " + line.text, "32", colour));
  }
}

void print_comparison(const Comparison& comparison) {
  const bool colour = colours(STDOUT_FILENO);
  for (const Difference& one : comparison.differences) {
    const char* ansi = one.kind == "fixed" ? "32" : (one.kind == "broke" ? "31" : "33");
    fmt::print("{} {}: {} -> {}\n", paint(fmt::format("{:<7}", one.kind), ansi, colour), one.id, one.before, one.after);
  }
  const prompts::PairedCounts& counts = comparison.counts;
  const double p = prompts::mcnemar_exact(counts.fixed, counts.broke);
  fmt::print(
      "{} cases: {} right before, {} right after; {} answers changed, {} fixed, {} broke; exact McNemar p = {:.4g}: {}\n",
      counts.cases, counts.both_right + counts.broke, counts.both_right + counts.fixed, counts.changed, counts.fixed,
      counts.broke, p, p < kSignificant ? "hardly chance" : "this suite cannot tell them apart");
}

json::object to_json(const std::vector<DiffLine>& lines, const Comparison* comparison) {
  json::array diff;
  for (const DiffLine& line : lines) {
    if (line.kind == DiffLine::Kind::Same) continue;
    diff.push_back(
        json::object{{"line", line.text}, {"change", line.kind == DiffLine::Kind::Added ? "added" : "removed"}});
  }
  json::object object{{"diff", std::move(diff)}};
  if (comparison == nullptr) return object;
  const prompts::PairedCounts& counts = comparison->counts;
  json::array cases;
  for (const Difference& one : comparison->differences)
    cases.push_back(json::object{{"id", one.id}, {"kind", one.kind}, {"before", one.before}, {"after", one.after}});
  object["suite"] = json::object{{"cases", counts.cases},
                                 {"both_right", counts.both_right},
                                 {"both_wrong", counts.both_wrong},
                                 {"fixed", counts.fixed},
                                 {"broke", counts.broke},
                                 {"changed", counts.changed},
                                 {"mcnemar_p", prompts::mcnemar_exact(counts.fixed, counts.broke)},
                                 {"differences", std::move(cases)}};
  return object;
}

Result<Comparison> compare_on_suite(const DiffFlags& flags, const Prompt& before, const Prompt& after) {
  SUFFICE_TRY(const std::string text, read_input(flags.suite));
  SUFFICE_TRY(const std::vector<prompts::SuiteCase> cases, prompts::read_suite(text, flags.suite));
  SUFFICE_TRY(const std::shared_ptr<const policy::Policy> policy, load_policy_of(flags));
  SUFFICE_TRY(const std::unique_ptr<PromptModel> model, PromptModel::open(policy, flags.model));
  return compare(before, after, cases, *model);
}

Exit diff(const DiffFlags& flags) {
  const Result<prompts::PromptLibrary> library = load_library(flags);
  if (!library) return report(library.error());
  const auto chosen = choose_prompts(*library, {flags.before, flags.after});
  if (!chosen) return report(chosen.error());
  const Prompt& before = *chosen->at(0);
  const Prompt& after = *chosen->at(1);
  std::optional<Comparison> comparison;
  if (!flags.suite.empty()) {
    Result<Comparison> made = compare_on_suite(flags, before, after);
    if (!made) return report(made.error());
    comparison = *std::move(made);
  }
  const std::vector<DiffLine> lines = prompts::diff_lines(whole_text(before), whole_text(after));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(to_json(lines, comparison ? &*comparison : nullptr)));
    return Exit::Ok;
  }
  print_diff(lines);
  if (comparison) print_comparison(*comparison);
  return Exit::Ok;
}

}  // namespace

void add_prompts_diff(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* command = prompts.add_subcommand(
      "diff",
      "Compare two prompts: the lines that they send differently, and with a suite the answers of a model that changed,\n"
      "were fixed and broke, with the exact McNemar probability that a split like this is chance.\n\n"
      "A suite is JSON Lines: {\"id\": \"1\", \"input\": \"...\", \"expected\": \"BILLING\"}, or \"fields\": {...} of a JSON answer.\n"
      "  suffice prompts diff customer_intent@1 customer_intent@2\n"
      "  suffice prompts diff a@1 a@2 --suite cases.jsonl --model phi4-mini --json");
  command->add_option("BEFORE", flags->before, "name@version, or name for its latest")->required();
  command->add_option("AFTER", flags->after, "name@version, or name for its latest")->required();
  CLI::Option* suite = command->add_option("--suite", flags->suite, "Suite file to run both on");
  CLI::Option* model = command->add_option("--model", flags->model, "Model of the policy to ask");
  suite->needs(model);
  model->needs(suite);
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return diff(*flags); }; });
}

}  // namespace suffice::cli
