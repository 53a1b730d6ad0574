#include "app/lever_file.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <boost/json.hpp>

#include "pipeline/lever_json.hpp"
#include "wire/json.hpp"

namespace suffice::app {
namespace {

namespace json = boost::json;

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
  if (!object.contains("kill_switch") || !object.contains("frontier_only_tasks")) return not_understood(file);
  Result<pipeline::LeverState> read = pipeline::changed(std::move(state), object);
  if (!read) return not_understood(file);
  return read;
}

Result<void> write_levers(const std::filesystem::path& file, const pipeline::LeverState& state) {
  const std::filesystem::path fresh = file.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << json::serialize(pipeline::to_json(state)) << "\n";
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
