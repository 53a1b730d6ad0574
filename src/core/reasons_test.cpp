#include "core/reasons.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace suffice {
namespace {

TEST(Reasons, AreExactlyTheVocabularyInItsStoredOrder) {
  const std::vector<std::string_view> vocabulary = {
      "unknown_task",      "policy_requires_frontier", "input_too_large",  "schema_invalid",
      "confidence_low",    "hard_stop_security",       "hard_stop_access", "hard_stop_production",
      "manual_override",   "hard_stop_novel",          "label_escalates",  "label_unknown",
      "refusal",           "evidence_missing",         "disagreement",     "check_failed",
      "predicted_hard",    "threshold_uncertified",    "logprobs_missing", "local_timeout",
      "local_unavailable", "context_overflow",         "budget_exhausted", "votes_inconclusive",
      "kill_switch"};

  ASSERT_EQ(all_reasons().size(), vocabulary.size());
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    EXPECT_EQ(name(all_reasons()[i]), vocabulary[i]);
    EXPECT_EQ(static_cast<std::size_t>(std::to_underlying(all_reasons()[i])), i + 1) << "stored numbers never change";
    EXPECT_EQ(reason_from_name(vocabulary[i]), all_reasons()[i]);
    EXPECT_FALSE(meaning(all_reasons()[i]).empty());
  }
}

TEST(Reasons, KnowNoOtherWords) {
  EXPECT_FALSE(reason_from_name("Confidence_Low"));
  EXPECT_FALSE(reason_from_name(""));
}

TEST(Routes, ReadBackWhatTheyWrite) {
  for (const Route route :
       {Route::Local, Route::Frontier, Route::EscalatedAfterValidation, Route::HumanApproved, Route::Refused}) {
    EXPECT_EQ(route_from_name(name(route)), route);
  }
}

}  // namespace
}  // namespace suffice
