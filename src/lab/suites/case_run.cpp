#include "lab/suites/case_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

constexpr std::array kPasses{Pass::Gated, Pass::Ungated, Pass::Frontier, Pass::KillSwitch};

bool read_text(const json::object& object, std::string_view key, std::string& to) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return false;
  to = std::string(value->as_string());
  return true;
}

bool read_flag(const json::object& object, std::string_view key, bool& to) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_bool()) return false;
  to = value->as_bool();
  return true;
}

bool read_number(const json::object& object, std::string_view key, double& to) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return false;
  to = value->to_number<double>();
  return true;
}

bool read_reasons(const json::object& object, CaseRun& run) {
  const json::value* value = object.if_contains("reasons");
  if (value == nullptr || !value->is_array()) return false;
  for (const json::value& reason : value->as_array()) {
    if (!reason.is_string()) return false;
    run.reasons.emplace_back(reason.as_string());
  }
  return true;
}

std::optional<CaseRun> read_run(const json::object& object) {
  CaseRun run;
  std::string pass;
  double latency = 0;
  const bool whole = read_text(object, "id", run.id) && read_text(object, "pass", pass) &&
                     read_flag(object, "local", run.local) && read_reasons(object, run) &&
                     read_text(object, "model", run.model) && read_text(object, "error", run.error) &&
                     read_text(object, "answered", run.answered) && read_text(object, "preview", run.preview) &&
                     read_number(object, "cost_usd", run.cost_usd) && read_number(object, "latency_us", latency) &&
                     read_flag(object, "stand_in", run.stand_in);
  const auto named = std::ranges::find_if(kPasses, [&](Pass one) { return name(one) == pass; });
  if (!whole || named == kPasses.end() || std::fabs(latency) > 1e15) return std::nullopt;
  run.pass = *named;
  run.latency_us = static_cast<std::int64_t>(latency);
  if (bool right = false; read_flag(object, "right", right)) run.right = right;
  if (double confidence = 0; read_number(object, "confidence", confidence)) run.confidence = confidence;
  return run;
}

}  // namespace

std::string_view name(Pass pass) noexcept {
  switch (pass) {
    case Pass::Gated:
      return "gated";
    case Pass::Ungated:
      return "ungated";
    case Pass::Frontier:
      return "frontier";
    case Pass::KillSwitch:
      return "kill_switch";
  }
  return "gated";
}

std::string to_line(const CaseRun& run, std::string_view key) {
  json::object line{{"key", key},
                    {"id", run.id},
                    {"pass", name(run.pass)},
                    {"local", run.local},
                    {"reasons", json::array(run.reasons.begin(), run.reasons.end())},
                    {"model", run.model},
                    {"error", run.error},
                    {"answered", run.answered},
                    {"preview", run.preview},
                    {"cost_usd", run.cost_usd},
                    {"latency_us", run.latency_us},
                    {"stand_in", run.stand_in}};
  if (run.right) line["right"] = *run.right;
  if (run.confidence) line["confidence"] = *run.confidence;
  return json::serialize(line);
}

Result<std::vector<CaseRun>> read_runs(std::string_view lines, std::string_view key) {
  std::vector<CaseRun> runs;
  std::set<std::pair<Pass, std::string>> seen;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) break;
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(end + 1);
    if (line.empty()) continue;
    const Result<json::value> value = wire::parse_json(line);
    std::string own_key;
    std::optional<CaseRun> run;
    if (value && value->is_object() && read_text(value->as_object(), "key", own_key))
      run = read_run(value->as_object());
    if (!run) {
      return fail(ErrorCode::MalformedRequest, "not a result of suffice eval; move the file away",
                  fmt::format("line {}", number));
    }
    if (own_key == key && seen.emplace(run->pass, run->id).second) runs.push_back(*std::move(run));
  }
  return runs;
}

}  // namespace suffice::lab
