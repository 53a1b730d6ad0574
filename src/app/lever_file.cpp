#include "app/lever_file.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <boost/json.hpp>

#include "wire/json.hpp"

namespace suffice::app {
namespace {

namespace json = boost::json;
using policy::KillSwitch;

std::unexpected<Error> not_understood(const std::filesystem::path& file) {
  return fail(ErrorCode::ConfigInvalid,
              "not a levers file; mend it or delete it to start with every lever off, then restart", file.string());
}

}  // namespace

Result<pipeline::LeverState> read_levers(const std::filesystem::path& file) {
  pipeline::LeverState state;
  std::ifstream in(file, std::ios::binary);
  if (!in) return state;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Result<json::value> parsed = wire::parse_json(text);
  if (!parsed || !parsed->is_object()) return not_understood(file);
  const json::object& object = parsed->as_object();
  const json::value* position = object.if_contains("kill_switch");
  const json::value* tasks = object.if_contains("frontier_only_tasks");
  if (position == nullptr || !position->is_string() || tasks == nullptr || !tasks->is_array())
    return not_understood(file);
  bool known = false;
  for (const KillSwitch candidate : {KillSwitch::Off, KillSwitch::FrontierOnly, KillSwitch::LocalOnly}) {
    if (std::string_view(position->as_string()) != name(candidate)) continue;
    state.kill_switch = candidate;
    known = true;
  }
  if (!known) return not_understood(file);
  for (const json::value& task : tasks->as_array()) {
    if (!task.is_string()) return not_understood(file);
    state.frontier_only_tasks.emplace(std::string_view(task.as_string()));
  }
  return state;
}

Result<void> write_levers(const std::filesystem::path& file, const pipeline::LeverState& state) {
  json::array tasks;
  for (const std::string& task : state.frontier_only_tasks) tasks.emplace_back(task);
  const json::object object{{"kill_switch", name(state.kill_switch)}, {"frontier_only_tasks", std::move(tasks)}};
  const std::filesystem::path fresh = file.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << json::serialize(object) << "\n";
    out.flush();
    if (!out)
      return fail(ErrorCode::IoFailed, "cannot write; is the disk full or the folder read-only?", fresh.string());
  }
  std::error_code error;
  std::filesystem::rename(fresh, file, error);
  if (error) return fail(ErrorCode::IoFailed, "cannot replace the file: " + error.message(), file.string());
  return {};
}

}  // namespace suffice::app
