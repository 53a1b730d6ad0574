#include "workflow/patterns/minions/manifest.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "gate/json_schema.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/minions/json_answer.hpp"

namespace suffice::workflow::minions {

namespace {

using Unit = Chunking::Unit;

constexpr std::array<std::pair<std::string_view, Unit>, 4> kUnits = {
    {{"turns", Unit::Turns}, {"lines", Unit::Lines}, {"sentences", Unit::Sentences}, {"bytes", Unit::Bytes}}};

// {0}: tasks_max, {1}: samples_max.
constexpr std::string_view kSchema = R"({{
  "type": "object",
  "properties": {{
    "tasks": {{
      "type": "array", "minItems": 1, "maxItems": {0},
      "items": {{
        "type": "object",
        "properties": {{
          "name": {{"type": "string", "minLength": 1, "maxLength": 60}},
          "instruction": {{"type": "string", "minLength": 1, "maxLength": 2000}}
        }},
        "required": ["name", "instruction"],
        "additionalProperties": false
      }}
    }},
    "chunking": {{
      "type": "object",
      "properties": {{
        "unit": {{"enum": ["turns", "lines", "sentences", "bytes"]}},
        "size": {{"type": "integer", "minimum": 1, "maximum": 1000000}},
        "overlap": {{"type": "integer", "minimum": 0, "maximum": 1000000}}
      }},
      "required": ["unit", "size", "overlap"],
      "additionalProperties": false
    }},
    "samples": {{"type": "integer", "minimum": 1, "maximum": {1}}}
  }},
  "required": ["tasks", "chunking", "samples"],
  "additionalProperties": false
}})";

Unit unit_named(std::string_view text) {
  const auto* found = std::ranges::find(kUnits, text, &std::pair<std::string_view, Unit>::first);
  return found == kUnits.end() ? Unit::Turns : found->second;
}

/// `value` obeys the schema. A whole number may be written as 3.0.
std::size_t count_of(const boost::json::value& value) { return value.to_number<std::size_t>(); }

JobManifest from_valid(const boost::json::object& object) {
  JobManifest manifest;
  for (const boost::json::value& task : object.at("tasks").as_array()) {
    manifest.tasks.push_back({.name = std::string(task.at("name").as_string()),
                              .instruction = std::string(task.at("instruction").as_string())});
  }
  const boost::json::value& chunking = object.at("chunking");
  manifest.chunking = {.unit = unit_named(chunking.at("unit").as_string()),
                       .size = count_of(chunking.at("size")),
                       .overlap = count_of(chunking.at("overlap"))};
  manifest.samples = count_of(object.at("samples"));
  return manifest;
}

std::vector<std::string> problems_of(const JobManifest& manifest, const Limits& limits) {
  std::vector<std::string> problems;
  std::set<std::string_view> names;
  for (const MapTask& task : manifest.tasks) {
    if (!names.insert(task.name).second) problems.emplace_back("/tasks: two tasks have the same name");
  }
  const Chunking& chunking = manifest.chunking;
  const std::size_t fact = chunking.unit == Unit::Bytes ? limits.fact_bytes : limits.fact_units;
  if (chunking.overlap < fact) {
    problems.push_back(
        fmt::format("/chunking/overlap: must be at least {} {}, the longest expected fact", fact, name(chunking.unit)));
  }
  if (chunking.overlap >= chunking.size) problems.emplace_back("/chunking/overlap: must be below /chunking/size");
  if (chunking.unit == Unit::Bytes && chunking.size < 4)
    problems.emplace_back("/chunking/size: must be at least 4 bytes");
  return problems;
}

std::unexpected<Error> rejected(const std::vector<std::string>& problems) {
  return fail(ErrorCode::OutputRejected, fmt::format("the manifest cannot be used: {}", fmt::join(problems, "; ")),
              "manifest");
}

}  // namespace

std::string_view name(Chunking::Unit unit) noexcept {
  const auto* found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, Unit>::second);
  return found == kUnits.end() ? "turns" : found->first;
}

JsonText JobManifest::json() const {
  boost::json::object object;
  boost::json::array& list = object["tasks"].emplace_array();
  for (const MapTask& task : tasks) list.push_back({{"name", task.name}, {"instruction", task.instruction}});
  object["chunking"] = {{"unit", name(chunking.unit)}, {"size", chunking.size}, {"overlap", chunking.overlap}};
  object["samples"] = samples;
  return wire::to_json_text(object);
}

JsonText manifest_schema(const Limits& limits) {
  return JsonText{fmt::format(kSchema, limits.tasks_max, limits.samples_max)};
}

Result<JobManifest> parse_manifest(std::string_view answer, const Limits& limits) {
  const Result<boost::json::value> value = json_answer(answer);
  if (!value) return rejected({"it is not one JSON object"});
  SUFFICE_TRY(const std::shared_ptr<const gate::JsonSchema> schema,
              gate::JsonSchema::compile(manifest_schema(limits).text));
  std::vector<std::string> problems = schema->validate(wire::to_json_text(*value).text);
  if (!problems.empty()) return rejected(problems);
  JobManifest manifest = from_valid(value->as_object());
  problems = problems_of(manifest, limits);
  if (!problems.empty()) return rejected(problems);
  return manifest;
}

}  // namespace suffice::workflow::minions
