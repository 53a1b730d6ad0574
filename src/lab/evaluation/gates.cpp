#include "lab/evaluation/gates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "lab/evaluation/answers.hpp"
#include "learned/logistic.hpp"

namespace suffice::lab {
namespace {

constexpr double kL2 = 1;
constexpr std::size_t kInnerFolds = 5;

using Answers = std::vector<std::optional<std::string>>;

Pair part_of(const Pair& pair, std::span<const std::size_t> rows) {
  Pair part;
  for (const std::size_t row : rows) {
    part.weak.push_back(pair.weak[row]);
    part.strong.push_back(pair.strong[row]);
  }
  return part;
}

std::unexpected<Error> not_recorded(std::string_view gate, std::string_view what, const OutcomeRow& row) {
  return fail(ErrorCode::InvalidArgument, fmt::format("request \"{}\" has no {} recorded", row.id, what),
              fmt::format("--gate {}", gate));
}

Result<Answers> answers_of(std::size_t model, std::string_view gate, const PairedRows& rows) {
  Answers answers;
  for (const OutcomeRow* row : rows.rows) {
    const auto& outcome = row->models[model];
    if (!outcome || !outcome->output) return not_recorded(gate, "output", *row);
    answers.push_back(answer_in(*outcome->output));
  }
  return answers;
}

std::vector<double> agreement(const Answers& one, const Answers& other) {
  std::vector<double> equal;
  equal.reserve(one.size());
  for (std::size_t i = 0; i < one.size(); ++i) equal.push_back(one[i] && one[i] == other[i] ? 1 : 0);
  return equal;
}

/// Something of the weak model's outcome, of every row; nothing when a row lacks it.
template <class Get>
std::optional<std::vector<double>> of_every_row(const PairedRows& rows, const Get& get) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const std::optional<double> value = get(rows.weak_outcome(i));
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::optional<double> valid_of(const Outcome& outcome) {
  if (!outcome.valid) return std::nullopt;
  return *outcome.valid ? 1 : 0;
}

double log_of_count(double count) { return std::log1p(std::max(0.0, count)); }

std::size_t count_numbers(std::string_view text) { return form_of(text).numbers; }

/// Columns of features, put side by side.
struct FeatureTable {
  std::vector<std::vector<double>> rows;  ///< by row, the features in their order
  std::vector<std::string> names = {};

  void add(std::string name, const std::vector<double>& values) {
    names.push_back(std::move(name));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(values[i]);
  }

  void add_recorded(const PairedRows& paired) {
    const auto add_if = [&](const char* name, const auto& get) {
      if (const auto values = of_every_row(paired, get)) add(name, *values);
    };
    add_if("valid", valid_of);
    add_if("gate_score", [](const Outcome& outcome) { return outcome.gate_score; });
    add_if("log_tokens", [](const Outcome& outcome) -> std::optional<double> {
      if (!outcome.tokens) return std::nullopt;
      return log_of_count(*outcome.tokens);
    });
    add_if("confidence_log_odds", [](const Outcome& outcome) -> std::optional<double> {
      if (!outcome.confidence) return std::nullopt;
      const double p = std::clamp(*outcome.confidence, 1e-6, 1 - 1e-6);
      return std::log(p / (1 - p));
    });
  }

  void add_texts(const PairedRows& paired) {
    std::vector<double> length;
    std::vector<double> numbers;
    for (const OutcomeRow* row : paired.rows) {
      length.push_back(log_of_count(static_cast<double>(count_code_points(row->text))));
      numbers.push_back(static_cast<double>(count_numbers(row->text)));
    }
    add("log_request_length", length);
    add("request_numbers", numbers);
  }

