// A scorer of answers, learned from recorded ones: what FrugalGPT has a small transformer for.

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "lab/ladder/ladder_data.hpp"
#include "learned/fit_classifier.hpp"
#include "learned/linear_classifier.hpp"
#include "learned/logistic.hpp"
#include "learned/split.hpp"

namespace suffice::lab {
namespace {

constexpr double kRight = 0.5;
constexpr double kSurest = 0.999;       // beyond, log odds say more than the data does
constexpr std::uint64_t kHalfSeed = 2;  // deals the training rows into halves

class AnswerScorer {
 public:
  AnswerScorer(const std::vector<const OutcomeRow*>& rows, std::size_t model, const std::vector<bool>& is_train)
      : rows_(rows), model_(model), is_train_(is_train) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string& key = rows[i]->text.empty() ? rows[i]->id : rows[i]->text;
      half_.push_back(learned::place_of(key.empty() ? std::to_string(i) : key, kHalfSeed) < 0.5 ? 0 : 1);
    }
  }

  Result<std::vector<double>> run() {
    std::vector<std::vector<double>> signals(rows_.size());
    const bool texts = std::ranges::all_of(
        rows_, [&](const OutcomeRow* row) { return !row->text.empty() || !outcome(*row).output.value_or("").empty(); });
    if (texts) SUFFICE_TRY_VOID(add_words(signals));
    if (all([](const Outcome& o) { return o.valid.has_value(); }))
      add(signals, [](const Outcome& o) { return *o.valid ? 1.0 : 0.0; });
    if (all([](const Outcome& o) { return o.tokens.has_value() && *o.tokens >= 0; }))
      add(signals, [](const Outcome& o) { return std::log1p(*o.tokens); });
    if (signals.front().empty()) {
      return fail(ErrorCode::InvalidArgument, "there is neither text, form nor length to learn a score from",
                  "--score");
    }
    return combined(signals);
  }

 private:
  [[nodiscard]] const Outcome& outcome(const OutcomeRow& row) const { return *row.models[model_]; }
  [[nodiscard]] bool right(std::size_t i) const { return outcome(*rows_[i]).quality >= kRight; }

  template <class Has>
  [[nodiscard]] bool all(const Has& has) const {
    return std::ranges::all_of(rows_, [&](const OutcomeRow* row) { return has(outcome(*row)); });
  }
  template <class Get>
  void add(std::vector<std::vector<double>>& signals, const Get& get) const {
    for (std::size_t i = 0; i < rows_.size(); ++i) signals[i].push_back(get(outcome(*rows_[i])));
  }

  [[nodiscard]] std::string words(std::size_t i) const {
    const std::optional<std::string>& output = outcome(*rows_[i]).output;
    return output ? rows_[i]->text + "\n" + *output : rows_[i]->text;
  }

  /// Log odds of being right by the words, of each half by the other and of the rest by both.
  Result<void> add_words(std::vector<std::vector<double>>& signals) const {
    std::vector<double> odds(rows_.size(), 0);
    for (const int half : {0, 1}) {
      std::vector<learned::LabelledText> examples;
      std::size_t rights = 0;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (!is_train_[i] || half_[i] != half) continue;
        rights += right(i) ? 1 : 0;
        examples.push_back({.text = words(i), .label = right(i) ? "right" : "wrong"});
      }
      if (rights == 0 || rights == examples.size()) {  // words of one kind of answer say nothing
        odds.assign(rows_.size(), 0);
        break;
      }
      // Words only, as in many_models.cpp: characters take minutes and add little.
      learned::FitOptions fit;
      fit.cost = 1;
      fit.spec.char_ngrams_min = 1;
      fit.spec.char_ngrams_max = 0;
      fit.threads = std::min(2U, std::max(1U, std::thread::hardware_concurrency()));
      SUFFICE_TRY(std::string bytes, learned::fit_classifier(examples, fit));
      SUFFICE_TRY(const learned::LinearClassifier classifier, learned::LinearClassifier::from_bytes(std::move(bytes)));
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (is_train_[i] && half_[i] == half) continue;
        const double p = std::clamp(classifier.score(words(i)).probability.front(), 1 - kSurest, kSurest);
        odds[i] += std::log(p / (1 - p)) / (is_train_[i] ? 1 : 2);
      }
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) signals[i].push_back(odds[i]);
    return {};
  }

  [[nodiscard]] std::vector<double> combined(const std::vector<std::vector<double>>& signals) const {
    std::vector<std::vector<double>> inputs;
    std::vector<int> rights;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!is_train_[i]) continue;
      inputs.push_back(signals[i]);
      rights.push_back(right(i) ? 1 : 0);
    }
    const learned::Logistic logistic = learned::fit_logistic(inputs, rights);
    std::vector<double> scores;
    scores.reserve(rows_.size());
    for (const std::vector<double>& x : signals) scores.push_back(logistic.probability(x));
    return scores;
  }

  const std::vector<const OutcomeRow*>& rows_;
  std::size_t model_;
  const std::vector<bool>& is_train_;
  std::vector<int> half_;
};

}  // namespace

Result<std::vector<double>> learned_scores(const std::vector<const OutcomeRow*>& rows, std::size_t model,
                                           const std::vector<bool>& is_train) {
  return AnswerScorer(rows, model, is_train).run();
}

}  // namespace suffice::lab
