#pragma once
// Comparing with a file that is reviewed instead of with a string in the test.

#include <filesystem>
#include <source_location>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace suffice::testing {

/// Compares `actual` with golden/`name` beside the calling source file. With UPDATE_GOLDEN=1 in the environment it writes the file
/// instead and succeeds; the diff is then for the reviewer. Use: EXPECT_TRUE(golden("answer.json", text)).
[[nodiscard]] ::testing::AssertionResult golden(std::string_view name, std::string_view actual,
                                                const std::source_location& caller = std::source_location::current());
/// The same for a file named in full.
[[nodiscard]] ::testing::AssertionResult golden_file(const std::filesystem::path& file, std::string_view actual);

}  // namespace suffice::testing
