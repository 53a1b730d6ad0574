#include "policy/access_key.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "policy/policy_store.hpp"

namespace suffice::policy {
namespace {

using ::testing::HasSubstr;

TEST(NewAccessKey, HasThePrefixAnd256BitsInBase64Url) {
  SeededRandom random(7);
  const std::string key = new_access_key(random);

  EXPECT_TRUE(key.starts_with(kAccessKeyPrefix));
  const std::string digits = key.substr(kAccessKeyPrefix.size());
  EXPECT_EQ(digits.size(), 43U);  // ceil(256 / 6)
  EXPECT_EQ(digits.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(NewAccessKey, IsAnotherOneEveryTime) {
  SeededRandom random(7);
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.insert(new_access_key(random));
  EXPECT_EQ(keys.size(), 1000U);
}

/// A policy with one task and what stands in `keys`.
Loaded with_keys(const std::string& keys) {
  return parse_policy(
      "version: 1\n"
      "models:\n"
      "  big: {provider: openai, model: m, price: {input: 1, output: 1}}\n"
      "tasks:\n"
      "  triage: {description: d, owner: o, local: no, tiers: [big]}\n"
      "keys:\n" +
          keys,
      "policy.yaml", [](std::string_view) { return std::nullopt; });
}

const std::string kHash(64, 'a');

TEST(PolicyKeys, AreReadByTheirHash) {
  const Loaded loaded =
      with_keys("  team-a: {sha256: " + kHash +
                ", group: blue, tasks: [triage], quota: {requests_per_minute: 60, tokens_per_minute: 1000}, "
                "requests_at_once: 4, escalations_per_hour: 10, budget: {usd_per_day: 2.5}, expires: '2027-01-31'}\n");
  ASSERT_NE(loaded.policy, nullptr) << (loaded.problems.empty() ? "" : loaded.problems.front().to_string());

  const AccessKey& key = loaded.policy->keys.at(kHash);

  EXPECT_EQ(key, (AccessKey{.name = "team-a",
                            .sha256 = kHash,
                            .group = "blue",
                            .tasks = {"triage"},
                            .quota = {.tokens_per_minute = 1000, .requests_per_minute = 60},
                            .requests_at_once = 4,
                            .escalations_per_hour = 10,
                            .budget_per_day = Usd::from_dollars(2.5),
                            .expires = "2027-01-31"}));
}

TEST(PolicyKeys, ArePlacedWhereTheyAreWrong) {
  struct Case {
    std::string name;
    std::string keys;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"a key in the open", "  a: {sha256: sk-suffice-abc}\n", "`suffice keys hash` prints it"},
      {"no hash", "  a: {group: blue}\n", "sha256"},
      {"a task that is none", "  a: {sha256: " + kHash + ", tasks: [triag]}\n", "triage"},
      {"a day that is none", "  a: {sha256: " + kHash + ", expires: '2027-02-30'}\n", "no such day"},
      {"one key twice", "  a: {sha256: " + kHash + "}\n  b: {sha256: " + kHash + "}\n", "the same key as a"},
      {"an unknown setting", "  a: {sha256: " + kHash + ", tpm: 3}\n", "tpm"},
  };
  for (const Case& one : cases) {
    const Loaded loaded = with_keys(one.keys);
    ASSERT_EQ(loaded.policy, nullptr) << one.name;
    ASSERT_EQ(loaded.problems.size(), 1U) << one.name;
    EXPECT_THAT(loaded.problems.front().to_string(), HasSubstr(one.says)) << one.name;
    EXPECT_GT(loaded.problems.front().line, 0) << one.name;
  }
}

}  // namespace
}  // namespace suffice::policy
