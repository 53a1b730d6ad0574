// suffice prompts: prompt files as software - listed, shown, linted, locked, tested, compared.

#include <cstdio>
#include <fstream>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/prompts_support.hpp"
#include "prompts/lint.hpp"
#include "prompts/prompt_lock.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using prompts::Prompt;

std::string_view parser_name(const Prompt& prompt) {
  if (prompt.parser == prompts::Parser::Label) return "label";
  return prompt.parser == prompts::Parser::Json ? "json" : "text";
}

Exit list(const PromptFlags& flags) {
  const Result<prompts::PromptLibrary> library = load_library(flags);
  if (!library) return report(library.error());
  json::array array;
  if (!flags.json) fmt::print("{:<26} {:<11} {:<6} {:>6}  {}\n", "PROMPT", "FOR", "ANSWER", "TESTS", "WHAT");
  for (const std::string& reference : library->references()) {
    const auto prompt = library->find(reference);
    const std::string_view model = prompt->specialist ? "specialist" : "any model";
    if (flags.json) {
      array.push_back(json::object{{"prompt", reference},
                                   {"file", prompt->file.string()},
                                   {"digest", prompt->digest},
                                   {"specialist", prompt->specialist},
                                   {"parser", parser_name(*prompt)},
                                   {"tests", prompt->tests.size()},
                                   {"description", prompt->description}});
    } else {
      fmt::print("{:<26} {:<11} {:<6} {:>6}  {}\n", reference, model, parser_name(*prompt), prompt->tests.size(),
                 prompt->description.substr(0, prompt->description.find(". ")));
    }
  }
  if (flags.json) fmt::print("{}\n", json::serialize(array));
  return Exit::Ok;
}

struct NamedFlags : PromptFlags {
  std::vector<std::string> names;
};

Exit lint(const NamedFlags& flags) {
  const Result<prompts::PromptLibrary> library = load_library(flags);
  if (!library) return report(library.error());
  const auto chosen = choose_prompts(*library, flags.names);
  if (!chosen) return report(chosen.error());
  std::vector<policy::Problem> problems;
  for (const auto& prompt : *chosen) {
    std::vector<policy::Problem> found = prompts::lint_with_places(*prompt);
    problems.insert(problems.end(), found.begin(), found.end());
  }
  const bool colour = colours(STDOUT_FILENO);
  json::array array;
  for (const policy::Problem& problem : problems) {
    array.push_back(json::object{{"file", problem.file},
                                 {"line", problem.line},
                                 {"column", problem.column},
                                 {"path", problem.path},
                                 {"message", problem.message}});
    if (!flags.json) fmt::print("{} {}\n", paint("warning", "33", colour), problem.to_string());
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(array));
  } else if (problems.empty()) {
    fmt::print("{} {} prompts: nothing to say\n", paint("ok", "32", colour), chosen->size());
  }
  return problems.empty() ? Exit::Ok : Exit::GateNotMet;
}

Result<int> lock_folder(const std::filesystem::path& folder) {
  SUFFICE_TRY(const prompts::PromptLibrary library, prompts::PromptLibrary::load({folder}));
  std::vector<policy::Problem> problems;
  prompts::PromptLock lock = prompts::PromptLock::load(folder, problems);
  int added = 0;
  for (const std::string& reference : library.references()) {
    if (lock.holds(reference)) continue;
    lock.add(*library.find(reference));
    ++added;
    fmt::print("locked {}\n", reference);
  }
  if (added > 0) SUFFICE_TRY_VOID(lock.save());
  return added;
}

Exit lock(const PromptFlags& flags) {
  const Result<std::vector<std::filesystem::path>> folders = folders_of(flags);
  if (!folders) return report(folders.error());
  for (const std::filesystem::path& folder : *folders) {
    const Result<int> added = lock_folder(folder);
    if (!added) return report(added.error());
    if (*added == 0) fmt::print("{}: every version is locked already\n", (folder / "prompts.lock").string());
  }
  return Exit::Ok;
}

}  // namespace

void add_prompts_list(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<PromptFlags>();
  CLI::App* command =
      prompts.add_subcommand("list", "Every prompt version: for whom, what it answers, how many tests.");
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return list(*flags); }; });
}

void add_prompts_lint(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<NamedFlags>();
  CLI::App* command = prompts.add_subcommand(
      "lint",
      "Warn of what hurts small models, with file and line: instructions only before a long input, examples of\n"
      "different format, more than three examples, no wrong answer, no tie-break, a schema after the task, real-looking\n"
      "values, no tests. A file that is broken, or a shipped version that has changed, is an error.\n\n"
      "Exit 0: nothing to say. 2: broken files. 3: warnings.\n"
      "  suffice prompts lint                         all prompts of the policy\n"
      "  suffice prompts lint customer_intent         its latest version\n"
      "  suffice prompts lint --prompts my-prompts    a folder of NAME/VERSION.yaml");
  command->add_option("PROMPT", flags->names, "name@version, or name for its latest; all without");
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return lint(*flags); }; });
}

void add_prompts_lock(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<PromptFlags>();
  CLI::App* command = prompts.add_subcommand(
      "lock",
      "Write the digest of each new version into prompts.lock, so that it can never change unseen: audit events name\n"
      "the version, and a name must always mean the same text. Comments, descriptions and tests may still change.\n\n"
      "  suffice prompts lock --prompts my-prompts");
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return lock(*flags); }; });
}

void add_prompts(CLI::App& program, Command& chosen) {
  CLI::App* prompts = program.add_subcommand(
      "prompts",
      "Prompts are versioned files NAME/VERSION.yaml with their tests inside; see docs/prompts.md.\n\n"
      "  suffice prompts list                                 what there is\n"
      "  suffice prompts show customer_intent                 what is sent, with tokens per part\n"
      "  suffice prompts lint                                 what hurts small models\n"
      "  suffice prompts test                                 the tests inside the files, on the scripted model\n"
      "  suffice prompts test --model suffice-mini            the same on a real one\n"
      "  suffice prompts diff customer_intent@1 customer_intent@2 --suite cases.jsonl --model phi4-mini");
  prompts->require_subcommand(1);
  add_prompts_list(*prompts, chosen);
  add_prompts_show(*prompts, chosen);
  add_prompts_lint(*prompts, chosen);
  add_prompts_lock(*prompts, chosen);
  add_prompts_test(*prompts, chosen);
  add_prompts_diff(*prompts, chosen);
  add_prompts_reduce(*prompts, chosen);
  add_prompts_spans(*prompts, chosen);
}

}  // namespace suffice::cli
