#include "learned/cluster.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

/// Texts whose group is known: row i is of group i modulo 3.
std::vector<std::string> three_kinds(std::size_t each) {
  const std::vector<std::vector<std::string>> words = {{"invoice", "charge", "refund", "card", "payment"},
                                                       {"crash", "screen", "error", "restart", "update"},
                                                       {"parcel", "courier", "address", "delivery", "late"}};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 3 * each; ++i) {
    const std::vector<std::string>& group = words[i % 3];
    texts.push_back("please help with the " + group[i / 3 % 5] + " and the " + group[(i / 3 + 1 + i / 15 % 3) % 5]);
  }
  return texts;
}

TEST(Cluster, FindsTheGroupsAndTheirNumber) {
  const std::vector<std::string> texts = three_kinds(20);
  const auto found = cluster(texts, {});

  ASSERT_TRUE(found);
  ASSERT_EQ(found->clusters.size(), 3U);
  EXPECT_TRUE(found->unplaced.empty());
  for (const Cluster& one : found->clusters) {
    EXPECT_EQ(one.rows.size(), 20U);
    std::set<std::size_t> groups;
    for (const std::size_t row : one.rows) groups.insert(row % 3);
    EXPECT_EQ(groups.size(), 1U) << "no group is torn or mixed";
    EXPECT_THAT(one.rows, Contains(one.medoid));
    EXPECT_THAT(one.terms, Not(Contains("please"))) << "a word of every text says nothing";
    EXPECT_GT(one.cohesion, 0.3);
  }
  EXPECT_EQ(std::ranges::max_element(found->silhouette_of_k) - found->silhouette_of_k.begin(), 1) << "k = 3";
}

TEST(Cluster, IsTheSameForTheSameSeedAndTexts) {
  const std::vector<std::string> texts = three_kinds(10);
  const auto first = cluster(texts, {.seed = 5});
  const auto second = cluster(texts, {.seed = 5});
  const auto other = cluster(texts, {.seed = 6});

  ASSERT_TRUE(first && second && other);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first->clusters[i].id, second->clusters[i].id);
    EXPECT_EQ(first->clusters[i].rows, second->clusters[i].rows);
  }
  std::set<std::string> ids;
  std::set<std::string> other_ids;
  for (const Cluster& one : first->clusters) ids.insert(one.id);
  for (const Cluster& one : other->clusters) other_ids.insert(one.id);
  EXPECT_EQ(ids, other_ids) << "an id comes from what a cluster is about, not from chance";
}

TEST(Cluster, ComputesTheSilhouetteOfFourTextsAsByHand) {
  // Two pairs of equal texts without a common word: distance 0 within, 1 between.
  const std::vector<std::string> texts = {"red apple", "red apple", "blue car", "blue car"};
  const auto found = cluster(texts, {.clusters_max = 2});

  ASSERT_TRUE(found);
  EXPECT_NEAR(found->silhouette, 1, 1e-9);
  EXPECT_THAT(found->clusters.at(0).rows, ElementsAre(0, 1));
}

TEST(Cluster, LeavesTextsWithoutSharedWordsUnplaced) {
  std::vector<std::string> texts = three_kinds(5);
  texts.emplace_back("xylophone");
  texts.emplace_back("");
  const auto found = cluster(texts, {});

  ASSERT_TRUE(found);
  EXPECT_THAT(found->unplaced, ElementsAre(15, 16));
}

TEST(Cluster, KeepsTheNamesOfClustersThatGrow) {
  const auto before = cluster(three_kinds(10), {});
  auto after = cluster(three_kinds(30), {.clusters_min = 3, .clusters_max = 3, .seed = 9});
  ASSERT_TRUE(before && after);
  std::vector<NamedTerms> names;
  for (const Cluster& one : before->clusters) names.push_back({.id = "old-" + one.terms.front(), .terms = one.terms});

  keep_ids(*after, names);

  std::set<std::string> ids;
  for (const Cluster& one : after->clusters) {
    EXPECT_TRUE(one.id.starts_with("old-")) << one.id;
    ids.insert(one.id);
  }
  EXPECT_EQ(ids.size(), 3U) << "no name twice";
}

TEST(Cluster, RefusesWhatCannotBeClustered) {
  const std::vector<std::string> lonely = {"a b c", "one", "two"};
  EXPECT_EQ(cluster(lonely, {}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(cluster(three_kinds(5), {.clusters_min = 1}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(cluster(three_kinds(5), {.clusters_min = 4, .clusters_max = 3}).error().code, ErrorCode::InvalidArgument);
  ClusterOptions stopping;
  stopping.progress = [](std::size_t, std::size_t) { return false; };
  EXPECT_EQ(cluster(three_kinds(5), stopping).error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace suffice::learned
