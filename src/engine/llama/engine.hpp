#pragma once
// The engine process from its options to its end.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace suffice::engine {

struct EngineOptions {
  int fd = -1;
  std::string model_path;
  int threads = 1;   ///< per context; one is fastest for small models, whose threads wait for each other at every layer
  int contexts = 1;  ///< memories with a thread each; calls of one memory share its steps
  int context_length = 0;  ///< tokens of one call; 0: the model's own, at most 8192
  std::vector<std::pair<std::string, std::string>> adapters{};  ///< name and path of those loaded at the start
  std::uint64_t address_space_mb = 0;
};

/// Enters the sandbox, loads the model, serves calls until the gateway is gone. Returns the exit status.
int run_engine(const EngineOptions& options);

}  // namespace suffice::engine
