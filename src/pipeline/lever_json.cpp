#include "pipeline/lever_json.hpp"

#include <array>
#include <cmath>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace suffice::pipeline {
namespace {

namespace json = boost::json;
using policy::KillSwitch;

constexpr std::array kSwitches = {KillSwitch::Off, KillSwitch::FrontierOnly, KillSwitch::LocalOnly};

std::unexpected<Error> wrong(std::string message, std::string where) {
  return fail(ErrorCode::InvalidArgument, std::move(message), std::move(where));
}

Result<KillSwitch> read_switch(const json::value& value) {
  const json::string* text = value.if_string();
  for (const KillSwitch candidate : kSwitches) {
    if (text != nullptr && std::string_view(*text) == name(candidate)) return candidate;
  }
  return wrong("must be \"off\", \"frontier_only\" or \"local_only\"", "kill_switch");
}

Result<std::set<std::string>> read_names(const json::value& value, const std::string& where) {
  const json::array* array = value.if_array();
  std::set<std::string> names;
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const json::string* text = (*array)[i].if_string();
    if (text == nullptr) return wrong("must be an array of names", where);
    names.emplace(text->begin(), text->end());
  }
  if (array == nullptr) return wrong("must be an array of names", where);
  return names;
}

Result<bool> read_flag(const json::value& value, const std::string& where) {
  if (value.is_null()) return false;
  if (const bool* flag = value.if_bool()) return *flag;
  return wrong("must be true or false", where);
}

Result<void> change_canary(const json::value& value, const std::string& where, TaskLever& lever) {
  if (value.is_null()) {
    lever.canary_percent.reset();
    lever.canary_groups.reset();
    return {};
  }
  const json::object* canary = value.if_object();
  if (canary == nullptr) return wrong("must be an object with percent or groups", where);
  for (const auto& member : *canary) {
    if (member.key() == "percent") {
      const std::int64_t* percent = member.value().if_int64();
      if (percent == nullptr || *percent < 0 || *percent > 100) return wrong("must be 0 to 100", where + ".percent");
      lever.canary_percent = static_cast<int>(*percent);
    } else if (member.key() == "groups") {
      SUFFICE_TRY(lever.canary_groups, read_names(member.value(), where + ".groups"));
    } else {
      return fail(ErrorCode::UnsupportedField, "unknown; a canary has percent and groups", where);
    }
  }
  return {};
}

Result<void> change_confidence(const json::value& value, const std::string& where, TaskLever& lever) {
  if (value.is_null()) {
    lever.min_confidence.reset();
    return {};
  }
  const double given = value.is_number() ? value.to_number<double>() : -1;
  if (!(given >= 0 && given <= 1)) return wrong("must be a number from 0 to 1", where);
  lever.min_confidence = given;
  return {};
}

Result<TaskLever> changed_lever(TaskLever lever, const json::value& value, const std::string& where) {
  if (value.is_null()) return TaskLever{};
  const json::object* object = value.if_object();
  if (object == nullptr) return wrong("must be an object of levers, or null", where);
  for (const auto& member : *object) {
    const std::string here = where + "." + std::string(member.key());
    if (member.key() == "min_confidence") {
      SUFFICE_TRY_VOID(change_confidence(member.value(), here, lever));
    } else if (member.key() == "canary") {
      SUFFICE_TRY_VOID(change_canary(member.value(), here, lever));
    } else if (member.key() == "candidate_serves") {
      SUFFICE_TRY(lever.candidate_serves, read_flag(member.value(), here));
    } else if (member.key() == "certificate_withdrawn") {
      SUFFICE_TRY(lever.certificate_withdrawn, read_flag(member.value(), here));
    } else {
      return fail(ErrorCode::UnsupportedField,
                  "unknown lever; a task has min_confidence, canary, candidate_serves and certificate_withdrawn",
                  where);
    }
  }
  return lever;
}

json::object lever_object(const TaskLever& lever) {
  json::object object;
  if (lever.min_confidence) object["min_confidence"] = *lever.min_confidence;
  if (lever.canary_percent || lever.canary_groups) {
    json::object& canary = object["canary"].emplace_object();
    if (lever.canary_percent) canary["percent"] = *lever.canary_percent;
    if (lever.canary_groups) canary["groups"] = json::array(lever.canary_groups->begin(), lever.canary_groups->end());
  }
  if (lever.candidate_serves) object["candidate_serves"] = true;
  if (lever.certificate_withdrawn) object["certificate_withdrawn"] = true;
  return object;
}

}  // namespace

json::object to_json(const LeverState& state) {
  json::object tasks;
  for (const auto& [task, lever] : state.tasks) tasks[task] = lever_object(lever);
  return {{"kill_switch", name(state.kill_switch)},
          {"frontier_only_tasks", json::array(state.frontier_only_tasks.begin(), state.frontier_only_tasks.end())},
          {"tasks", std::move(tasks)}};
}

Result<LeverState> changed(LeverState state, const json::object& change) {
  for (const auto& member : change) {
    if (member.key() == "kill_switch") {
      SUFFICE_TRY(state.kill_switch, read_switch(member.value()));
    } else if (member.key() == "frontier_only_tasks") {
      SUFFICE_TRY(state.frontier_only_tasks, read_names(member.value(), "frontier_only_tasks"));
    } else if (member.key() == "tasks") {
      const json::object* tasks = member.value().if_object();
      if (tasks == nullptr) return wrong("must be an object of levers by task", "tasks");
      for (const auto& entry : *tasks) {
        const std::string task(entry.key());
        SUFFICE_TRY(TaskLever lever, changed_lever(state.of(task), entry.value(), "tasks." + task));
        if (lever.is_off()) {
          state.tasks.erase(task);
        } else {
          state.tasks.insert_or_assign(task, std::move(lever));
        }
      }
    } else {
      return fail(ErrorCode::UnsupportedField, "unknown flag; known are kill_switch, frontier_only_tasks and tasks");
    }
  }
  return state;
}

}  // namespace suffice::pipeline
