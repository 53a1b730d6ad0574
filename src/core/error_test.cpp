#include "core/error.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/result.hpp"

namespace suffice {
namespace {

TEST(ErrorCatalogue, GivesEveryCodeItsOwnNumberNameAndMeaning) {
  std::set<int> numbers;
  std::set<std::string_view> names;
  for (const ErrorInfo& row : error_catalogue()) {
    EXPECT_TRUE(numbers.insert(static_cast<int>(row.code)).second) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty()) << row.name;
  }
  EXPECT_EQ(*numbers.begin(), 1);
  EXPECT_EQ(*numbers.rbegin(), static_cast<int>(numbers.size())) << "a number was skipped or reused";
}

TEST(ErrorCatalogue, KeepsStoredNumbers) {
  EXPECT_EQ(static_cast<int>(ErrorCode::Internal), 1);
  EXPECT_EQ(static_cast<int>(ErrorCode::RateLimited), 11);
  EXPECT_EQ(static_cast<int>(ErrorCode::ConnectionClosed), 19);
  EXPECT_EQ(static_cast<int>(ErrorCode::LogprobsMissing), 39);
}

TEST(Describe, PutsThePlaceFirst) {
  EXPECT_EQ(describe(Error{.code = ErrorCode::NotFound, .message = "no such file", .where = "a.yaml"}),
            "a.yaml: no such file");
  EXPECT_EQ(describe(Error{.code = ErrorCode::NotFound, .message = "no such file", .where = {}}), "no such file");
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::InvalidArgument, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  SUFFICE_TRY(const int once, half(value));
  SUFFICE_TRY(const int twice, half(once));
  return twice;
}

TEST(Try, PassesTheFirstErrorOn) {
  EXPECT_EQ(quarter(12).value(), 3);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().message, "odd");
}

}  // namespace
}  // namespace suffice
