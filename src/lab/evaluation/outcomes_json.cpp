// JSON Lines (or one array) of recorded outcomes.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/text.hpp"
#include "lab/evaluation/outcome_builder.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

constexpr std::size_t kArrayBytesMax = 1UL << 30;

const json::value* first_of(const json::object& object, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    const json::value* value = object.if_contains(name);
    if (value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

/// A text, or a number written out; empty when there is none.
std::string text_of(const json::object& object, const std::string& given, std::span<const std::string_view> names) {
  const std::string_view name = given;
  const json::value* value = given.empty() ? first_of(object, names) : first_of(object, {&name, 1});
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->as_string());
  return value->is_number() ? json::serialize(*value) : std::string();
}

/// Booleans and numbers, also as text.
std::optional<double> number_in(const json::value& value) {
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.is_number()) return value.to_number<double>();
  return value.is_string() ? number_of(std::string_view(value.as_string())) : std::nullopt;
}

/// Reads the first of `names` that is there into `to`; absent and null leave it alone.
template <std::size_t N>
Result<void> read_number(const json::object& object, const std::array<std::string_view, N>& names, std::size_t line,
                         std::string_view model, std::optional<double>& to) {
  const json::value* value = first_of(object, names);
  if (value == nullptr) return {};
  to = number_in(*value);
  if (!to || !std::isfinite(*to)) return bad_outcome(line, fmt::format("{}, {}", model, names[0]), "not a number");
  return {};
}

Result<void> require_share(std::optional<double>& value, std::size_t line, std::string_view member) {
  if (!value) return {};
  SUFFICE_TRY(value, unit_share(*value, line, member));
  return {};
}

Result<std::optional<Outcome>> outcome_of_object(const json::object& object, std::size_t line, std::string_view model) {
  std::optional<double> quality;
  SUFFICE_TRY_VOID(read_number(object, kQualityNames, line, model, quality));
  if (!quality) return std::nullopt;
  Outcome outcome;
  SUFFICE_TRY(outcome.quality, unit_share(*quality, line, model));
  SUFFICE_TRY_VOID(read_number(object, kConfidenceNames, line, model, outcome.confidence));
  SUFFICE_TRY_VOID(require_share(outcome.confidence, line, fmt::format("{}, confidence", model)));
  SUFFICE_TRY_VOID(read_number(object, std::array<std::string_view, 1>{"gate_score"}, line, model, outcome.gate_score));
  SUFFICE_TRY_VOID(require_share(outcome.gate_score, line, fmt::format("{}, gate_score", model)));
  SUFFICE_TRY_VOID(
      read_number(object, std::array<std::string_view, 1>{"judge_score"}, line, model, outcome.judge_score));
  SUFFICE_TRY_VOID(read_number(object, kCostNames, line, model, outcome.cost_usd));
  std::optional<double> valid;
  SUFFICE_TRY_VOID(read_number(object, kValidNames, line, model, valid));
  if (valid) outcome.valid = *valid >= 0.5;
  SUFFICE_TRY_VOID(read_number(object, kTokensNames, line, model, outcome.tokens));
  if (!outcome.tokens) {
    std::optional<double> in;
    std::optional<double> out;
    SUFFICE_TRY_VOID(read_number(object, std::array<std::string_view, 1>{"input_tokens"}, line, model, in));
    SUFFICE_TRY_VOID(read_number(object, std::array<std::string_view, 1>{"output_tokens"}, line, model, out));
    if (in || out) outcome.tokens = in.value_or(0) + out.value_or(0);
  }
  const json::value* output = first_of(object, kOutputNames);
  if (output != nullptr && output->is_string()) outcome.output = std::string(output->as_string());
  return outcome;
}

