#include "audit/location.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/sample_events.hpp"

namespace suffice::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> nothing(std::string_view) { return std::nullopt; }

TEST(RecordLocation, IsAFileOrAPlaceThatCanBeShown) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "url") << "postgres://ann:s3cret@db/audit\nsecond line\n";
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "RECORD") return "postgres://ann:s3cret@other:6000/audit";
    return std::nullopt;
  };
  struct Case {
    std::string given;
    std::string name;
  };
  const Case cases[] = {
      {"", "/data/audit.sqlite"},
      {"postgres://ann@db/audit", "db:5432/audit"},
      {"env:RECORD", "other:6000/audit"},
      {"file:" + (folder / "url").string(), "db:5432/audit"},
  };
  for (const Case& c : cases) {
    const auto location = record_location(c.given, "/data", environment);
    ASSERT_TRUE(location) << c.given << describe(location.error());
    EXPECT_EQ(location->name, c.name);
  }
  const auto by_variable = record_location("", "/data", [](std::string_view name) -> std::optional<std::string> {
    if (name == "SUFFICE_RECORD") return "postgres:///audit";
    return std::nullopt;
  });
  EXPECT_EQ(by_variable->name, "localhost:5432/audit");
}

TEST(RecordLocation, SaysWhatIsWrongWithoutThePassword) {
  const char* const cases[] = {"postgres://ann:s3cret@db/audit", "mysql://ann:s3cret@db", "env:NOT_SET_s3",
                               "file:/nowhere/url", "postgres://db/audit?password=s3cret"};
  for (const char* given : cases) {
    const auto location = record_location(given, "/data", nothing);
    ASSERT_FALSE(location) << given;
    EXPECT_THAT(describe(location.error()), Not(HasSubstr("s3cret"))) << given;
  }
}

TEST(RecordLocation, TellsTheNextStepWhenThereIsNoRecord) {
  const testing::TemporaryFolder folder;
  const auto reader = open_reader(record_location("", (folder / "none").string(), nothing).value());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::NotFound);
  EXPECT_THAT(reader.error().message, HasSubstr("serve or ask first"));
}

}  // namespace
}  // namespace suffice::audit
