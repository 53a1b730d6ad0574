#include "app/gateway_file.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

#include <boost/json.hpp>

#include "wire/json.hpp"

namespace suffice::app {
namespace {

namespace json = boost::json;

std::filesystem::path file_in(const std::filesystem::path& data) { return data / "gateway.json"; }

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

std::optional<RunningGateway> find_running(const std::filesystem::path& data) {
  std::ifstream in(file_in(data), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Result<json::value> parsed = wire::parse_json(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const json::object& object = parsed->as_object();
  RunningGateway running;
  const json::value* pid = object.if_contains("pid");
  if (pid == nullptr || !pid->is_int64()) return std::nullopt;
  running.pid = static_cast<int>(pid->as_int64());
  running.url = text_of(object, "url");
  running.admin_url = text_of(object, "admin_url");
  // Signal 0 only asks whether the process exists.
  if (running.pid <= 0 || running.url.empty() || ::kill(running.pid, 0) != 0) return std::nullopt;
  return running;
}

void announce_running(const std::filesystem::path& data, const net::ListenAddress& listen,
                      const net::ListenAddress& admin) {
  std::ofstream out(file_in(data), std::ios::binary | std::ios::trunc);
  out << json::serialize(json::object{{"pid", ::getpid()},
                                      {"url", "http://" + listen.to_string()},
                                      {"admin_url", "http://" + admin.to_string()}})
      << "\n";
}

void forget_running(const std::filesystem::path& data) {
  std::error_code ignored;
  std::filesystem::remove(file_in(data), ignored);
}

}  // namespace suffice::app
