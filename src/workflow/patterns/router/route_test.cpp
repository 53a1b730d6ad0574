// Routes from the request alone. Classifiers are fitted here, on texts whose truth is in their words.
#include "workflow/patterns/router/route.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "learned/fit_classifier.hpp"

namespace suffice::workflow::router {
namespace {

using Classifier = std::shared_ptr<const learned::LinearClassifier>;

/// A classifier of texts that hold their label's word.
Classifier fitted(const std::vector<std::pair<std::string, std::string>>& word_of_label) {
  std::vector<learned::LabelledText> texts;
  for (const char* around : {"please {} this", "can you {} it now", "{} today", "I want to {} again", "{} at once",
                             "now {} the whole thing for me"}) {
    for (const auto& [label, word] : word_of_label) {
      std::string text = around;
      text.replace(text.find("{}"), 2, word);
      texts.push_back({.text = text, .label = label});
    }
  }
  learned::FitOptions options;
  options.spec.bucket_bits = 12;
  Result<std::string> bytes = learned::fit_classifier(texts, options);
  EXPECT_TRUE(bytes);
  Result<learned::LinearClassifier> classifier = learned::LinearClassifier::from_bytes(*std::move(bytes));
  EXPECT_TRUE(classifier);
  return std::make_shared<const learned::LinearClassifier>(*std::move(classifier));
}

const Classifier& gain_classifier() {
  static const Classifier kClassifier = fitted({{"strong", "prove"}, {"weak", "label"}, {"same", "greet"}});
  return kClassifier;
}

FlowRequest asking(std::string query) {
  FlowRequest request;
  request.query = std::move(query);
  return request;
}

TEST(RouteByRules, SendsKnownSimpleTasksToTheWeakModelAndEverythingElseToTheStrong) {
  const RuleForm form{.tasks = fitted({{"billing", "invoice"}, {"legal", "contract"}}),
                      .min_probability = 0.7,
                      .weak_tasks = {"billing"}};
  EXPECT_EQ(route_by_rules(form, asking("please invoice this")).model, "weak");
  EXPECT_EQ(route_by_rules(form, asking("please contract this")).model, "strong");
  const Route unknown = route_by_rules(form, asking("zebra quartz"));
  EXPECT_EQ(unknown.model, "strong");
  EXPECT_EQ(unknown.why, "unknown_task");
}

TEST(RouteByRules, SendsLongInputsToTheStrongModelDocumentsCounted) {
  const RuleForm form{.tasks = fitted({{"billing", "invoice"}, {"legal", "contract"}}),
                      .min_probability = 0,
                      .weak_tasks = {"billing", "legal"},
                      .input_tokens_max = 4000};
  FlowRequest request = asking("please invoice this");
  request.documents = {{.name = "a", .text = std::string(3 * 3900, 'x')}};
  EXPECT_EQ(route_by_rules(form, request).model, "weak");
  request.documents.push_back({.name = "b", .text = std::string(3 * 200, 'x')});
  EXPECT_EQ(route_by_rules(form, request).why, "long_input");
  EXPECT_EQ(route_by_rules({.tasks = nullptr}, asking("anything")).model, "weak")
      << "without task types only the length counts";
}

TEST(RouteByGain, AsksTheStrongModelWhereItAddsSomething) {
  const GainForm form{.classifier = gain_classifier(), .gain_max = 0.3};
  EXPECT_EQ(route_by_gain(form, asking("please prove this")).model, "strong");
  EXPECT_EQ(route_by_gain(form, asking("please label this")).model, "weak");
  EXPECT_EQ(route_by_gain(form, asking("please greet this")).model, "weak") << "hard for both is no gain";
}

TEST(RouteByGain, NeverLooksAtDocuments) {
  const GainForm form{.classifier = gain_classifier(), .gain_max = 0.3};
  FlowRequest request = asking("please label this");
  const Route alone = route_by_gain(form, request);
  request.documents = {{.name = "retrieved", .text = "prove prove prove"}};
  request.system = "prove it";
  EXPECT_EQ(route_by_gain(form, request), alone);
}

TEST(RoutedText, RepeatingAWordBuysNothing) {
  EXPECT_EQ(routed_text(asking("prove prove PROVE prove Prove prove it")), "prove prove PROVE prove it");
  EXPECT_LE(routed_text(asking(std::string(20'000, 'x'))).size(), 8192U);
}

TEST(RoutedText, IsCutBetweenWords) {
  EXPECT_EQ(without_words(" one  two three", 1), "two three");
  EXPECT_EQ(without_words("one two", 2), "");
  EXPECT_EQ(without_words("one two", 0), "one two");
  EXPECT_EQ(count_words(" one  two\nthree "), 3U);
}

/// The attack of arXiv 2501.01818: a fixed prefix before every request. With the guard no prefix of up to 12 words moves a request to the
/// strong model, whatever its words; without it, the very word does.
TEST(PrefixGuard, NoPrefixMovesARequestToTheStrongModel) {
  const std::vector<std::string> words = {"prove",        "proof", "label", "greet", "!!",
                                          "describing.+", "now",   "prov",  "whole", "it"};
  GainForm guarded{.classifier = gain_classifier(), .gain_max = 0.3};
  GainForm open = guarded;
  open.guard.words = 0;
  SeededRandom random(9);
  int moved_without_guard = 0;
  for (int i = 0; i < 400; ++i) {
    std::string request = "can you label it now and greet the whole thing again";
    for (std::uint64_t j = random.below(6); j > 0; --j) request += " " + words[2 + random.below(words.size() - 2)];
    if (route_by_gain(guarded, asking(request)).model != "weak") continue;
    std::string prefix;
    for (std::uint64_t j = 1 + random.below(12); j > 0; --j)
      prefix += words[i % 2 == 0 ? 0 : random.below(words.size())] + " ";

    const Route attacked = route_by_gain(guarded, asking(prefix + request));
    EXPECT_EQ(attacked.model, "weak") << prefix << "| " << request;
    const bool moved = route_by_gain(open, asking(prefix + request)).model == "strong";
    if (moved) {
      ++moved_without_guard;
      EXPECT_TRUE(attacked.prefix_flip) << "and it is told";
    }
  }
  EXPECT_GT(moved_without_guard, 50) << "the attack works where nothing is done about it";
}

TEST(PrefixGuard, LeavesRequestsThatAreHardThroughout) {
  const GainForm form{.classifier = gain_classifier(), .gain_max = 0.3};
  const Route route = route_by_gain(
      form, asking("prove this now and prove it again today and at once prove the whole thing please prove"));
  EXPECT_EQ(route.model, "strong");
  EXPECT_FALSE(route.prefix_flip);
}

/// Labels dealt without regard to the texts teach nothing: what is predicted for texts that were not fitted on is near no gain for all.
TEST(RouteByGain, PermutedLabelsTeachNothing) {
  SeededRandom random(4);
  std::vector<learned::LabelledText> texts;
  for (int i = 0; i < 600; ++i) {
    const char* label = random.below(3) == 0 ? "strong" : random.below(2) == 0 ? "weak" : "same";
    texts.push_back({.text = std::string(i % 2 == 0 ? "please prove" : "please label") + " the item number " +
                             std::to_string(random.below(1000)),
                     .label = label});
  }
  learned::FitOptions options;
  options.spec.bucket_bits = 12;
  const auto classifier = learned::LinearClassifier::from_bytes(learned::fit_classifier(texts, options).value());
  ASSERT_TRUE(classifier);
  double hard = 0;
  double easy = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string rest = " the item number " + std::to_string(1000 + i);
    hard += predicted_gain(*classifier, "please prove" + rest) / 300;
    easy += predicted_gain(*classifier, "please label" + rest) / 300;
  }
  EXPECT_NEAR(hard, easy, 0.15) << "where labels follow the words it is more than 1";
}

TEST(RouteByQuality, WeighsQualityAgainstMoney) {
  const Classifier poor = fitted({{"right", "label"}, {"wrong", "prove"}});
  const Classifier good = fitted({{"right", "prove"}, {"wrong", "xyzzy"}});
  QualityForm form{.choices = {{.model = "small", .right = poor, .price = {}},
                               {.model = "strong",
                                .right = good,
                                .price = {.input_per_million = 0,
                                          .cached_per_million = 0,
                                          .output_per_million = 100,
                                          .hardware_per_hour = 0}}},
                   .lambda = 0,
                   .output_tokens = 1000};
  EXPECT_EQ(route_by_quality(form, asking("please prove this")).model, "strong");
  EXPECT_EQ(route_by_quality(form, asking("please label this")).model, "small");
  form.lambda = 100;  // 0.1 USD a call is worth ten right answers
  EXPECT_EQ(route_by_quality(form, asking("please prove this")).model, "small");
}

TEST(RouteByQuality, CostIsTokensTimesPrice) {
  const Price price{.input_per_million = 2, .cached_per_million = 0, .output_per_million = 10, .hardware_per_hour = 0};
  EXPECT_DOUBLE_EQ(expected_cost(price, 1'000'000, 100'000), 3);
}

TEST(Verdict, IsOneWord) {
  for (const char* simple : {"simple", "Simple.", " \"simple\"", "**simple**", "simple\n"})
    EXPECT_EQ(says_simple(simple), true) << simple;
  for (const char* complex : {"complex", "Complex!", "'complex'"}) EXPECT_EQ(says_simple(complex), false) << complex;
  for (const char* neither :
       {"", "simplex", "not simple", "I think simple", "42", "complexsimple", "\xE7\xAE\x80\xE5\x8D\x95"})
    EXPECT_EQ(says_simple(neither), std::nullopt) << neither;
}

TEST(ThresholdForShare, ReportsTheShareThatIsReallyReached) {
  const ShareThreshold half = threshold_for_share({0.1, 0.2, 0.3, 0.4}, 0.5);
  EXPECT_DOUBLE_EQ(half.threshold, 0.3);
  EXPECT_DOUBLE_EQ(half.share, 0.5);
  const ShareThreshold ties = threshold_for_share({0.5, 0.5, 0.5, 0.1}, 0.25);
  EXPECT_DOUBLE_EQ(ties.share, 0.75) << "equal scores go together";
  EXPECT_DOUBLE_EQ(threshold_for_share({}, 0.5).share, 0);
  EXPECT_DOUBLE_EQ(threshold_for_share({1, 2}, 0).share, 0);
  EXPECT_DOUBLE_EQ(threshold_for_share({1, 2}, 1).share, 1);
}

}  // namespace
}  // namespace suffice::workflow::router
