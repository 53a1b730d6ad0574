// suffice completion: a completion script for bash, made from the commands themselves.

#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"

namespace suffice::cli {
namespace {

std::string words_of(const CLI::App& command) {
  std::string words;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    words += sub->get_name() + " ";
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& long_name : option->get_lnames()) words += "--" + long_name + " ";
  }
  return words;
}

/// One `case` line per command path, deepest first.
void add_cases(const CLI::App& command, const std::string& path, std::string& cases) {
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    add_cases(*sub, path + " " + sub->get_name(), cases);
  }
  cases += fmt::format("    \"{}\"*) words=\"{}\" ;;\n", path, words_of(command));
}

std::string bash_script(const CLI::App& program) {
  std::string cases;
  add_cases(program, "suffice", cases);
  return "# bash completion for suffice: source <(suffice completion)\n"
         "_suffice() {\n"
         "  local words\n"
         "  case \"${COMP_WORDS[*]:0:COMP_CWORD}\" in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _suffice suffice\n";
}

}  // namespace

void add_completion(CLI::App& program, Command& chosen) {
  CLI::App* command =
      program.add_subcommand("completion", "Print a bash completion script: source <(suffice completion)");
  command->callback([&program, &chosen] {
    chosen.run = [&program] {
      fmt::print("{}", bash_script(program));
      return Exit::Ok;
    };
  });
}

}  // namespace suffice::cli
