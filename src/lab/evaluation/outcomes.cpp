#include "lab/evaluation/outcomes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/text.hpp"
#include "lab/evaluation/outcome_builder.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

constexpr double kRounding = 1e-6;

}  // namespace

std::unexpected<Error> bad_outcome(std::size_t line, std::string_view member, std::string what) {
  std::string where = fmt::format("line {}", line);
  if (!member.empty()) where += fmt::format(", {}", member);
  return fail(ErrorCode::MalformedRequest, std::move(what), std::move(where));
}

bool is_missing(std::string_view cell) {
  cell = trim(cell);
  for (const std::string_view word : {"", "null", "None", "none", "NaN", "nan", "NA", "N/A"}) {
    if (cell == word) return true;
  }
  return false;
}

std::optional<double> number_of(std::string_view cell) {
  cell = trim(cell);
  if (cell == "True" || cell == "true" || cell == "TRUE") return 1;
  if (cell == "False" || cell == "false" || cell == "FALSE") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<double> unit_share(double value, std::size_t line, std::string_view member) {
  if (value < -kRounding || value > 1 + kRounding) {
    return bad_outcome(line, member, fmt::format("{} is outside [0, 1]; divide scores by their greatest value", value));
  }
  return std::clamp(value, 0.0, 1.0);
}

std::string_view name_of(OutcomeShape shape) {
  switch (shape) {
    case OutcomeShape::ByModel:
      return "an object a request, models by name";
    case OutcomeShape::Ladder:
      return "a ladder of models a request";
    case OutcomeShape::Members:
      return "an object a request, a member a model";
    case OutcomeShape::Wide:
      return "a column a model";
    case OutcomeShape::Long:
      return "a line a model and request";
  }
  return "";
}

Result<std::size_t> OutcomeSet::model(std::string_view name) const {
  const auto exact = std::ranges::find(models, name);
  if (exact != models.end()) return static_cast<std::size_t>(exact - models.begin());
  const std::string part = fold_case(name);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (!part.empty() && fold_case(models[i]).find(part) != std::string::npos) found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  return fail(ErrorCode::NotFound, fmt::format("{} model is called \"{}\"; there are {}",
                                               found.empty() ? "no" : "more than one", name, fmt::join(models, ", ")));
}

bool OutcomeBuilder::wanted(std::string_view model) const {
  return columns_.models.empty() || std::ranges::find(columns_.models, model) != columns_.models.end();
}

std::size_t OutcomeBuilder::add_row(std::string id, std::string text, std::string task) {
  if (id.empty()) id = std::to_string(set_.rows.size() + 1);
  set_.rows.push_back({.id = std::move(id), .text = std::move(text), .task = std::move(task), .models = {}});
  return set_.rows.size() - 1;
}

std::size_t OutcomeBuilder::row_of_key(const std::string& key, std::string id, std::string text, std::string task) {
  const auto [place, is_new] = row_place_.try_emplace(key, set_.rows.size());
  if (is_new) add_row(std::move(id), std::move(text), std::move(task));
  return place->second;
}

Result<void> OutcomeBuilder::put(std::size_t row, std::string_view model, Outcome outcome, std::size_t line) {
  const auto [place, is_new] = model_place_.try_emplace(std::string(model), set_.models.size());
  if (is_new) set_.models.emplace_back(model);
  std::vector<std::optional<Outcome>>& outcomes = set_.rows[row].models;
  if (outcomes.size() <= place->second) outcomes.resize(place->second + 1);
  if (outcomes[place->second]) {
    return bad_outcome(line, model, "a second outcome of the same model for the same request");
  }
  outcomes[place->second] = std::move(outcome);
  return {};
}

Result<OutcomeSet> OutcomeBuilder::finish() {
  if (set_.models.empty()) return fail(ErrorCode::MalformedRequest, "no outcome of any model is in it");
  for (OutcomeRow& row : set_.rows) row.models.resize(set_.models.size());
  return std::move(set_);
}

Result<OutcomeSet> read_outcomes(std::string_view content, const OutcomeColumns& columns) {
  SUFFICE_TRY(const std::string plain, unpacked(content));
  const std::string_view start = trim(plain);
  if (start.empty()) return fail(ErrorCode::MalformedRequest, "the file is empty", "line 1");
  const bool json = start.front() == '{' || start.front() == '[';
  return json ? read_outcome_json(plain, columns) : read_outcome_csv(plain, columns);
}

Result<std::size_t> exclude_rows(OutcomeSet& set, std::string_view list) {
  SUFFICE_TRY(const std::string plain, unpacked(list));
  std::unordered_set<std::string> named;
  for (std::string_view rest = plain; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    const Result<boost::json::value> value = wire::parse_json(line);
    if (value && value->is_object()) {
      for (const auto& member : value->as_object()) {
        if (member.value().is_string()) named.emplace(trim(std::string_view(member.value().as_string())));
      }
    } else if (value && value->is_string()) {
      named.emplace(trim(std::string_view(value->as_string())));
    } else {
      named.emplace(line);
    }
  }
  return std::erase_if(set.rows, [&](const OutcomeRow& row) {
    return named.contains(std::string(trim(row.id))) ||
           (!row.text.empty() && named.contains(std::string(trim(row.text))));
  });
}

}  // namespace suffice::lab
