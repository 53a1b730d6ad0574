#pragma once
// Settings: what the command line and the environment decide; everything else is policy.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "app/otlp_exporter.hpp"
#include "audit/location.hpp"
#include "core/result.hpp"
#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"
#include "policy/policy_store.hpp"

namespace suffice::app {

struct Settings {
  std::filesystem::path policy;  ///< YAML; prompts lie in `prompts/` beside it
  std::filesystem::path data;    ///< audit.sqlite, levers.json, gateway.json
  policy::SecretRef vault_key;   ///< none: $SUFFICE_VAULT_KEY, and without it no task may keep texts
  audit::RecordLocation record;  ///< audit.sqlite in `data`, or a PostgreSQL database
  std::filesystem::path engine;  ///< the suffice-engine program
  std::filesystem::path store;   ///< the model store's folder; empty: none
  net::ListenAddress listen{.host = "127.0.0.1", .port = 8080};
  net::ListenAddress admin{.host = "127.0.0.1", .port = 8081};
  bool kill_switch = false;             ///< start with frontier_only
  bool unauthenticated_remote = false;  ///< allow a listener that is not on loopback although the policy has no keys
  std::size_t threads = 0;              ///< 0: one per core
  pipeline::OnRecordFailure on_record_failure = pipeline::OnRecordFailure::Refuse;
  std::string version;                      ///< of this program, as traces say it
  std::optional<OtlpSettings> otlp;         ///< where spans and metrics go; nowhere without
  std::chrono::milliseconds drain{10'000};  ///< how long SIGTERM waits for requests in flight
};

/// $XDG_STATE_HOME/suffice or ~/.local/state/suffice (XDG base directory specification 0.8).
[[nodiscard]] Result<std::filesystem::path> default_data_folder(const policy::Environment& environment);
/// examples/policy.yaml, looked for in the working directory, then beside the program and its parents; empty when there is none.
[[nodiscard]] std::filesystem::path default_policy_file();
/// $SUFFICE_ENGINE, else suffice-engine beside the running program.
[[nodiscard]] std::filesystem::path default_engine(const policy::Environment& environment);
/// The running program's own folder.
[[nodiscard]] std::filesystem::path program_folder();

}  // namespace suffice::app
