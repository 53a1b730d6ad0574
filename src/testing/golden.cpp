#include "testing/golden.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace suffice::testing {
namespace {

/// "line 3:\n- old\n+ new" for the first line that differs.
std::string first_difference(std::string_view expected, std::string_view actual) {
  for (std::size_t line = 1;; ++line) {
    const std::string_view old_line = expected.substr(0, expected.find('\n'));
    const std::string_view new_line = actual.substr(0, actual.find('\n'));
    const bool last = old_line.size() == expected.size() || new_line.size() == actual.size();
    if (old_line != new_line || last) {
      return "line " + std::to_string(line) + ":\n- " + std::string(old_line) + "\n+ " + std::string(new_line);
    }
    expected.remove_prefix(old_line.size() + 1);
    actual.remove_prefix(new_line.size() + 1);
  }
}

}  // namespace

::testing::AssertionResult golden(std::string_view name, std::string_view actual, const std::source_location& caller) {
  return golden_file(std::filesystem::path(caller.file_name()).parent_path() / "golden" / name, actual);
}

::testing::AssertionResult golden_file(const std::filesystem::path& file, std::string_view actual) {
  const char* update = std::getenv("UPDATE_GOLDEN");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  if (update != nullptr && std::string_view(update) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << actual;
    return out.good() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "cannot write " << file;
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return ::testing::AssertionFailure() << file << " is not there; UPDATE_GOLDEN=1 makes it";
  const std::string expected{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (expected == actual) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << file << " differs at " << first_difference(expected, actual)
                                       << "\nUPDATE_GOLDEN=1 rewrites it; then review the diff";
}

}  // namespace suffice::testing
