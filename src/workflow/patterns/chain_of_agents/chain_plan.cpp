#include "workflow/patterns/chain_of_agents/chain_plan.hpp"

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "core/random.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/chain_of_agents/chain_json.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

std::unexpected<Error> broken() { return fail(ErrorCode::MalformedRequest, "the state of the run is not a chain's"); }

std::optional<json::value> state_of(const FlowRun& run, std::string_view key) {
  const std::optional<JsonText> text = run.state(key);
  if (!text) return std::nullopt;
  Result<json::value> value = wire::parse_json(text->text);
  if (!value) return std::nullopt;
  return *std::move(value);
}

std::optional<std::string> text_of(const FlowRun& run, std::string_view key) {
  const std::optional<json::value> value = state_of(run, key);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

}  // namespace

void ChainPlan::keep(FlowRun& run) const {
  json::array ends;
  for (const TextRange& chunk : chunks) ends.push_back(chunk.end);
  run.set_state("document", wire::to_json_text(json::value(document)));
  run.set_state("metadata", wire::to_json_text(json::value(metadata)));
  run.set_state("query", wire::to_json_text(json::value(query)));
  run.set_state("chunk_ends", wire::to_json_text(std::move(ends)));
  run.set_state("token_scale", wire::to_json_text(json::value(scale)));
  run.set_state("shuffle", wire::to_json_text(json::value(std::to_string(shuffle))));
}

Result<ChainPlan> ChainPlan::of(const FlowRun& run) {
  ChainPlan plan;
  std::optional<std::string> document = text_of(run, "document");
  std::optional<std::string> metadata = text_of(run, "metadata");
  std::optional<std::string> query = text_of(run, "query");
  const std::optional<std::string> shuffle = text_of(run, "shuffle");
  const std::optional<json::value> ends = state_of(run, "chunk_ends");
  const std::optional<json::value> scale = state_of(run, "token_scale");
  if (!document || !metadata || !query || !shuffle || !ends || !ends->is_array() || !scale || !scale->is_number())
    return broken();
  plan.document = *std::move(document);
  plan.metadata = *std::move(metadata);
  plan.query = *std::move(query);
  plan.shuffle = std::strtoull(shuffle->c_str(), nullptr, 10);
  plan.scale = scale->to_number<double>();
  std::size_t begin = 0;
  for (const json::value& each : ends->as_array()) {
    if (!each.is_int64()) return broken();
    const auto end = static_cast<std::size_t>(each.as_int64());
    if (end <= begin || end > plan.document.size()) return broken();
    plan.chunks.push_back({.begin = begin, .end = end});
    begin = end;
  }
  return plan;
}

prompts::TokenCounter ChainPlan::counter() const {
  return [factor = scale](std::string_view text) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(prompts::estimate_tokens(text)) * factor));
  };
}

std::size_t ChainPlan::chunk_at(ReadingOrder order, std::size_t at) const {
  if (order == ReadingOrder::Forward) return at;
  if (order == ReadingOrder::Backward) return chunks.size() - 1 - at;
  std::vector<std::size_t> places(chunks.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  SeededRandom random(shuffle);
  for (std::size_t i = places.size(); i > 1; --i) std::swap(places[i - 1], places[random.below(i)]);
  return places[at];
}

FlowMessage HopState::message(std::string type) const {
  return {.type = std::move(type),
          .body = wire::to_json_text(json::object{{"at", at},
                                                  {"unread_in_a_row", unread_in_a_row},
                                                  {"state", json::parse(state.to_json().text)},
                                                  {"report", to_object(report)}})};
}

Result<HopState> HopState::of(const FlowMessage& message) {
  SUFFICE_TRY(const json::value value, wire::parse_json(message.body.text));
  const json::object* object = value.if_object();
  if (object == nullptr) return broken();
  HopState hop;
  const auto whole = [&](std::string_view key, std::size_t& to) {
    const json::value* number = object->if_contains(key);
    if (number == nullptr || !number->is_int64() || number->as_int64() < 0) return false;
    to = static_cast<std::size_t>(number->as_int64());
    return true;
  };
  const json::value* state = object->if_contains("state");
  const json::value* report = object->if_contains("report");
  if (!whole("at", hop.at) || !whole("unread_in_a_row", hop.unread_in_a_row) || state == nullptr || report == nullptr ||
      !report->is_object())
    return broken();
  SUFFICE_TRY(hop.state, CarriedState::from_json(json::serialize(*state)));
  SUFFICE_TRY(hop.report, report_from(report->as_object()));
  return hop;
}

}  // namespace suffice::workflow::chain
