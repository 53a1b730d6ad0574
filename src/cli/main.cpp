// suffice: the program. One file per subcommand; this one only chooses.

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/operate_commands.hpp"

namespace {

constexpr const char* kAbout =
    "Suffice answers each request with the cheapest model that is proved sufficient for it.\n"
    "\n"
    "First steps:\n"
    "  suffice serve                                  start the gateway on 127.0.0.1:8080\n"
    "  suffice ask --task classify_issue --input log  ask once and see which model answered, and why\n"
    "  suffice check my-policy.yaml                   find every problem of a policy\n"
    "  suffice audit tail                             what was decided lately\n";

constexpr const char* kExitCodes = "Exit codes: 0 ok, 1 internal fault, 2 usage or data error, 3 gate not met.";

}  // namespace

int main(int argc, char** argv) {
  using suffice::cli::Exit;
  try {
    CLI::App program{kAbout, "suffice"};
    program.footer(kExitCodes);
    program.require_subcommand(1);
    suffice::cli::Command chosen;
    suffice::cli::add_serve(program, chosen);
    suffice::cli::add_ask(program, chosen);
    suffice::cli::add_check(program, chosen);
    suffice::cli::add_eval(program, chosen);
    suffice::cli::add_audit(program, chosen);
    suffice::cli::add_fit(program, chosen);
    suffice::cli::add_keys(program, chosen);
    suffice::cli::add_levers(program, chosen);
    suffice::cli::add_models(program, chosen);
    suffice::cli::add_policy(program, chosen);
    suffice::cli::add_prompts(program, chosen);
    suffice::cli::add_replay(program, chosen);
    suffice::cli::add_run(program, chosen);
    suffice::cli::add_report(program, chosen);
    suffice::cli::add_review(program, chosen);
    suffice::cli::add_cluster(program, chosen);
    suffice::cli::add_completion(program, chosen);
    suffice::cli::add_man(program, chosen);
    suffice::cli::add_version(program, chosen);
    try {
      program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // --help and --version are "errors" with exit code 0.
      return program.exit(error) == 0 ? static_cast<int>(Exit::Ok) : static_cast<int>(Exit::Usage);
    }
    return static_cast<int>(chosen.run());
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "suffice: internal fault: %s\n", fault.what());
    return static_cast<int>(Exit::Internal);
  }
}
