#include "cli/review_door.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "audit/location.hpp"
#include "audit/recorder.hpp"
#include "cli/command.hpp"
#include "core/ids.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "policy/policy_store.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::cli {
namespace {

constexpr std::chrono::seconds kAdminTimeMax{10};
constexpr std::chrono::seconds kFlushTimeMax{10};

}  // namespace

Result<void> put_into_record(const std::string& data, audit::Event event) {
  const SystemClock clock;
  SystemRandom random;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  SUFFICE_TRY(const std::filesystem::path folder, data_folder(data));
  SUFFICE_TRY(const audit::RecordLocation location, audit::record_location({}, folder, policy::process_environment()));
  SUFFICE_TRY(std::unique_ptr<audit::AuditStore> store, audit::open_store(location, audit::Writer::Command));
  SUFFICE_TRY(const std::unique_ptr<audit::Recorder> recorder, audit::Recorder::create(std::move(store), {}));
  if (!recorder->record(std::move(event)))
    return fail(ErrorCode::Overloaded, "the record takes no event", location.name);
  return recorder->flush(kFlushTimeMax);
}

Result<void> pull_levers(const std::string& admin, const std::string& change) {
  net::HttpRequest request;
  request.method = "PUT";
  SUFFICE_TRY(request.endpoint, net::Endpoint::parse("http://" + admin));
  request.path = "/suffice/v1/flags";
  request.headers.add("content-type", "application/json");
  request.body = change;
  net::HttpClient client{net::HttpClientOptions{}};
  const Result<net::HttpResponse> response =
      net::run_sync(client.send(request, nullptr, Deadline::after(kAdminTimeMax)));
  if (!response) {
    return fail(response.error().code,
                fmt::format("the gateway's admin listener does not answer ({}); name it with --admin HOST:PORT",
                            response.error().message),
                admin);
  }
  if (response->status == 200) return {};
  Error error = wire::decode_openai_error(response->status, response->body);
  error.where = admin + request.path;
  return fail(std::move(error));
}

}  // namespace suffice::cli
