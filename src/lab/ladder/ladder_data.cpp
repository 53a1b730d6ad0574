#include "lab/ladder/ladder_data.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "learned/split.hpp"

namespace suffice::lab {
namespace {

constexpr std::size_t kRowsMin = 10;  // on each side
constexpr std::array<std::pair<ScoreSource, std::string_view>, 6> kNames = {{{ScoreSource::Auto, "auto"},
                                                                             {ScoreSource::Confidence, "confidence"},
                                                                             {ScoreSource::Gate, "gate"},
                                                                             {ScoreSource::Judge, "judge"},
                                                                             {ScoreSource::Valid, "valid"},
                                                                             {ScoreSource::Learned, "learned"}}};

std::optional<double> recorded_score(const Outcome& outcome, ScoreSource source) {
  if (source == ScoreSource::Confidence) return outcome.confidence;
  if (source == ScoreSource::Gate) return outcome.gate_score;
  if (source == ScoreSource::Judge) return outcome.judge_score;
  if (source == ScoreSource::Valid && outcome.valid) return *outcome.valid ? 1 : 0;
  return std::nullopt;
}

class LadderReader {
 public:
  LadderReader(const OutcomeSet& set, const LadderDataOptions& options) : set_(set), options_(options) {
    rows_.data.models = set.models;
    rows_.data.scored.assign(set.models.size(), false);
    for (const OutcomeRow& row : set.rows) {
      if (std::ranges::all_of(row.models, [](const auto& outcome) { return outcome.has_value(); }))
        whole_.push_back(&row);
    }
  }

  Result<LadderRows> read() {
    if (whole_.empty()) return fail(ErrorCode::InvalidArgument, "no request was answered by every model", "--models");
    SUFFICE_TRY_VOID(split());
    SUFFICE_TRY_VOID(read_costs());
    const std::size_t cells = whole_.size() * set_.models.size();
    rows_.data.score.assign(cells, 0);
    rows_.source = source();
    if (rows_.source == ScoreSource::Learned) {
      SUFFICE_TRY_VOID(learn());
    } else {
      read_scores();
      if (std::ranges::find(rows_.data.scored, true) == rows_.data.scored.end()) {
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("no model has a recorded {} score on every row; try --score learned", name_of(rows_.source)),
            "--score");
      }
    }
    return std::move(rows_);
  }

 private:
  Result<void> split() {
    for (std::size_t i = 0; i < whole_.size(); ++i) {
      const OutcomeRow& row = *whole_[i];
      const std::string& key = row.text.empty() ? row.id : row.text;
      // Without either, rows are dealt by their place.
      const double place = learned::place_of(key.empty() ? std::to_string(i) : key, options_.seed);
      is_train_.push_back(place < options_.train_share);
      (is_train_.back() ? rows_.train : rows_.test).push_back(i);
    }
    if (rows_.train.size() < kRowsMin || rows_.test.size() < kRowsMin) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("{} rows to learn on and {} to measure on; at least {} of each are needed",
                              rows_.train.size(), rows_.test.size(), kRowsMin));
    }
    return {};
  }

  Result<void> read_costs() {
    for (const OutcomeRow* row : whole_) {
      for (std::size_t model = 0; model < set_.models.size(); ++model) {
        const Outcome& outcome = *row->models[model];
        const auto price = options_.prices.find(set_.models[model]);
        const std::optional<double> cost = price != options_.prices.end() ? price->second : outcome.cost_usd;
        if (!cost) {
          return fail(ErrorCode::InvalidArgument,
                      fmt::format("what a call of {0} costs is not recorded on every row; give --price '{0}=USD'",
                                  set_.models[model]),
                      "--price");
        }
        if (*cost < 0) return fail(ErrorCode::InvalidArgument, "a cost below zero", row->id);
        rows_.data.quality.push_back(outcome.quality);
        rows_.data.cost.push_back(*cost);
      }
    }
    return {};
  }

  [[nodiscard]] bool has_score(std::size_t model, ScoreSource source) const {
    return std::ranges::all_of(
        whole_, [&](const OutcomeRow* row) { return recorded_score(*row->models[model], source).has_value(); });
  }

  [[nodiscard]] ScoreSource source() const {
    if (options_.source != ScoreSource::Auto) return options_.source;
    // A form that is right or wrong is one signal among several, so what is learned takes it in.
    for (const ScoreSource source : {ScoreSource::Confidence, ScoreSource::Gate, ScoreSource::Judge}) {
      for (std::size_t model = 0; model < set_.models.size(); ++model) {
        if (has_score(model, source)) return source;
      }
    }
    return ScoreSource::Learned;
  }

  void read_scores() {
    for (std::size_t model = 0; model < set_.models.size(); ++model) {
      if (!has_score(model, rows_.source)) continue;
      rows_.data.scored[model] = true;
      for (std::size_t i = 0; i < whole_.size(); ++i) {
        rows_.data.score[rows_.data.at(i, model)] = *recorded_score(*whole_[i]->models[model], rows_.source);
      }
    }
  }

  Result<void> learn() {
    const auto models = static_cast<double>(set_.models.size());
    for (std::size_t model = 0; model < set_.models.size(); ++model) {
      if (options_.progress && !options_.progress("scores of answers", static_cast<double>(model) / models))
        return fail(ErrorCode::Cancelled, "stopped");
      SUFFICE_TRY(const std::vector<double> scores, learned_scores(whole_, model, is_train_));
      rows_.data.scored[model] = true;
      for (std::size_t i = 0; i < whole_.size(); ++i) rows_.data.score[rows_.data.at(i, model)] = scores[i];
    }
    return {};
  }

  const OutcomeSet& set_;
  const LadderDataOptions& options_;
  std::vector<const OutcomeRow*> whole_;
  std::vector<bool> is_train_;
  LadderRows rows_;
};

}  // namespace

std::string_view name_of(ScoreSource source) {
  for (const auto& [value, name] : kNames) {
    if (value == source) return name;
  }
  return "auto";
}

Result<ScoreSource> score_source_named(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return fail(ErrorCode::InvalidArgument, "scores are auto, confidence, gate, judge, valid or learned", "--score");
}

Result<LadderRows> ladder_rows(const OutcomeSet& set, const LadderDataOptions& options) {
  return LadderReader(set, options).read();
}

}  // namespace suffice::lab
