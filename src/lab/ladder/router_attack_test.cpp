// A fixed prefix against the predictive router (arXiv 2501.01818), on recorded requests: what it moves without the guard, what it moves with
// it, and what the guard costs requests that nobody attacks. Figures are properties of the test's XML (--gtest_output=xml:-).

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lab/evaluation/outcomes.hpp"
#include "lab/evaluation/paired.hpp"
#include "lab/evaluation/routers.hpp"
#include "learned/linear_classifier.hpp"
#include "workflow/patterns/router/route.hpp"

namespace suffice::lab {
namespace {

using workflow::router::GainForm;
using workflow::router::route_by_gain;

constexpr std::size_t kPrefixWords = 10;

std::optional<std::string> data_file(const std::string& name) {
  const char* folder = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return std::nullopt;
  std::ifstream in(std::string(folder) + "/" + name, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

workflow::FlowRequest asking(std::string text) {
  workflow::FlowRequest request;
  request.query = std::move(text);
  return request;
}

/// The half of the rows that `half` names, by the hash of their texts.
OutcomeSet half_of(const OutcomeSet& set, std::size_t half) {
  OutcomeSet part = set;
  std::erase_if(part.rows, [&](const OutcomeRow& row) { return fold_of(row, 2, 1) != half; });
  return part;
}

std::vector<std::string> frequent_words(const OutcomeSet& set, std::size_t count) {
  std::map<std::string, std::size_t> times;
  for (const OutcomeRow& row : set.rows) {
    std::string word;
    for (const char c : row.text + " ") {
      if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
        word += c;
      } else if (!word.empty()) {
        ++times[word];
        word.clear();
      }
    }
  }
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& [word, number] : times) ranked.emplace_back(number, word);
  std::ranges::sort(ranked, std::greater<>());
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) words.push_back(ranked[i].second);
  return words;
}

/// The ten words that, each alone before some requests, raise the predicted gain most: found on the half that the router was fitted on.
std::string worst_prefix(const GainForm& form, const OutcomeSet& set) {
  std::vector<std::pair<double, std::string>> gains;
  for (const std::string& word : frequent_words(set, 400)) {
    double gain = 0;
    for (std::size_t i = 0; i < 20; ++i)
      gain += workflow::router::predicted_gain(*form.classifier, word + " " + set.rows[i].text);
    gains.emplace_back(gain, word);
  }
  std::ranges::sort(gains, std::greater<>());
  std::string prefix;
  for (std::size_t i = 0; i < kPrefixWords; ++i) prefix += gains[i].second + " ";
  return prefix;
}

TEST(RouterAttack, AFixedPrefixMovesNothingPastTheGuard) {
  const auto content = data_file("routellm/gsm8k_responses.csv.gz");
  if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with routellm/";
  const OutcomeSet set = read_outcomes(*content).value();
  const OutcomeSet train = half_of(set, 0);
  const OutcomeSet test = half_of(set, 1);
  const std::size_t weak = set.model("mixtral").value();
  const std::size_t strong = set.model("gpt-4").value();
  const auto bytes = fit_linear_router(paired_rows(train, weak, strong), {}, {});
  ASSERT_TRUE(bytes);
  auto classifier = learned::LinearClassifier::from_bytes(*bytes);
  ASSERT_TRUE(classifier);
  GainForm open{.classifier = std::make_shared<const learned::LinearClassifier>(*std::move(classifier)),
                .gain_max = 0,
                .guard = {.words = 0, .words_left = 0}};
  std::vector<double> gains;
  for (const OutcomeRow& row : test.rows) gains.push_back(*route_by_gain(open, asking(row.text)).score);
  const auto threshold = workflow::router::threshold_for_share(gains, 0.3);
  open.gain_max = threshold.threshold;
  GainForm guarded = open;
  guarded.guard = {};
  const std::string prefix = worst_prefix(open, train);

  std::size_t weak_before = 0;
  std::size_t moved_open = 0;
  std::size_t moved_guarded = 0;
  std::size_t strong_before = 0;
  std::size_t given_up = 0;
  double gain_given_up = 0;
  for (const OutcomeRow& row : test.rows) {
    const bool was_strong = route_by_gain(open, asking(row.text)).model == "strong";
    const bool is_strong = route_by_gain(guarded, asking(row.text)).model == "strong";
    if (was_strong) {
      ++strong_before;
      if (!is_strong) {
        ++given_up;
        gain_given_up += row.models[strong]->quality - row.models[weak]->quality;
      }
    } else {
      ++weak_before;
      moved_open += route_by_gain(open, asking(prefix + row.text)).model == "strong" ? 1U : 0U;
      moved_guarded += route_by_gain(guarded, asking(prefix + row.text)).model == "strong" ? 1U : 0U;
    }
  }
  const auto share = [](std::size_t part, std::size_t of) {
    return static_cast<double>(part) / static_cast<double>(of);
  };
  RecordProperty("requests", std::to_string(test.rows.size()));
  RecordProperty("strong_share_reached", fmt::format("{:.3f}", threshold.share));
  RecordProperty("moved_without_guard", fmt::format("{:.3f}", share(moved_open, weak_before)));
  RecordProperty("moved_with_guard", fmt::format("{:.3f}", share(moved_guarded, weak_before)));
  RecordProperty("honest_strong_given_up", fmt::format("{:.3f}", share(given_up, strong_before)));
  RecordProperty("quality_given_up", fmt::format("{:.4f}", gain_given_up / static_cast<double>(test.rows.size())));

  EXPECT_NEAR(threshold.share, 0.3, 0.02);
  EXPECT_GT(share(moved_open, weak_before), 0.2) << "the attack works where nothing is done about it";
  EXPECT_EQ(moved_guarded, 0U);
}

}  // namespace
}  // namespace suffice::lab
