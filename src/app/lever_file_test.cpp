#include "app/lever_file.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace suffice::app {
namespace {

std::filesystem::path fresh_file(const std::string& name) {
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / ("levers_" + name + ".json");
  std::filesystem::remove(file);
  return file;
}

TEST(LeverFile, ReadsBackWhatItWrote) {
  const std::filesystem::path file = fresh_file("round_trip");
  pipeline::LeverState state{.kill_switch = policy::KillSwitch::LocalOnly, .frontier_only_tasks = {"a", "b"}};
  state.tasks["c"].min_confidence = 0.875;
  ASSERT_TRUE(write_levers(file, state));
  EXPECT_EQ(read_levers(file).value(), state);
}

TEST(LeverFile, MeansAllOffWhenThereIsNone) {
  EXPECT_EQ(read_levers(fresh_file("none")).value(), pipeline::LeverState{});
}

struct Rubbish {
  const char* name;
  const char* text;
};
class BadLeverFile : public ::testing::TestWithParam<Rubbish> {};

TEST_P(BadLeverFile, StopsTheStartInsteadOfGuessing) {
  const std::filesystem::path file = fresh_file(GetParam().name);
  std::ofstream(file) << GetParam().text;

  const Result<pipeline::LeverState> read = read_levers(file);

  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::ConfigInvalid);
  EXPECT_EQ(read.error().where, file.string());
}

INSTANTIATE_TEST_SUITE_P(
    LeverFile, BadLeverFile,
    ::testing::Values(Rubbish{"Empty", ""}, Rubbish{"Cut", R"({"kill_switch":"off")"},
                      Rubbish{"UnknownSwitch", R"({"kill_switch":"maybe","frontier_only_tasks":[]})"},
                      Rubbish{"MissingTasks", R"({"kill_switch":"off"})"},
                      Rubbish{"TasksNotText", R"({"kill_switch":"off","frontier_only_tasks":[1]})"}),
    [](const ::testing::TestParamInfo<Rubbish>& test) { return test.param.name; });

}  // namespace
}  // namespace suffice::app
