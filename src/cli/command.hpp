#pragma once
// What the subcommands share: exit codes, colours on a terminal only, one way to say an error.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace CLI {
class App;
}
namespace spdlog {
class logger;
}

namespace suffice::cli {

/// The program's exit codes. Scripts depend on them: never renumber.
enum class Exit : int { Ok = 0, Internal = 1, Usage = 2, GateNotMet = 3 };

/// Each subcommand adds itself to the program and stores here what is to be run once the command line is understood.
struct Command {
  std::function<Exit()> run;
};

void add_serve(CLI::App& program, Command& chosen);
void add_ask(CLI::App& program, Command& chosen);
void add_check(CLI::App& program, Command& chosen);
void add_eval(CLI::App& program, Command& chosen);
void add_audit(CLI::App& program, Command& chosen);
void add_fit(CLI::App& program, Command& chosen);
void add_keys(CLI::App& program, Command& chosen);
void add_levers(CLI::App& program, Command& chosen);
void add_models(CLI::App& program, Command& chosen);
void add_prompts(CLI::App& program, Command& chosen);
void add_replay(CLI::App& program, Command& chosen);
void add_run(CLI::App& program, Command& chosen);
void add_report(CLI::App& program, Command& chosen);
void add_version(CLI::App& program, Command& chosen);
void add_cluster(CLI::App& program, Command& chosen);
void add_completion(CLI::App& program, Command& chosen);
void add_man(CLI::App& program, Command& chosen);

/// True when `file_descriptor` is a terminal and NO_COLOR (no-color.org) is unset.
[[nodiscard]] bool colours(int file_descriptor);
/// `text` in an ANSI colour ("31" red, "32" green, "33" yellow, "1" bold) when `on`.
[[nodiscard]] std::string paint(std::string_view text, std::string_view ansi, bool on);

/// "suffice: where: message" on standard error, and the exit code that fits: Internal for our own faults, Usage for everything else.
[[nodiscard]] Exit report(const Error& error);

/// The data folder: as given, or the default.
[[nodiscard]] Result<std::filesystem::path> data_folder(const std::string& given);
/// The policy file: as given, or the example; NotFound with the next step when there is none.
[[nodiscard]] Result<std::filesystem::path> policy_file(const std::string& given);

/// Whole file, or standard input for "-".
[[nodiscard]] Result<std::string> read_input(const std::string& file);

/// Logs to standard error, one line an event, time in UTC.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_log(std::string_view level);

}  // namespace suffice::cli
