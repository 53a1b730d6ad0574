// PolicyStore over a real file: snapshots outlive reloads, a bad file changes nothing, many threads may read.

#include "policy/policy_store.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>

namespace suffice::policy {
namespace {

using ::testing::HasSubstr;

const Environment kNoEnvironment = [](std::string_view) { return std::nullopt; };

std::string policy_named(const std::string& model) {
  return "version: 1\nmodels:\n  " + model +
         ": {provider: recorded, model: answers.jsonl, stand_in: yes}\ntasks:\n  chat: {tiers: [" + model + "]}\n";
}

class PolicyStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("suffice_policy_store_") + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    file_ = folder_ / "policy.yaml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// As an editor saves: another file takes the name.
  void save(const std::string& text) const {
    const std::filesystem::path fresh = folder_ / "fresh.yaml";
    std::ofstream(fresh, std::ios::binary) << text;
    std::filesystem::rename(fresh, file_);
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(PolicyStoreTest, OpensAFileAndHandsOutItsPolicy) {
  save(policy_named("first"));

  auto store = PolicyStore::open(file_, kNoEnvironment);

  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->current()->models.contains("first"));
  EXPECT_EQ((*store)->current()->version.size(), 12U);
  EXPECT_EQ((*store)->current()->source_path, file_.string());
}

TEST_F(PolicyStoreTest, RefusesToOpenAFileThatIsMissingOrWrongAndSaysWhere) {
  const auto missing = PolicyStore::open(file_, kNoEnvironment);
  save("version: 1\nmodells: {}\n");
  const auto wrong = PolicyStore::open(file_, kNoEnvironment);

  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::PolicyInvalid);
  EXPECT_THAT(missing.error().message, HasSubstr("policy.yaml: no such file"));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("policy.yaml:2:1: modells: unknown key (did you mean \"models\"?)"));
  EXPECT_THAT(wrong.error().message, HasSubstr("the key \"tasks\" is missing"));
}

TEST_F(PolicyStoreTest, ReloadReplacesTheSnapshotAndLeavesTheOldOneToItsHolders) {
  save(policy_named("first"));
  auto store = PolicyStore::open(file_, kNoEnvironment);
  const auto held = (*store)->current();

  save(policy_named("second"));
  const auto version = (*store)->reload();

  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(*version, (*store)->current()->version);
  EXPECT_NE(*version, held->version);
  EXPECT_TRUE((*store)->current()->models.contains("second"));
  EXPECT_TRUE(held->models.contains("first"));
}

TEST_F(PolicyStoreTest, ABadReloadKeepsTheOldSnapshotAndListsEveryProblem) {
  save(policy_named("first"));
  auto store = PolicyStore::open(file_, kNoEnvironment);
  const auto before = (*store)->current();

  save("version: 2\nmodels:\n  a: {provider: nobody, model: x}\ntasks: {}\n");
  const auto reloaded = (*store)->reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, ErrorCode::PolicyInvalid);
  EXPECT_THAT(reloaded.error().message, HasSubstr("policy.yaml:1:10: version"));
  EXPECT_THAT(reloaded.error().message, HasSubstr("policy.yaml:3:17: models.a.provider"));
  EXPECT_THAT(reloaded.error().message, HasSubstr("policy.yaml:4:8: tasks"));
  EXPECT_EQ((*store)->current(), before);
}

TEST_F(PolicyStoreTest, SeesAChangeOnceWhetherItWasGoodOrBad) {
  save(policy_named("first"));
  auto store = PolicyStore::open(file_, kNoEnvironment);
  EXPECT_FALSE((*store)->changed_on_disk());

  save("nonsense: [");
  EXPECT_TRUE((*store)->changed_on_disk());
  EXPECT_FALSE((*store)->reload());
  EXPECT_FALSE((*store)->changed_on_disk());

  save(policy_named("second"));
  EXPECT_TRUE((*store)->changed_on_disk());
  EXPECT_TRUE((*store)->reload());
  EXPECT_FALSE((*store)->changed_on_disk());
}

TEST_F(PolicyStoreTest, ATouchedOrMissingFileHasNotChanged) {
  save(policy_named("first"));
  auto store = PolicyStore::open(file_, kNoEnvironment);

  save(policy_named("first"));
  EXPECT_FALSE((*store)->changed_on_disk());
  std::filesystem::remove(file_);
  EXPECT_FALSE((*store)->changed_on_disk());
}

TEST_F(PolicyStoreTest, ManyThreadsReadWhileOthersReload) {
  save(policy_named("first"));
  auto store = PolicyStore::open(file_, kNoEnvironment);
  constexpr int kRounds = 50;

  std::vector<std::jthread> threads;
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds * 20; ++i) {
        const auto policy = (*store)->current();
        ASSERT_EQ(policy->models.size(), 1U);
        ASSERT_EQ(policy->tasks.at("chat").tiers.front().model, policy->models.begin()->first);
        (void)(*store)->changed_on_disk();
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) ASSERT_TRUE((*store)->reload());
  });
  for (int i = 0; i < kRounds; ++i) {
    save(policy_named(i % 2 == 0 ? "second" : "third"));
    ASSERT_TRUE((*store)->reload());
  }
  threads.clear();

  EXPECT_TRUE((*store)->current()->models.contains("third"));
}

}  // namespace
}  // namespace suffice::policy