/// [correct, valid, tokens]; what is behind is left alone.
Result<std::optional<Outcome>> outcome_of_array(const json::array& array, std::size_t line, std::string_view model) {
  if (array.empty() || array[0].is_null()) return std::nullopt;
  const std::optional<double> quality = number_in(array[0]);
  if (!quality) return bad_outcome(line, model, "the first of the array is to be right or wrong, or a score");
  Outcome outcome;
  SUFFICE_TRY(outcome.quality, unit_share(*quality, line, model));
  if (array.size() > 1 && !array[1].is_null()) {
    const std::optional<double> valid = number_in(array[1]);
    if (!valid) return bad_outcome(line, model, "the second of the array is to say whether the form was valid");
    outcome.valid = *valid >= 0.5;
  }
  if (array.size() > 2 && !array[2].is_null()) {
    outcome.tokens = number_in(array[2]);
    if (!outcome.tokens) return bad_outcome(line, model, "the third of the array is to be a length");
  }
  return outcome;
}

Result<std::optional<Outcome>> outcome_of(const json::value& value, std::size_t line, std::string_view model) {
  if (value.is_null()) return std::nullopt;
  if (value.is_object()) return outcome_of_object(value.as_object(), line, model);
  if (value.is_array()) return outcome_of_array(value.as_array(), line, model);
  const std::optional<double> quality = number_in(value);
  if (!quality) return bad_outcome(line, model, "neither right or wrong, a score, an object nor an array");
  Outcome outcome;
  SUFFICE_TRY(outcome.quality, unit_share(*quality, line, model));
  return outcome;
}

bool is_outcome_member(const json::value& value) {
  return value.is_object() &&
         std::ranges::any_of(kQualityNames, [&](std::string_view name) { return value.as_object().contains(name); });
}

const json::object* by_model(const json::object& row) {
  for (const std::string_view name : {"models", "scores"}) {
    const json::value* value = row.if_contains(name);
    if (value != nullptr && value->is_object()) return &value->as_object();
  }
  return nullptr;
}

std::optional<OutcomeShape> shape_of(const json::object& row) {
  const auto is_array = [&](std::string_view name) { return row.contains(name) && row.at(name).is_array(); };
  if (is_array("ladder") && is_array("rungs")) return OutcomeShape::Ladder;
  if (by_model(row) != nullptr) return OutcomeShape::ByModel;
  if (row.contains("model") && row.at("model").is_string() && first_of(row, kQualityNames) != nullptr) {
    return OutcomeShape::Long;
  }
  for (const auto& member : row) {
    if (is_outcome_member(member.value())) return OutcomeShape::Members;
  }
  return std::nullopt;
}

class JsonRows {
 public:
  JsonRows(OutcomeShape shape, const OutcomeColumns& columns) : shape_(shape), builder_(shape, columns) {}

  Result<void> add(const json::object& row, std::size_t line) {
    std::string id = text_of(row, builder_.columns().id, kIdNames);
    std::string text = text_of(row, builder_.columns().text, kTextNames);
    std::string task = text_of(row, builder_.columns().task, kTaskNames);
    if (shape_ == OutcomeShape::Long) return add_long(row, std::move(id), std::move(text), std::move(task), line);
    const std::size_t place = builder_.add_row(std::move(id), std::move(text), std::move(task));
    if (shape_ == OutcomeShape::Ladder) return add_ladder(row, place, line);
    if (shape_ == OutcomeShape::ByModel) return add_members(by_model(row), place, line, false);
    return add_members(&row, place, line, true);
  }

  Result<OutcomeSet> finish() { return builder_.finish(); }

 private:
  Result<void> put(std::size_t place, std::string_view model, const json::value& value, std::size_t line) {
    if (!builder_.wanted(model)) return {};
    SUFFICE_TRY(std::optional<Outcome> outcome, outcome_of(value, line, model));
    if (outcome) SUFFICE_TRY_VOID(builder_.put(place, model, *std::move(outcome), line));
    return {};
  }

  Result<void> add_members(const json::object* models, std::size_t place, std::size_t line, bool only_outcomes) {
    if (models == nullptr) return bad_outcome(line, "models", "no object of models by name, as the first line has");
    for (const auto& member : *models) {
      if (only_outcomes && !is_outcome_member(member.value())) continue;
      SUFFICE_TRY_VOID(put(place, member.key(), member.value(), line));
    }
    return {};
  }

