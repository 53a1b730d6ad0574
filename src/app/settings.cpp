#include "app/settings.hpp"

#include <optional>
#include <system_error>

namespace suffice::app {

namespace fs = std::filesystem;

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::current_path() : program.parent_path();
}

Result<fs::path> default_data_folder(const policy::Environment& environment) {
  if (const std::optional<std::string> state = environment("XDG_STATE_HOME")) return fs::path(*state) / "suffice";
  if (const std::optional<std::string> home = environment("HOME"))
    return fs::path(*home) / ".local" / "state" / "suffice";
  return fail(ErrorCode::ConfigInvalid,
              "neither XDG_STATE_HOME nor HOME is set; say where the record goes with --data DIR", "--data");
}

fs::path default_policy_file() {
  fs::path relative = fs::path("examples") / "policy.yaml";
  if (fs::exists(relative)) return relative;
  // build/release/suffice in a checkout: the example lies two folders up.
  fs::path folder = program_folder();
  for (int up = 0; up < 4 && folder.has_relative_path(); ++up, folder = folder.parent_path()) {
    if (fs::exists(folder / relative)) return folder / relative;
  }
  return {};
}

fs::path default_engine(const policy::Environment& environment) {
  if (const std::optional<std::string> given = environment("SUFFICE_ENGINE")) return *given;
  return program_folder() / "suffice-engine";
}

}  // namespace suffice::app
