#include "workflow/patterns/router/route.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>

#include "core/text.hpp"
#include "prompts/token_budget.hpp"

namespace suffice::workflow::router {
namespace {

constexpr std::size_t kRoutedBytesMax = 8'192;  // as pipeline/learned_routing.hpp
constexpr std::size_t kSameWordMax = 4;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

/// Calls `word` with each run without white space and the place where it begins.
template <class Word>
void each_word(std::string_view text, const Word& word) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_space(text[at])) ++at;
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end])) ++end;
    if (end > at) word(text.substr(at, end - at), at);
    at = end;
  }
}

std::string_view beginning(std::string_view text) {
  if (text.size() <= kRoutedBytesMax) return text;
  std::size_t end = kRoutedBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string clipped(std::string_view text) {
  std::unordered_map<std::string, std::size_t> seen;
  std::string kept;
  each_word(beginning(text), [&](std::string_view word, std::size_t) {
    if (++seen[fold_case(word)] > kSameWordMax) return;
    kept += (kept.empty() ? "" : " ");
    kept += word;
  });
  return kept;
}

double probability_of(const learned::LinearClassifier& classifier, const learned::LabelScores& scores,
                      std::string_view label) {
  const std::vector<std::string>& labels = classifier.labels();
  const auto found = std::ranges::find(labels, label);
  return found == labels.end() ? 0 : scores.probability[static_cast<std::size_t>(found - labels.begin())];
}

std::int64_t input_tokens(const FlowRequest& request) {
  std::int64_t tokens = prompts::estimate_tokens(request.query) + prompts::estimate_tokens(request.system);
  for (const FlowRequest::Text& document : request.documents) tokens += prompts::estimate_tokens(document.text);
  return tokens;
}

}  // namespace

std::string routed_text(const FlowRequest& request) { return clipped(request.query); }

std::string_view without_words(std::string_view text, std::size_t words) {
  if (words == 0) return text;
  std::size_t from = text.size();
  std::size_t number = 0;
  each_word(text, [&](std::string_view, std::size_t at) {
    if (number++ == words) from = at;
  });
  return text.substr(from);
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  each_word(text, [&](std::string_view, std::size_t) { ++words; });
  return words;
}

Route route_by_rules(const RuleForm& form, const FlowRequest& request) {
  const std::int64_t tokens = input_tokens(request);
  if (tokens > form.input_tokens_max)
    return {.model = std::string(kStrong), .why = "long_input", .score = static_cast<double>(tokens)};
  if (form.tasks == nullptr)
    return {.model = std::string(kWeak), .why = "short_input", .score = static_cast<double>(tokens)};
  const learned::LabelScores scores = form.tasks->score(routed_text(request));
  const auto best = std::ranges::max_element(scores.probability);
  const std::string& task = form.tasks->labels()[static_cast<std::size_t>(best - scores.probability.begin())];
  if (*best < form.min_probability) return {.model = std::string(kStrong), .why = "unknown_task", .score = *best};
  const bool weak = std::ranges::find(form.weak_tasks, task) != form.weak_tasks.end();
  return {.model = std::string(weak ? kWeak : kStrong), .why = "task", .score = *best};
}

double predicted_gain(const learned::LinearClassifier& classifier, std::string_view text) {
  const learned::LabelScores scores = classifier.score(text);
  return probability_of(classifier, scores, kStrong) - probability_of(classifier, scores, kWeak);
}

Route route_by_gain(const GainForm& form, const FlowRequest& request) {
  const double gain = predicted_gain(*form.classifier, routed_text(request));
  Route route{.model = std::string(gain >= form.gain_max ? kStrong : kWeak), .why = "gain", .score = gain};
  if (route.model == kWeak) return route;
  const std::size_t words = count_words(request.query);
  for (std::size_t k = 1; k <= form.guard.words && k + form.guard.words_left <= words; ++k) {
    const double without = predicted_gain(*form.classifier, clipped(without_words(request.query, k)));
    if (without >= form.gain_max) continue;
    return {.model = std::string(kWeak), .why = "gain", .score = without, .prefix_flip = true};
  }
  return route;
}

double expected_cost(const Price& price, std::int64_t tokens_in, std::int64_t tokens_out) {
  constexpr double kMillion = 1e6;
  return (price.input_per_million * static_cast<double>(tokens_in) +
          price.output_per_million * static_cast<double>(tokens_out)) /
         kMillion;
}

Route route_by_quality(const QualityForm& form, const FlowRequest& request) {
  const std::string text = routed_text(request);
  const std::int64_t tokens = input_tokens(request);
  Route route{.model = std::string(kStrong), .why = "quality", .score = -std::numeric_limits<double>::infinity()};
  for (const QualityForm::Choice& choice : form.choices) {
    const double right = probability_of(*choice.right, choice.right->score(text), "right");
    const double worth = right - form.lambda * expected_cost(choice.price, tokens, form.output_tokens);
    if (worth <= *route.score) continue;
    route.model = choice.model;
    route.score = worth;
  }
  return route;
}

std::optional<bool> says_simple(std::string_view answer) {
  std::string word;
  for (const char c : fold_case(trim(answer))) {
    if (c >= 'a' && c <= 'z') {
      word += c;
    } else if (!word.empty()) {
      break;
    } else if (c != '"' && c != '\'' && c != '*' && c != '`' && c != '{' && c != '[') {
      return std::nullopt;
    }
  }
  if (word == "simple") return true;
  if (word == "complex") return false;
  return std::nullopt;
}

ShareThreshold threshold_for_share(std::vector<double> scores, double share) {
  if (scores.empty() || share <= 0) return {.threshold = std::numeric_limits<double>::infinity(), .share = 0};
  std::ranges::sort(scores, std::greater<>());
  const auto wanted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(scores.size())));
  const double threshold = scores[std::clamp<std::size_t>(wanted, 1, scores.size()) - 1];
  const auto reached = std::ranges::count_if(scores, [&](double score) { return score >= threshold; });
  return {.threshold = threshold, .share = static_cast<double>(reached) / static_cast<double>(scores.size())};
}

}  // namespace suffice::workflow::router
