#pragma once
// For the tests of this folder: the public data sets, where they are there.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace suffice::wire::testdata {

inline constexpr const char* kSkipReason = "SUFFICE_DATA_DIR does not name a folder with this public data set";

/// SUFFICE_DATA_DIR/`relative`, or an empty path when it is not there.
inline std::filesystem::path path(std::string_view relative) {
  const char* root = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  if (root == nullptr) return {};
  std::filesystem::path file = std::filesystem::path(root) / relative;
  return std::filesystem::exists(file) ? file : std::filesystem::path();
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return std::move(bytes).str();
}

/// "C2 A9" or "C2A9".
inline std::string from_hex(std::string_view text) {
  std::string hex;
  for (const char c : text) {
    if (c != ' ') hex += c;
  }
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// A tar archive unpacked into a fresh temporary folder, removed at the end.
class Unpacked {
 public:
  explicit Unpacked(const std::filesystem::path& archive) {
    std::string pattern = (std::filesystem::temp_directory_path() / "suffice-data-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = pattern;
    const std::string command = "tar -xf '" + archive.string() + "' -C '" + root_.string() + "'";
    // NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread here
    if (std::system(command.c_str()) != 0) throw std::runtime_error("tar failed");
  }
  ~Unpacked() { std::filesystem::remove_all(root_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace suffice::wire::testdata
