#include "workflow/patterns/maker/plan.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::workflow::maker {
namespace {

std::unexpected<Error> fault(std::string message, std::string where) {
  return fail(ErrorCode::InvalidArgument, std::move(message), std::move(where));
}

std::string at(std::size_t entry, std::string_view member = {}) {
  std::string pointer = "/steps/" + std::to_string(entry);
  return member.empty() ? pointer : pointer.append("/").append(member);
}

Result<std::uint64_t> read_times(const boost::json::value& value, const std::string& where) {
  const auto* number = value.if_int64();
  if (number == nullptr || *number < 1) return fault("times is not a whole number of at least 1", where);
  return static_cast<std::uint64_t>(*number);
}

Result<PlanEntry> read_entry(const boost::json::value& value, std::size_t index) {
  const auto* object = value.if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("do");
  if (text == nullptr || !text->is_string()) return fault("a step is an object with the text \"do\"", at(index));
  PlanEntry entry{.instruction = std::string(text->get_string()), .times = 1};
  const auto* times = object->if_contains("times");
  if (times != nullptr) {
    SUFFICE_TRY(entry.times, read_times(*times, at(index, "times")));
  }
  if (object->size() != (times == nullptr ? 1U : 2U))
    return fault("a step has only the members do and times", at(index));
  return entry;
}

Result<void> check_entry(const PlanEntry& entry, std::size_t index, const PlanLimits& limits) {
  if (trim(entry.instruction).empty()) return fault("the instruction is empty", at(index, "do"));
  if (entry.instruction.size() > limits.instruction_max) {
    return fault("the instruction is longer than " + std::to_string(limits.instruction_max) + " bytes",
                 at(index, "do"));
  }
  return {};
}

}  // namespace

Result<Plan> Plan::read(std::string_view json, const PlanLimits& limits) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(json, {.depth_max = 32, .bytes_max = limits.bytes_max}));
  const auto* object = value.if_object();
  const auto* start = object == nullptr ? nullptr : object->if_contains("start");
  const auto* steps = object == nullptr ? nullptr : object->if_contains("steps");
  if (start == nullptr || steps == nullptr || object->size() != 2) {
    return fault("a plan is an object with the members start and steps and no others", "");
  }
  if (!steps->is_array()) return fault("steps is not a list", "/steps");
  const auto& list = steps->get_array();
  if (list.size() > limits.entries_max) {
    return fault("the list has more than " + std::to_string(limits.entries_max) + " entries", "/steps");
  }
  std::vector<PlanEntry> entries;
  entries.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    SUFFICE_TRY(PlanEntry entry, read_entry(list[i], i));
    entries.push_back(std::move(entry));
  }
  return create(wire::canonical_json(*start), std::move(entries), limits);
}

Result<Plan> Plan::create(std::string start, std::vector<PlanEntry> entries, const PlanLimits& limits) {
  if (entries.empty()) return fault("the plan has no steps", "/steps");
  if (entries.size() > limits.entries_max) {
    return fault("the list has more than " + std::to_string(limits.entries_max) + " entries", "/steps");
  }
  Plan plan;
  SUFFICE_TRY(const boost::json::value state,
              wire::parse_json(start, {.depth_max = 32, .bytes_max = limits.bytes_max}));
  plan.start_ = wire::canonical_json(state);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    SUFFICE_TRY_VOID(check_entry(entries[i], i, limits));
    if (entries[i].times == 0 || entries[i].times > limits.steps_max - total) {
      return fault("the plan has more than " + std::to_string(limits.steps_max) + " steps, repeated ones counted",
                   at(i));
    }
    total += entries[i].times;
    plan.ends_.push_back(total);
  }
  plan.entries_ = std::move(entries);
  return plan;
}

const std::string& Plan::instruction(std::uint64_t step) const {
  const auto found = std::ranges::upper_bound(ends_, step);
  return entries_[static_cast<std::size_t>(found - ends_.begin())].instruction;
}

std::string Plan::json() const {
  std::string text;
  wire::JsonWriter writer(text);
  writer.begin_object().key("start").raw(start_).key("steps").begin_array();
  for (const PlanEntry& entry : entries_) {
    writer.begin_object().field("do", entry.instruction);
    if (entry.times != 1) writer.field("times", entry.times);
    writer.end_object();
  }
  writer.end_array().end_object();
  return text;
}

}  // namespace suffice::workflow::maker