  void add_outputs(const PairedRows& paired) {
    std::vector<OutputForm> forms;
    forms.reserve(paired.rows.size());
    for (std::size_t i = 0; i < paired.rows.size(); ++i) forms.push_back(form_of(*paired.weak_outcome(i).output));
    const auto add_each = [&](const char* name, const auto& get) {
      std::vector<double> values;
      values.reserve(forms.size());
      for (const OutputForm& form : forms) values.push_back(static_cast<double>(get(form)));
      add(name, values);
    };
    add_each("strict_json", [](const OutputForm& form) { return form.strict_json; });
    add_each("fenced", [](const OutputForm& form) { return form.fenced; });
    add_each("has_answer", [](const OutputForm& form) { return form.has_answer; });
    add_each("number_answer", [](const OutputForm& form) { return form.number_answer; });
    add_each("negative", [](const OutputForm& form) { return form.negative; });
    add_each("fraction", [](const OutputForm& form) { return form.fraction; });
    add_each("log_numbers", [](const OutputForm& form) { return std::log1p(static_cast<double>(form.numbers)); });
    add_each("log_length", [](const OutputForm& form) { return std::log1p(static_cast<double>(form.code_points)); });
    add_each("log_prose_behind",
             [](const OutputForm& form) { return std::log1p(static_cast<double>(form.prose_behind)); });
  }
};

std::vector<std::string_view> split_at(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

double mean_of(const std::vector<double>& values) {
  return values.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The two halves of a seed.
std::array<std::vector<std::size_t>, 2> halves_of(const PairedRows& rows, std::uint64_t seed) {
  std::array<std::vector<std::size_t>, 2> halves;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) halves[fold_of(*rows.rows[i], 2, seed)].push_back(i);
  return halves;
}

}  // namespace

Result<RecordedGate> RecordedGate::parse(std::string_view gate, const OutcomeSet& set, const PairedRows& rows) {
  RecordedGate made(rows);
  made.name_ = gate;
  const std::vector<std::string_view> parts = split_at(gate, '+');
  for (const std::string_view part : parts) {
    if (parts.size() > 1 && part.starts_with("learned")) {
      return fail(ErrorCode::InvalidArgument, "a learned gate stands alone: it sees the other signals as features",
                  fmt::format("--gate {}", gate));
    }
    SUFFICE_TRY_VOID(made.add(part, set));
  }
  return made;
}

void RecordedGate::add_scores(const std::vector<double>& scores, bool binary) {
  binary_ = binary_ && binary;
  if (fixed_.empty()) fixed_ = scores;
  for (std::size_t i = 0; i < scores.size(); ++i) fixed_[i] = std::min(fixed_[i], scores[i]);
}

Result<void> RecordedGate::add(std::string_view part, const OutcomeSet& set) {
  const std::size_t colon = std::min(part.find(':'), part.size());
  const std::string_view kind = part.substr(0, colon);
  const std::string_view models = part.substr(std::min(colon + 1, part.size()));
  if (kind == "learned") return add_learned(models, set);
  if (kind == "agreement") {
    SUFFICE_TRY(const std::size_t other, set.model(models));
    SUFFICE_TRY(const Answers mine, answers_of(rows_->weak, part, *rows_));
    SUFFICE_TRY(const Answers theirs, answers_of(other, part, *rows_));
    add_scores(agreement(mine, theirs), true);
    return {};
  }
  std::optional<std::vector<double>> scores;
  if (kind == "valid") {
    scores = of_every_row(*rows_, valid_of);
  } else if (kind == "confidence") {
    scores = of_every_row(*rows_, [](const Outcome& outcome) { return outcome.confidence; });
  } else if (kind == "gate_score") {
    scores = of_every_row(*rows_, [](const Outcome& outcome) { return outcome.gate_score; });
  } else if (kind == "judge") {
    scores = of_every_row(*rows_, [](const Outcome& outcome) { return outcome.judge_score; });
  } else {
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("no gate is called \"{}\"; there are valid, agreement:MODEL, confidence, gate_score, judge, "
                    "learned[:MODEL,...], and several joined by +",
                    part),
        "--gate");
  }
  if (!scores) {
    return fail(ErrorCode::InvalidArgument, "not every request has what this gate looks at",
                fmt::format("--gate {}", part));
  }
  add_scores(*scores, kind == "valid");
  return {};
}

Result<void> RecordedGate::add_learned(std::string_view models, const OutcomeSet& set) {
  FeatureTable table{.rows = std::vector<std::vector<double>>(rows_->rows.size())};
  table.add_recorded(*rows_);
  if (rows_->has_texts()) table.add_texts(*rows_);
  const bool outputs = of_every_row(*rows_, [](const Outcome& outcome) -> std::optional<double> {
                         if (!outcome.output) return std::nullopt;
                         return 1;
                       }).has_value();
  if (outputs) table.add_outputs(*rows_);
  if (!models.empty()) {
    SUFFICE_TRY(const Answers mine, answers_of(rows_->weak, name_, *rows_));
    std::vector<double> agreed(rows_->rows.size(), 0);
    std::vector<Answers> theirs;
    for (const std::string_view name : split_at(models, ',')) {
      SUFFICE_TRY(const std::size_t other, set.model(name));
      SUFFICE_TRY(Answers answers, answers_of(other, name_, *rows_));
      const std::vector<double> equal = agreement(mine, answers);
      table.add(fmt::format("agrees_with {}", set.models[other]), equal);
      for (std::size_t i = 0; i < equal.size(); ++i) agreed[i] += equal[i];
      if (!theirs.empty()) table.add(fmt::format("others_agree {}", theirs.size()), agreement(theirs.front(), answers));
      theirs.push_back(std::move(answers));
    }
    if (theirs.size() > 1) {
      for (double& count : agreed) count = count == 0 ? 1 : 0;
      table.add("nobody_agrees", agreed);
    }
  }
  if (table.names.empty()) {
    return fail(ErrorCode::InvalidArgument, "the rows have neither texts, outputs nor recorded signals to learn from",
                fmt::format("--gate {}", name_));
  }
  features_ = std::move(table.rows);
  feature_names_ = std::move(table.names);
  binary_ = false;
  return {};
}

std::vector<double> RecordedGate::scores(std::span<const std::size_t> fitted_on,
                                         std::span<const std::size_t> scored) const {
  std::vector<double> scores;
  scores.reserve(scored.size());
  if (features_.empty()) {
    for (const std::size_t row : scored) scores.push_back(fixed_[row]);
    return scores;
  }
  std::vector<std::vector<double>> x;
  std::vector<int> right;
  for (const std::size_t row : fitted_on) {
    x.push_back(features_[row]);
    right.push_back(rows_->pair.weak[row] >= 0.5 ? 1 : 0);
  }
  const learned::Logistic model = learned::fit_logistic(x, right, kL2);
  if (model.weight.empty()) return std::vector<double>(scored.size(), 0.5);
  for (const std::size_t row : scored) scores.push_back(model.probability(features_[row]));
  return scores;
}

std::vector<double> RecordedGate::cross_scores(std::span<const std::size_t> rows, std::size_t folds,
                                               std::uint64_t seed) const {
  if (features_.empty()) return scores({}, rows);
  std::vector<double> crossed(rows.size());
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> fitted_on;
    std::vector<std::size_t> scored;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (fold_of(*rows_->rows[rows[i]], folds, seed) != fold) {
        fitted_on.push_back(rows[i]);
      } else {
        scored.push_back(rows[i]);
        places.push_back(i);
      }
    }
    const std::vector<double> part = scores(fitted_on, scored);
    for (std::size_t i = 0; i < part.size(); ++i) crossed[places[i]] = part[i];
  }
  return crossed;
}

