#include "cli/review_door.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/recorder.hpp"
#include "audit/sqlite_store.hpp"
#include "cli/command.hpp"
#include "core/ids.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
constexpr std::chrono::seconds kAdminTimeMax{10};
constexpr std::chrono::seconds kFlushTimeMax{10};

Result<void> call_admin(const std::string& admin, const std::string& method, const std::string& path,
                        std::string body) {
  net::HttpRequest request;
  request.method = method;
  SUFFICE_TRY(request.endpoint, net::Endpoint::parse("http://" + admin));
  request.path = path;
  request.headers.add("content-type", "application/json");
  request.body = std::move(body);
  net::HttpClient client{net::HttpClientOptions{}};
  const Result<net::HttpResponse> response =
      net::run_sync(client.send(request, nullptr, Deadline::after(kAdminTimeMax)));
  if (!response) {
    return fail(response.error().code,
                fmt::format("the gateway's admin listener does not answer ({}); name it with --admin HOST:PORT",
                            response.error().message),
                admin);
  }
  if (response->status >= 200 && response->status < 300) return {};
  Error error = wire::decode_openai_error(response->status, response->body);
  error.where = admin + path;
  return fail(std::move(error));
}

Result<void> write_here(const std::filesystem::path& file, audit::Event event) {
  SUFFICE_TRY(std::unique_ptr<audit::AuditStore> store, audit::open_sqlite_store(file));
  SUFFICE_TRY(const std::unique_ptr<audit::Recorder> recorder, audit::Recorder::create(std::move(store), {}));
  if (!recorder->record(std::move(event)))
    return fail(ErrorCode::Overloaded, "the record takes no event", file.string());
  return recorder->flush(kFlushTimeMax);
}

json::object review_body(const audit::Event& event) {
  return {{"event", event.refers_to},   {"reviewer", event.actor}, {"label", event.label},
          {"value", event.label_value}, {"task", event.task},      {"policy_version", event.policy_version}};
}

}  // namespace

Result<void> put_into_record(const ReviewDoor& door, audit::Event event) {
  const SystemClock clock;
  SystemRandom random;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  SUFFICE_TRY(const std::filesystem::path data, data_folder(door.data));
  const std::string body = json::serialize(review_body(event));
  Result<void> here = write_here(data / "audit.sqlite", std::move(event));
  // ConfigInvalid: a gateway holds the lock.
  if (here || here.error().code != ErrorCode::ConfigInvalid) return here;
  const Result<void> there = call_admin(door.admin, "POST", "/suffice/v1/reviews", body);
  if (there) return {};
  return fail(
      there.error().code,
      fmt::format("{}. The record cannot be written here either: {}", there.error().message, here.error().message),
      there.error().where);
}

Result<void> pull_levers(const std::string& admin, const std::string& change) {
  return call_admin(admin, "PUT", "/suffice/v1/flags", change);
}

}  // namespace suffice::cli
