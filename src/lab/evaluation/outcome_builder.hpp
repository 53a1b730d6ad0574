#pragma once
// Inside the readers of recorded outcomes: names that mean the same, and rows put together from parts.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lab/evaluation/outcomes.hpp"

namespace suffice::lab {

// Names of columns and members, the first that is there counts.
constexpr std::array<std::string_view, 5> kIdNames = {"id", "task_id", "question_id", "request_id", "uid"};
constexpr std::array<std::string_view, 6> kTextNames = {"text", "prompt", "question", "input", "query", "instruction"};
constexpr std::array<std::string_view, 5> kTaskNames = {"task", "dataset", "task_name", "category", "subject"};
constexpr std::array<std::string_view, 5> kQualityNames = {"correct", "is_correct", "oracle_correct", "score",
                                                           "quality"};
constexpr std::array<std::string_view, 3> kConfidenceNames = {"confidence", "probability", "calibrated_confidence"};
constexpr std::array<std::string_view, 5> kValidNames = {"valid", "is_valid", "schema_valid", "gate_full_pass",
                                                         "gate_pass"};
constexpr std::array<std::string_view, 4> kOutputNames = {"output", "response", "solution", "answer"};
constexpr std::array<std::string_view, 3> kTokensNames = {"tokens", "total_tokens", "length"};
constexpr std::array<std::string_view, 2> kCostNames = {"cost_usd", "cost"};

[[nodiscard]] std::unexpected<Error> bad_outcome(std::size_t line, std::string_view member, std::string what);

/// "True", "0", "0.25"...; nothing for what is none of these. Without sign of a missing value: see is_missing.
[[nodiscard]] std::optional<double> number_of(std::string_view cell);
/// Empty, "null", "None", "NaN", "NA".
[[nodiscard]] bool is_missing(std::string_view cell);
/// `value` in [0, 1], or the error; what rounding puts a millionth outside is put back.
[[nodiscard]] Result<double> unit_share(double value, std::size_t line, std::string_view member);

class OutcomeBuilder {
 public:
  explicit OutcomeBuilder(OutcomeShape shape, const OutcomeColumns& columns) : columns_(columns) { set_.shape = shape; }

  [[nodiscard]] const OutcomeColumns& columns() const { return columns_; }
  /// False for a model that is not asked for.
  [[nodiscard]] bool wanted(std::string_view model) const;
  /// Starts a row.
  std::size_t add_row(std::string id, std::string text, std::string task);
  /// The row with this key, started when it is new.
  std::size_t row_of_key(const std::string& key, std::string id, std::string text, std::string task);
  Result<void> put(std::size_t row, std::string_view model, Outcome outcome, std::size_t line);
  Result<OutcomeSet> finish();

 private:
  const OutcomeColumns& columns_;
  OutcomeSet set_;
  std::unordered_map<std::string, std::size_t> model_place_;
  std::unordered_map<std::string, std::size_t> row_place_;
};

Result<OutcomeSet> read_outcome_csv(std::string_view content, const OutcomeColumns& columns);
Result<OutcomeSet> read_outcome_json(std::string_view content, const OutcomeColumns& columns);

}  // namespace suffice::lab
