#include "lab/evaluation/routers.hpp"

#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "learned/fit_classifier.hpp"

namespace suffice::lab {
namespace {

// Differences of scores below this are no gain: nine models' scores are means of few judgements.
constexpr double kSame = 1e-9;

/// liblinear's C: weak texts to go by need a strong pull to small weights.
constexpr double kCost = 1;

std::string_view gain_label(const Pair& pair, std::size_t row) {
  const double gain = pair.strong[row] - pair.weak[row];
  if (gain > kSame) return "strong";
  return gain < -kSame ? "weak" : "same";
}

double probability_of(const learned::LinearClassifier& classifier, const learned::LabelScores& scores,
                      std::string_view label) {
  for (std::size_t i = 0; i < classifier.labels().size(); ++i) {
    if (classifier.labels()[i] == label) return scores.probability[i];
  }
  return 0;
}

/// Fits on the rows outside `fold` and scores those in it.
Result<void> linear_fold(const PairedRows& rows, const std::vector<std::size_t>& folds, std::size_t fold,
                         const FoldOptions& options, std::vector<double>& score) {
  std::vector<learned::LabelledText> examples;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (folds[i] != fold)
      examples.push_back({.text = rows.rows[i]->text, .label = std::string(gain_label(rows.pair, i))});
  }
  learned::FitOptions fit;
  fit.cost = kCost;
  fit.progress = [&](std::size_t done, std::size_t labels) {
    const double part = static_cast<double>(done) / static_cast<double>(labels);
    return !options.progress ||
           options.progress("linear router", (static_cast<double>(fold) + part) / static_cast<double>(options.folds));
  };
  SUFFICE_TRY(std::string bytes, learned::fit_classifier(examples, fit));
  SUFFICE_TRY(const learned::LinearClassifier classifier, learned::LinearClassifier::from_bytes(std::move(bytes)));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (folds[i] != fold) continue;
    const learned::LabelScores scores = classifier.score(rows.rows[i]->text);
    score[i] = probability_of(classifier, scores, "strong") - probability_of(classifier, scores, "weak");
  }
  return {};
}

std::vector<double> table_score(const PairedRows& rows, const std::vector<std::size_t>& folds, std::size_t count) {
  struct Mean {
    double sum = 0;
    double rows = 0;
    [[nodiscard]] double value(double otherwise) const { return rows == 0 ? otherwise : sum / rows; }
  };
  std::vector<double> score(rows.rows.size());
  for (std::size_t fold = 0; fold < count; ++fold) {
    std::map<std::string_view, Mean> tasks;
    Mean all;
    for (std::size_t i = 0; i < score.size(); ++i) {
      if (folds[i] == fold) continue;
      const double gain = rows.pair.strong[i] - rows.pair.weak[i];
      Mean& task = tasks[rows.rows[i]->task];
      task.sum += gain, task.rows += 1;
      all.sum += gain, all.rows += 1;
    }
    for (std::size_t i = 0; i < score.size(); ++i) {
      if (folds[i] == fold) score[i] = tasks[rows.rows[i]->task].value(all.value(0));
    }
  }
  return score;
}

}  // namespace

std::string_view name_of(RouterKind kind) {
  switch (kind) {
    case RouterKind::Length:
      return "length";
    case RouterKind::Table:
      return "table";
    case RouterKind::Linear:
      return "linear";
  }
  return "";
}

Result<RouterKind> router_named(std::string_view name) {
  for (const RouterKind kind : {RouterKind::Length, RouterKind::Table, RouterKind::Linear}) {
    if (name == name_of(kind)) return kind;
  }
  return fail(ErrorCode::InvalidArgument,
              fmt::format("no router is called \"{}\"; there are length, table, linear", name), "--router");
}

Result<std::string> fit_linear_router(const PairedRows& rows, learned::Provenance provenance,
                                      const Progress& progress) {
  if (!rows.has_texts())
    return fail(ErrorCode::InvalidArgument, "the rows have no texts; name their column with --text", "--text");
  std::vector<learned::LabelledText> examples;
  examples.reserve(rows.rows.size());
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    examples.push_back({.text = rows.rows[i]->text, .label = std::string(gain_label(rows.pair, i))});
  learned::FitOptions fit;
  fit.cost = kCost;
  fit.provenance = std::move(provenance);
  fit.progress = [&](std::size_t done, std::size_t labels) {
    return !progress || progress("linear router", static_cast<double>(done) / static_cast<double>(labels));
  };
  return learned::fit_classifier(examples, fit);
}

Result<std::vector<double>> router_score(RouterKind kind, const PairedRows& rows, const FoldOptions& options) {
  if (options.folds < 2) return fail(ErrorCode::InvalidArgument, "at least two folds are needed", "--folds");
  if (kind == RouterKind::Table && !rows.has_tasks()) {
    return fail(ErrorCode::InvalidArgument, "the rows name no two tasks for a table to tell apart", "--router table");
  }
  if (kind != RouterKind::Table && !rows.has_texts()) {
    return fail(ErrorCode::InvalidArgument, "the rows have no texts; name their column with --text",
                fmt::format("--router {}", name_of(kind)));
  }
  std::vector<double> score(rows.rows.size());
  if (kind == RouterKind::Length) {
    for (std::size_t i = 0; i < score.size(); ++i)
      score[i] = static_cast<double>(count_code_points(rows.rows[i]->text));
    return score;
  }
  std::vector<std::size_t> folds;
  folds.reserve(rows.rows.size());
  for (const OutcomeRow* row : rows.rows) folds.push_back(fold_of(*row, options.folds, options.seed));
  if (kind == RouterKind::Table) return table_score(rows, folds, options.folds);
  for (std::size_t fold = 0; fold < options.folds; ++fold) {
    SUFFICE_TRY_VOID(linear_fold(rows, folds, fold, options, score));
  }
  return score;
}

}  // namespace suffice::lab
