#pragma once
// Takes away from the engine process what it does not need: a GGUF is hostile input to a library in C++.

#include <cstdint>
#include <string>
#include <vector>

namespace suffice::engine {

struct SandboxOptions {
  int keep_fd = -1;                    ///< besides standard input, output and error
  std::uint64_t address_space_mb = 0;  ///< 0: no limit
};

/// Restricts this process and returns the names of what is in force: "files_closed", "limits", "address_space",
/// "network_namespace", "no_new_privs", "dies_with_gateway", "seccomp". Best effort: what the system refuses is missing
/// from the list, which the gateway shows. Call once, before any thread is started.
std::vector<std::string> enter_sandbox(const SandboxOptions& options);

}  // namespace suffice::engine
