#pragma once
// The subcommands that read decisions back from the record.

#include "cli/command.hpp"

namespace suffice::cli {

void add_policy(CLI::App& program, Command& chosen);
void add_review(CLI::App& program, Command& chosen);

}  // namespace suffice::cli
