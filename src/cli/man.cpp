// suffice man: the manual page, made from the commands themselves.

#include <algorithm>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"

namespace suffice::cli {
namespace {

/// Text as roff shows it: hyphens that can be copied, no line that is taken for a macro (groff_char(7), groff_man(7)).
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

/// A description: lines that are indented are examples and stay as they are.
void add_text(std::string_view text, std::string& page) {
  bool example = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const bool indented = line.starts_with("  ");
    if (indented != example) page += indented ? ".PP\n.nf\n" : ".fi\n";
    example = indented;
    page += line.empty() ? std::string(".PP\n") : roff(line) + "\n";
  }
  if (example) page += ".fi\n";
}

void add_options(const CLI::App& command, std::string& page) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name() == "--help") continue;
    const std::string takes = option->get_type_size() > 0 ? " \\fI" + roff(option->get_type_name()) + "\\fR" : "";
    const std::string shown = option->get_positional() ? option->get_name(true) : option->get_name(false, true);
    page += fmt::format(".TP\n\\fB{}\\fR{}\n", roff(shown), takes);
    page += roff(option->get_description());
    if (!option->get_default_str().empty()) page += fmt::format(" (default: {})", roff(option->get_default_str()));
    page += "\n";
  }
}

void add_commands(const CLI::App& parent, const std::string& path, std::string& page) {
  for (const CLI::App* command : parent.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string name = path + " " + command->get_name();
    page += fmt::format(".SS {}\n", roff(name));
    add_text(command->get_description(), page);
    add_options(*command, page);
    add_commands(*command, name, page);
  }
}

std::string manual(const CLI::App& program) {
  std::string page =
      ".TH SUFFICE 1\n.SH NAME\nsuffice \\- small\\-model\\-first inference gateway\n"
      ".SH SYNOPSIS\n\\fBsuffice\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n";
  add_text(program.get_description(), page);
  page += ".SH COMMANDS\n";
  add_commands(program, "suffice", page);
  page += ".SH EXIT STATUS\n" + roff(program.get_footer()) + "\n";
  page +=
      ".SH ENVIRONMENT\n.TP\n\\fBOPENAI_API_KEY\\fR, \\fBANTHROPIC_API_KEY\\fR, \\fBAZURE_OPENAI_API_KEY\\fR\n"
      "Keys of the shipped policy's frontier models; other policies name their own.\n"
      ".TP\n\\fBOTEL_EXPORTER_OTLP_ENDPOINT\\fR\nWhere `suffice serve` sends spans and metrics.\n"
      ".TP\n\\fBXDG_STATE_HOME\\fR\nThe record is in its folder suffice unless \\-\\-data says otherwise.\n"
      ".TP\n\\fBNO_COLOR\\fR\nAny value: no colours.\n";
  return page;
}

}  // namespace

void add_man(CLI::App& program, Command& chosen) {
  CLI::App* command = program.add_subcommand("man",
                                             "Print the manual page: suffice man | man -l -\n\n"
                                             "  suffice man > /usr/local/share/man/man1/suffice.1");
  command->callback([&program, &chosen] {
    chosen.run = [&program] {
      fmt::print("{}", manual(program));
      return Exit::Ok;
    };
  });
}

}  // namespace suffice::cli
