#include "providers/secret.hpp"

#include <concepts>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace suffice::providers {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(Streamable<std::string>);
static_assert(!Streamable<Secret>, "a secret cannot be streamed");
static_assert(!std::convertible_to<Secret, std::string_view> && !std::convertible_to<Secret, std::string>);
static_assert(!std::equality_comparable<Secret>);

policy::Environment environment_with(std::string name, std::string value) {
  return [name = std::move(name), value = std::move(value)](std::string_view asked) -> std::optional<std::string> {
    if (asked == name) return value;
    return std::nullopt;
  };
}

using Kind = policy::SecretRef::Kind;

TEST(Secret, IsReadFromTheEnvironment) {
  const auto environment = environment_with("KEY", "  sk-1\n");
  EXPECT_EQ(Secret::read({Kind::Env, "KEY"}, environment)->reveal(), "sk-1");
  EXPECT_TRUE(Secret::read({Kind::None, ""}, environment)->empty());

  const auto missing = Secret::read({Kind::Env, "OTHER"}, environment);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::ConfigInvalid);
  EXPECT_EQ(missing.error().where, "OTHER");
  EXPECT_FALSE(Secret::read({Kind::Env, "KEY"}, environment_with("KEY", " ")).has_value()) << "white space is no key";
}

TEST(Secret, IsReadFromAFileWithoutItsLineBreak) {
  const std::filesystem::path file =
      std::filesystem::path(::testing::TempDir()) / ("secret-" + std::to_string(::getpid()));
  const auto none = environment_with("", "");
  std::ofstream(file) << "sk-2\n";
  EXPECT_EQ(Secret::read({Kind::File, file.string()}, none)->reveal(), "sk-2");
  std::ofstream(file) << "\n";
  EXPECT_EQ(Secret::read({Kind::File, file.string()}, none).error().where, file.string());
  std::ofstream(file) << std::string(70'000, 'x');
  EXPECT_FALSE(Secret::read({Kind::File, file.string()}, none).has_value());
  std::filesystem::remove(file);
  EXPECT_FALSE(Secret::read({Kind::File, file.string()}, none).has_value());
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret one("sk-3");
  const Secret two(std::move(one));
  EXPECT_EQ(two.reveal(), "sk-3");
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): the promise under test
}

}  // namespace
}  // namespace suffice::providers