double threshold_for_loss(const Pair& pair, std::span<const double> score, double loss) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  double threshold = std::numeric_limits<double>::infinity();
  double lost = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    lost += pair.strong[order[i]] - pair.weak[order[i]];
    if (i + 1 < order.size() && score[order[i + 1]] == score[order[i]]) continue;
    if (lost <= loss * static_cast<double>(order.size())) threshold = score[order[i]];
  }
  return threshold;
}

std::vector<bool> accepted_by_halves(const PairedRows& rows, const RecordedGate& gate, std::optional<double> threshold,
                                     double loss, std::uint64_t seed) {
  std::vector<bool> accepted(rows.rows.size());
  const std::array<std::vector<std::size_t>, 2> halves = halves_of(rows, seed);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::vector<std::size_t>& chosen_on = halves[1 - half];
    double least = gate.binary() ? 1 : threshold.value_or(0);
    if (!gate.binary() && !threshold) {
      const std::vector<double> known = gate.cross_scores(chosen_on, kInnerFolds, seed + 1);
      least = threshold_for_loss(part_of(rows.pair, chosen_on), known, loss);
    }
    const std::vector<double> scores = gate.scores(chosen_on, halves[half]);
    for (std::size_t i = 0; i < scores.size(); ++i) accepted[halves[half][i]] = scores[i] >= least;
  }
  return accepted;
}

double gate_apgr(const Pair& pair, std::span<const double> score) {
  std::vector<double> doubt(score.size());
  for (std::size_t i = 0; i < doubt.size(); ++i) doubt[i] = -score[i];
  return Ranking(pair, doubt).curve().apgr();
}

VerifierChoice choose_verifiers(std::span<const RecordedGate> gates, const PairedRows& rows, int splits,
                                std::uint64_t seed) {
  VerifierChoice choice;
  std::vector<std::vector<double>> reached(gates.size());
  std::vector<double> chosen_reached;
  for (const RecordedGate& gate : gates) choice.verifiers.push_back({.name = gate.name()});
  for (int split = 0; split < splits; ++split) {
    const std::uint64_t split_seed = seed + static_cast<std::uint64_t>(split);
    const std::array<std::vector<std::size_t>, 2> halves = halves_of(rows, split_seed);
    for (std::size_t half = 0; half < 2; ++half) {
      const Pair chosen_on = part_of(rows.pair, halves[1 - half]);
      const Pair scored_on = part_of(rows.pair, halves[half]);
      std::size_t best = 0;
      double best_apgr = -std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < gates.size(); ++i) {
        const double here = gate_apgr(chosen_on, gates[i].cross_scores(halves[1 - half], kInnerFolds, split_seed + 1));
        if (here > best_apgr) best_apgr = here, best = i;
        reached[i].push_back(gate_apgr(scored_on, gates[i].scores(halves[1 - half], halves[half])));
      }
      if (gates.empty()) continue;
      ++choice.verifiers[best].chosen;
      chosen_reached.push_back(reached[best].back());
      ++choice.halves;
    }
  }
  for (std::size_t i = 0; i < gates.size(); ++i) {
    choice.verifiers[i].apgr_mean = mean_of(reached[i]);
    choice.verifiers[i].apgr_low = percentile(reached[i], 0.025);
    choice.verifiers[i].apgr_high = percentile(reached[i], 0.975);
  }
  choice.chosen_apgr_mean = mean_of(chosen_reached);
  choice.chosen_apgr_low = percentile(chosen_reached, 0.025);
  choice.chosen_apgr_high = percentile(chosen_reached, 0.975);
  return choice;
}

}  // namespace suffice::lab
