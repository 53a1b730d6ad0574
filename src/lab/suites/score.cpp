#include "lab/suites/score.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"

namespace suffice::lab {
namespace {

constexpr std::size_t kBins = 10;

/// A case with its runs; a pass that did not run is null.
struct Row {
  const SuiteCase* of = nullptr;
  const CaseRun* gated = nullptr;
  const CaseRun* ungated = nullptr;
  const CaseRun* frontier = nullptr;
  const CaseRun* kill_switch = nullptr;

  /// What the local model said, gates off: the accepted answer where there is one.
  [[nodiscard]] const CaseRun* local_answer() const {
    if (gated->local) return gated;
    return ungated != nullptr && ungated->local ? ungated : nullptr;
  }
  [[nodiscard]] bool false_accept() const {
    return gated->local && (of->must_escalate || !gated->right.value_or(true));
  }
};

std::vector<Row> rows_of(const Suite& suite, std::span<const CaseRun> runs) {
  std::map<std::string_view, Row> by_id;
  for (const SuiteCase& one : suite.cases) by_id[one.id].of = &one;
  for (const CaseRun& run : runs) {
    const auto found = by_id.find(run.id);
    if (found == by_id.end()) continue;
    Row& row = found->second;
    const std::array<std::pair<Pass, const CaseRun**>, 4> places{{{Pass::Gated, &row.gated},
                                                                  {Pass::Ungated, &row.ungated},
                                                                  {Pass::Frontier, &row.frontier},
                                                                  {Pass::KillSwitch, &row.kill_switch}}};
    for (const auto& [pass, place] : places) {
      if (run.pass == pass) *place = &run;
    }
  }
  std::vector<Row> rows;
  for (const SuiteCase& one : suite.cases) {
    if (const Row& row = by_id[one.id]; row.gated != nullptr) rows.push_back(row);
  }
  return rows;
}

template <class Condition>
std::int64_t count(const std::vector<Row>& rows, Condition condition) {
  return std::ranges::count_if(rows, condition);
}

bool is_one_of(const std::vector<std::string>& labels, const std::string& text) {
  return std::ranges::any_of(labels,
                             [&](const std::string& label) { return fold_case(label) == fold_case(trim(text)); });
}

bool low_risk(const Row& row, const TaskFacts& task) {
  return !row.of->must_escalate && !is_one_of(task.escalate_labels, row.of->expected.text);
}

bool has(const CaseRun& run, std::string_view reason) {
  return std::ranges::find(run.reasons, reason) != run.reasons.end();
}

std::string expected_words(const Expectation& expected) {
  if (!expected.text.empty()) return expected.text;
  if (!expected.fields.empty()) return expected.fields.text;
  return fmt::format("{}", fmt::join(expected.one_of, " or "));
}

void add_shares(const std::vector<Row>& rows, const TaskFacts& task, double confidence, SuiteScore& score) {
  const auto share = [&](std::int64_t k, std::int64_t n) { return share_of(k, n, confidence); };
  const auto all = static_cast<std::int64_t>(rows.size());
  const auto accepted = [](const Row& row) { return row.gated->local; };
  const auto judged = [&](const Row& row) { return row.gated->local && row.gated->right && low_risk(row, task); };
  const auto must = [](const Row& row) { return row.of->must_escalate; };
  const std::int64_t served = count(rows, accepted);
  const std::int64_t wrong = count(rows, [](const Row& row) { return row.false_accept(); });
  score.accepted = share(served, all);
  score.false_accepts = share(wrong, all);
  score.false_accepts_accepted = share(wrong, served);
  score.right_of_accepted =
      share(count(rows, [&](const Row& row) { return judged(row) && *row.gated->right; }), count(rows, judged));
  score.hard_stop_accepts =
      share(count(rows, [&](const Row& row) { return must(row) && row.gated->local; }), count(rows, must));
  score.false_rejects =
      share(count(rows,
                  [&](const Row& row) {
                    const CaseRun* local = row.local_answer();
                    return low_risk(row, task) && !row.gated->local && local != nullptr && local->right.value_or(false);
                  }),
            count(rows, [&](const Row& row) { return low_risk(row, task); }));
  score.right = share(count(rows, [](const Row& row) { return row.gated->right.value_or(false); }),
                      count(rows, [](const Row& row) { return row.gated->right.has_value(); }));
  score.kill_switch =
      share(count(rows, [](const Row& row) { return row.kill_switch != nullptr && row.kill_switch->local; }),
            count(rows, [](const Row& row) { return row.kill_switch != nullptr; }));
  if (!task.has_schema) return;
  const auto tried = [](const Row& row) {
    return row.local_answer() != nullptr || (row.ungated != nullptr && has(*row.ungated, "schema_invalid"));
  };
  score.valid = share(count(rows, [](const Row& row) { return row.local_answer() != nullptr; }), count(rows, tried));
}

void add_wrong(const std::vector<Row>& rows, SuiteScore& score) {
  for (const Row& row : rows) {
    if (!row.false_accept()) continue;
    score.wrong.push_back(FalseAccept{.id = row.of->id,
                                      .line = row.of->line,
                                      .hard_stop = row.of->must_escalate,
                                      .expected = expected_words(row.of->expected),
                                      .preview = row.gated->preview,
                                      .confidence = row.gated->confidence});
  }
  // What must not happen before what is merely wrong, then the surest; by line where these are equal.
  const auto rank = [](const FalseAccept& one) {
    return std::tuple(!one.hard_stop, -one.confidence.value_or(0), one.line);
  };
  std::ranges::sort(score.wrong, std::less<>(), rank);
}

void add_confusion(const std::vector<Row>& rows, const TaskFacts& task, SuiteScore& score) {
  if (task.labels.empty()) return;
  for (const Row& row : rows) {
    if (row.of->expected.text.empty()) continue;
    const CaseRun* local = row.local_answer();
    ++score.confusion[row.of->expected.text][local == nullptr ? "(none)" : local->answered];
  }
}

/// The local model's answers that have a confidence and are right or wrong, most confident first.
std::vector<std::pair<double, bool>> scored_answers(const std::vector<Row>& rows) {
  std::vector<std::pair<double, bool>> answers;
  for (const Row& row : rows) {
    const CaseRun* local = row.local_answer();
    if (local != nullptr && local->confidence && local->right) answers.emplace_back(*local->confidence, *local->right);
  }
  std::ranges::sort(answers, std::greater<>());
  return answers;
}

void add_curves(const std::vector<std::pair<double, bool>>& answers, SuiteScore& score) {
  if (answers.empty()) return;
  const auto n = static_cast<double>(answers.size());
  double wrong = 0;
  double squares = 0;
  struct Sum {
    double confidence = 0;
    double right = 0;
    std::int64_t n = 0;
  };
  std::array<Sum, kBins> bins{};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& [confidence, right] = answers[i];
    wrong += right ? 0 : 1;
    squares += (confidence - (right ? 1 : 0)) * (confidence - (right ? 1 : 0));
    Sum& bin = bins.at(std::min(kBins - 1, static_cast<std::size_t>(confidence * kBins)));
    bin.confidence += confidence;
    bin.right += right ? 1 : 0;
    ++bin.n;
    // Answers of equal confidence are accepted together or not at all.
    if (i + 1 < answers.size() && answers[i + 1].first == confidence) continue;
    const auto taken = static_cast<double>(i + 1);
    score.risk_coverage.push_back({.threshold = confidence, .coverage = taken / n, .risk = wrong / taken});
  }
  double error = 0;
  for (const Sum& bin : bins) {
    if (bin.n == 0) continue;
    const auto of = static_cast<double>(bin.n);
    score.reliability.push_back({.confidence = bin.confidence / of, .right = bin.right / of, .n = bin.n});
    error += std::abs(bin.confidence - bin.right);
  }
  score.ece = error / n;
  score.brier = squares / n;
}

/// Means over the cases where a value is known; nothing when it is known nowhere.
class Mean {
 public:
  void add(double value) {
    sum_ += value;
    ++n_;
  }
  [[nodiscard]] std::optional<double> value() const { return n_ > 0 ? std::optional(sum_ / n_) : std::nullopt; }

