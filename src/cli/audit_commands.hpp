#pragma once
// Subcommands of `suffice audit` that have a file of their own.

#include <string>

#include "cli/command.hpp"
#include "core/result.hpp"
#include "policy/policy.hpp"

namespace suffice::cli {

/// "env:NAME" or "file:PATH"; empty gives Kind::None. InvalidArgument for anything else, without quoting it: it may be the secret itself.
[[nodiscard]] Result<policy::SecretRef> secret_reference(const std::string& text, const std::string& flag);

/// suffice audit replay: shows the kept texts of a request, and records that it did.
void add_audit_replay(CLI::App& parent, Command& chosen);

}  // namespace suffice::cli
