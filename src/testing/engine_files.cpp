#include "testing/engine_files.hpp"

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace suffice::testing {

namespace fs = std::filesystem;

namespace {

std::string beside_this(std::string_view program) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / program).string();
}

}  // namespace

fs::path repository() { return SUFFICE_SOURCE_DIR; }

std::string real_engine() {
  const char* named = std::getenv("SUFFICE_TEST_ENGINE");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return named != nullptr ? named : beside_this("suffice-engine");
}

std::string real_model() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
  if (const char* named = std::getenv("SUFFICE_TEST_MODEL")) return named;
  const fs::path models = repository() / "models" / "suffice-mini";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(models, error)) {
    if (entry.path().extension() == ".gguf") return entry.path().string();
  }
  return {};
}

std::string what_real_engine_lacks() {
  if (real_model().empty()) return "no models/suffice-mini/*.gguf and no SUFFICE_TEST_MODEL";
  if (::access(real_engine().c_str(), X_OK) != 0) return "no engine program at " + real_engine();
  return {};
}

std::string stand_in_engine() { return beside_this("suffice-engine-stand-in"); }

EngineFolder::EngineFolder() {
  std::string name = (fs::temp_directory_path() / "suffice-engine-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

EngineFolder::~EngineFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::string EngineFolder::file(std::string_view name, std::string_view bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << bytes;
  return at(name);
}

std::string EngineFolder::fifo(std::string_view name) const {
  static_cast<void>(::mkfifo(at(name).c_str(), 0600));
  return at(name);
}

}  // namespace suffice::testing
