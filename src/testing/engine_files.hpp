#pragma once
// Where tests of the engine find its program, its stand-in and a model, and a folder for files made to harm it.

#include <filesystem>
#include <string>
#include <string_view>

namespace suffice::testing {

/// The folder of the sources that this was built from.
[[nodiscard]] std::filesystem::path repository();
/// SUFFICE_TEST_ENGINE, or suffice-engine beside the test.
[[nodiscard]] std::string real_engine();
/// SUFFICE_TEST_MODEL, or the model the repository ships.
[[nodiscard]] std::string real_model();
/// Why a test with the real engine must be skipped; empty when it need not.
[[nodiscard]] std::string what_real_engine_lacks();
/// suffice-engine-stand-in beside the test: an engine that misbehaves on purpose (src/testing/stand_in).
[[nodiscard]] std::string stand_in_engine();

/// A folder of the test's own, gone with it.
class EngineFolder {
 public:
  EngineFolder();
  ~EngineFolder();
  EngineFolder(const EngineFolder&) = delete;
  EngineFolder& operator=(const EngineFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string at(std::string_view name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  [[nodiscard]] std::string file(std::string_view name, std::string_view bytes) const;
  [[nodiscard]] std::string fifo(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace suffice::testing
