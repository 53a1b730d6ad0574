#include "lab/evaluation/many_models.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include "lab/evaluation/paired.hpp"
#include "learned/fit_classifier.hpp"

namespace suffice::lab {
namespace {

constexpr double kRight = 0.5;

using Choice = std::vector<std::size_t>;  // by row, the model that is asked

struct Means {
  std::vector<double> sum;
  double rows = 0;
};

class Chooser {
 public:
  Chooser(const OutcomeSet& set, const ManyOptions& options) : options_(options) {
    for (const OutcomeRow& row : set.rows) {
      if (!std::ranges::all_of(row.models, [](const auto& outcome) { return outcome.has_value(); })) continue;
      rows_.push_back(&row);
      fold_.push_back(fold_of(row, options.folds.folds, options.folds.seed));
    }
    models_ = set.models.size();
    find_prices();
  }

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] bool priced() const { return !price_.empty(); }
  [[nodiscard]] bool has_texts() const {
    return std::ranges::none_of(rows_, [](const OutcomeRow* row) { return row->text.empty(); });
  }
  [[nodiscard]] bool has_tasks() const {
    return std::ranges::any_of(rows_, [&](const OutcomeRow* row) { return row->task != rows_.front()->task; });
  }

  /// By the means of the other folds: over all rows, or over the row's task.
  [[nodiscard]] Choice by_means(bool by_task) const {
    Choice choice(rows_.size());
    for (std::size_t fold = 0; fold < options_.folds.folds; ++fold) {
      Means all;
      std::map<std::string_view, Means> means;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (fold_[i] == fold) continue;
        add(all, *rows_[i]);
        if (by_task) add(means[std::string_view(rows_[i]->task)], *rows_[i]);
      }
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (fold_[i] != fold) continue;
        const auto known = means.find(std::string_view(rows_[i]->task));
        const Means& from = by_task && known != means.end() ? known->second : all;
        if (!from.sum.empty())
          choice[i] = static_cast<std::size_t>(std::ranges::max_element(from.sum) - from.sum.begin());
      }
    }
    return choice;
  }

  [[nodiscard]] Choice oracle() const {
    Choice choice(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      for (std::size_t m = 1; m < models_; ++m) {
        const double gain = quality(i, m) - quality(i, choice[i]);
        if (gain > 0 || (gain == 0 && priced() && price_[m] < price_[choice[i]])) choice[i] = m;
      }
    }
    return choice;
  }

  /// By row and model, P(right) from the text, each by what was fitted on the other folds.
  Result<std::vector<std::vector<double>>> predict() const {
    std::vector<std::vector<double>> right(rows_.size(), std::vector<double>(models_, 0));
    const double steps = static_cast<double>(models_ * options_.folds.folds);
    double done = 0;
    for (std::size_t fold = 0; fold < options_.folds.folds; ++fold) {
      for (std::size_t model = 0; model < models_; ++model) {
        if (options_.folds.progress && !options_.folds.progress("many models", done / steps)) {
          return fail(ErrorCode::Cancelled, "stopped");
        }
        SUFFICE_TRY_VOID(predict_fold(fold, model, right));
        done += 1;
      }
    }
    return right;
  }

  [[nodiscard]] Choice greatest(const std::vector<std::vector<double>>& right, double lambda) const {
    Choice choice(rows_.size());
    const auto worth = [&](std::size_t row, std::size_t model) {
      return right[row][model] - (priced() ? lambda * price_[model] : 0);
    };
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      for (std::size_t m = 1; m < models_; ++m) {
        if (worth(i, m) > worth(i, choice[i])) choice[i] = m;
      }
    }
    return choice;
  }

  [[nodiscard]] ChoiceFigures figures(std::string name, const Choice& choice) const {
    ChoiceFigures figures;
    figures.name = std::move(name);
    double sum = 0;
    double cost = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      sum += quality(i, choice[i]);
      if (priced()) cost += price_[choice[i]];
    }
    figures.quality.value = sum / static_cast<double>(rows_.size());
    figures.quality.interval = bootstrap([&](std::size_t i) { return quality(i, choice[i]); });
    if (priced()) figures.cost = cost / static_cast<double>(rows_.size());
    return figures;
  }

  /// What asking any model by chance gives on average.
  [[nodiscard]] ChoiceFigures chance() const {
    ChoiceFigures figures;
    figures.name = "random";
    const auto mean = [&](std::size_t i) {
      double sum = 0;
      for (std::size_t m = 0; m < models_; ++m) sum += quality(i, m);
      return sum / static_cast<double>(models_);
    };
    for (std::size_t i = 0; i < rows_.size(); ++i) figures.quality.value += mean(i) / static_cast<double>(rows_.size());
    figures.quality.interval = bootstrap(mean);
    if (priced()) {
      figures.cost = 0;
      for (const double price : price_) *figures.cost += price / static_cast<double>(models_);
    }
    return figures;
  }

  [[nodiscard]] double price_max() const { return priced() ? *std::ranges::max_element(price_) : 0; }

 private:
  [[nodiscard]] double quality(std::size_t row, std::size_t model) const { return rows_[row]->models[model]->quality; }

  void add(Means& means, const OutcomeRow& row) const {
    means.sum.resize(models_, 0);
    for (std::size_t m = 0; m < models_; ++m) means.sum[m] += row.models[m]->quality;
    means.rows += 1;
  }

  /// Given, or the mean of what was recorded; all of them or none.
  void find_prices() {
    for (std::size_t m = 0; m < models_; ++m) {
      if (m < options_.price.size() && options_.price[m]) {
        price_.push_back(*options_.price[m]);
        continue;
      }
      double sum = 0;
      for (const OutcomeRow* row : rows_) {
        if (!row->models[m]->cost_usd) return price_.clear();
        sum += *row->models[m]->cost_usd;
      }
      price_.push_back(rows_.empty() ? 0 : sum / static_cast<double>(rows_.size()));
    }
  }

  template <class Get>
  [[nodiscard]] learned::Interval bootstrap(const Get& get) const {
    std::vector<double> values(rows_.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = get(i);
    return learned::bootstrap(
        values.size(),
        [&](std::span<const std::size_t> drawn) {
          double sum = 0;
          for (const std::size_t i : drawn) sum += values[i];
          return sum / static_cast<double>(drawn.size());
        },
        options_.repetitions, options_.folds.seed);
  }

  Result<void> predict_fold(std::size_t fold, std::size_t model, std::vector<std::vector<double>>& right) const {
    std::vector<learned::LabelledText> examples;
    double mean = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (fold_[i] == fold) continue;
      const bool is_right = quality(i, model) >= kRight;
      mean += is_right ? 1 : 0;
      examples.push_back({.text = rows_[i]->text, .label = is_right ? "right" : "wrong"});
    }
    const bool one_kind = mean == 0 || mean == static_cast<double>(examples.size());
    if (one_kind) {
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (fold_[i] == fold) right[i][model] = mean == 0 ? 0 : 1;
      }
      return {};
    }
    // Words only: nine models of thousands of long texts are fitted in seconds a fold, characters would take minutes.
    learned::FitOptions fit;
    fit.cost = 1;
    fit.spec.char_ngrams_min = 1;
    fit.spec.char_ngrams_max = 0;
    fit.threads = std::min(2U, std::max(1U, std::thread::hardware_concurrency()));
    SUFFICE_TRY(std::string bytes, learned::fit_classifier(examples, fit));
    SUFFICE_TRY(const learned::LinearClassifier classifier, learned::LinearClassifier::from_bytes(std::move(bytes)));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (fold_[i] == fold) right[i][model] = classifier.score(rows_[i]->text).probability.front();
    }
    return {};
  }

  const ManyOptions& options_;
  std::size_t models_ = 0;
  std::vector<const OutcomeRow*> rows_;
  std::vector<std::size_t> fold_;
  std::vector<double> price_;  ///< by model, or empty
};

}  // namespace

Result<ManyModels> many_models(const OutcomeSet& set, const ManyOptions& options) {
  const Chooser chooser(set, options);
  if (chooser.rows() == 0)
    return fail(ErrorCode::InvalidArgument, "no request was answered by every model", "--models");
  ManyModels many{.rows = chooser.rows(), .choices = {}, .trade_offs = {}};
  many.choices.push_back(chooser.chance());
  many.choices.push_back(chooser.figures("best single", chooser.by_means(false)));
  if (chooser.has_tasks()) many.choices.push_back(chooser.figures("best by task", chooser.by_means(true)));
  if (options.linear && chooser.has_texts()) {
    SUFFICE_TRY(const auto right, chooser.predict());
    many.choices.push_back(chooser.figures("linear", chooser.greatest(right, 0)));
    // What one call of the dearest model may cost, in shares of a right answer.
    for (const double weight : {0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
      if (!chooser.priced() || chooser.price_max() <= 0) break;
      const double lambda = weight / chooser.price_max();
      many.trade_offs.push_back(
          {.lambda = lambda, .figures = chooser.figures("linear", chooser.greatest(right, lambda))});
    }
  }
  many.choices.push_back(chooser.figures("oracle", chooser.oracle()));
  return many;
}

}  // namespace suffice::lab