 private:
  double sum_ = 0;
  double n_ = 0;
};

/// Quality and money where both sides of every case are known, so that the lines of the table are about the same cases.
void add_baselines(const std::vector<Row>& rows, SuiteScore& score) {
  Mean weak;
  Mean weak_cost;
  Mean strong;
  Mean strong_cost;
  Mean oracle;
  Mean oracle_cost;
  Mean oracle_strong;
  Mean served;
  Mean served_cost;
  Mean served_strong;
  for (const Row& row : rows) {
    if (!row.gated->right || row.frontier == nullptr || !row.frontier->right) continue;
    const CaseRun* local = row.local_answer();
    const bool weak_right = local != nullptr && local->right.value_or(false) && !row.of->must_escalate;
    const double weak_price = local != nullptr ? local->cost_usd : 0;
    weak.add(weak_right ? 1 : 0);
    weak_cost.add(weak_price);
    strong.add(*row.frontier->right ? 1 : 0);
    strong_cost.add(row.frontier->cost_usd);
    const bool take_strong = !weak_right && *row.frontier->right;
    oracle.add(weak_right || *row.frontier->right ? 1 : 0);
    oracle_cost.add(take_strong ? row.frontier->cost_usd : weak_price);
    oracle_strong.add(take_strong ? 1 : 0);
    served.add(*row.gated->right && !row.false_accept() ? 1 : 0);
    served_cost.add(row.gated->cost_usd);
    served_strong.add(row.gated->local ? 0 : 1);
  }
  if (!strong.value()) return;
  const std::optional<double> c = served_strong.value();
  const auto mixed = [&](const Mean& low, const Mean& high) {
    return *low.value() + *c * (*high.value() - *low.value());
  };
  score.baselines = {
      {"as served", served.value(), served_cost.value(), c, "the policy's gate"},
      {"always local", weak.value(), weak_cost.value(), 0.0, "gates off; a case that must escalate counts as wrong"},
      {"always frontier", strong.value(), strong_cost.value(), 1.0, ""},
      {"random", mixed(weak, strong), mixed(weak_cost, strong_cost), c,
       "the same share of frontier calls, chosen blindly"},
      {"oracle", oracle.value(), oracle_cost.value(), oracle_strong.value(), "knows beforehand which answer is right"}};
}

}  // namespace

Share share_of(std::int64_t k, std::int64_t n, double confidence) {
  return {.k = k, .n = n, .interval = learned::clopper_pearson(k, n, confidence)};
}

SuiteScore score_suite(const Suite& suite, const TaskFacts& task, std::span<const CaseRun> runs) {
  const std::vector<Row> rows = rows_of(suite, runs);
  SuiteScore score;
  score.cases = rows.size();
  add_shares(rows, task, suite.gates.confidence, score);
  add_wrong(rows, score);
  add_confusion(rows, task, score);
  add_curves(scored_answers(rows), score);
  add_baselines(rows, score);
  for (const Row& row : rows) {
    if (!row.gated->error.empty()) ++score.errors;
    if (!row.gated->reasons.empty() && !row.gated->local) ++score.reasons[row.gated->reasons.front()];
    score.stand_in = score.stand_in || row.gated->stand_in || (row.frontier != nullptr && row.frontier->stand_in);
  }
  return score;
}

}  // namespace suffice::lab