  Result<void> add_ladder(const json::object& row, std::size_t place, std::size_t line) {
    const json::value* ladder = row.if_contains("ladder");
    const json::value* rungs = row.if_contains("rungs");
    if (ladder == nullptr || !ladder->is_array() || rungs == nullptr || !rungs->is_array()) {
      return bad_outcome(line, "", "no arrays \"ladder\" and \"rungs\", as the first line has");
    }
    if (rungs->as_array().size() > ladder->as_array().size()) {
      return bad_outcome(line, "rungs", "more rungs than the ladder has models");
    }
    for (std::size_t i = 0; i < rungs->as_array().size(); ++i) {
      const json::value& name = ladder->as_array()[i];
      if (!name.is_string()) return bad_outcome(line, "ladder", "models are named by texts");
      SUFFICE_TRY_VOID(put(place, std::string_view(name.as_string()), rungs->as_array()[i], line));
    }
    return {};
  }

  Result<void> add_long(const json::object& row, std::string id, std::string text, std::string task, std::size_t line) {
    const json::value* model = row.if_contains("model");
    if (model == nullptr || !model->is_string()) return bad_outcome(line, "model", "no name of a model");
    if (id.empty() && text.empty()) return bad_outcome(line, "", "neither an id nor a text to join the models by");
    const std::string key = task + "\n" + id + "\n" + (id.empty() ? text : std::string());
    const std::size_t place = builder_.row_of_key(key, std::move(id), std::move(text), std::move(task));
    return put(place, std::string_view(model->as_string()), row, line);
  }

  OutcomeShape shape_;
  OutcomeBuilder builder_;
};

std::unexpected<Error> unknown_form(const json::object& row, std::size_t line) {
  std::vector<std::string_view> names;
  for (const auto& member : row) names.emplace_back(member.key());
  return bad_outcome(line, "",
                     fmt::format("not a form of recorded outcomes: there are {}; wanted are \"models\", \"scores\", "
                                 "\"ladder\" with \"rungs\", \"model\" with \"correct\", or objects with \"correct\"",
                                 fmt::join(names, ", ")));
}

Result<void> add_value(std::optional<JsonRows>& rows, const json::value& value, std::size_t line,
                       const OutcomeColumns& columns) {
  if (!value.is_object()) return bad_outcome(line, "", "not a JSON object");
  if (!rows) {
    const std::optional<OutcomeShape> shape = shape_of(value.as_object());
    if (!shape) return unknown_form(value.as_object(), line);
    rows.emplace(*shape, columns);
  }
  return rows->add(value.as_object(), line);
}

Result<json::value> parse_line(std::string_view text, std::size_t line, std::size_t bytes_max) {
  Result<json::value> value = wire::parse_json(text, {.bytes_max = bytes_max});
  if (value) return value;
  return bad_outcome(line, value.error().where, value.error().message);
}

}  // namespace

Result<OutcomeSet> read_outcome_json(std::string_view content, const OutcomeColumns& columns) {
  std::optional<JsonRows> rows;
  if (trim(content).front() == '[') {
    SUFFICE_TRY(const json::value all, parse_line(trim(content), 1, kArrayBytesMax));
    std::size_t number = 0;
    for (const json::value& value : all.as_array()) SUFFICE_TRY_VOID(add_value(rows, value, ++number, columns));
  } else {
    for (std::size_t line = 1; !content.empty(); ++line) {
      const std::size_t end = std::min(content.find('\n'), content.size());
      const std::string_view text = trim(content.substr(0, end));
      content.remove_prefix(std::min(end + 1, content.size()));
      if (text.empty()) continue;
      SUFFICE_TRY(const json::value value, parse_line(text, line, kArrayBytesMax));
      SUFFICE_TRY_VOID(add_value(rows, value, line, columns));
    }
  }
  if (!rows) return fail(ErrorCode::MalformedRequest, "no rows", "line 1");
  return rows->finish();
}

}  // namespace suffice::lab
