#include "server/admin_surface.hpp"

#include <utility>

#include <boost/json.hpp>

#include "pipeline/lever_json.hpp"
#include "server/admin_record.hpp"
#include "server/http_status.hpp"
#include "server/openai_chat_dialect.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::server {
namespace {

namespace json = boost::json;
Result<pipeline::LeverState> changed_by(pipeline::LeverState state, std::string_view body) {
  SUFFICE_TRY(const json::value parsed, wire::parse_json(body));
  const json::object* object = parsed.if_object();
  if (object == nullptr)
    return fail(ErrorCode::InvalidArgument, "send a JSON object with kill_switch, frontier_only_tasks or tasks");
  return pipeline::changed(std::move(state), *object);
}

/// A browser cannot send this media type across origins without asking first.
Result<void> check_media_type(const net::ServerRequest& request) {
  const std::string_view type = request.headers.get("content-type");
  if (net::equal_ignoring_case(type.substr(0, type.find(';')), "application/json")) return {};
  return fail(ErrorCode::UnsupportedMediaType, "send application/json", "content-type");
}

json::object intention_object(const pipeline::Intention& intention) {
  json::array reasons;
  for (const Reason reason : intention.reasons) reasons.emplace_back(name(reason));
  json::array checks;
  for (const CheckResult& check : intention.checks)
    checks.push_back(json::object{{"check", check.check}, {"passed", check.passed}, {"detail", check.detail}});
  json::array ladder;
  for (const pipeline::Intention::Rung& rung : intention.ladder)
    ladder.push_back(json::object{{"model", rung.model}, {"local", rung.local}});
  return {{"task", intention.task.empty() ? json::value(nullptr) : json::value(intention.task)},
          {"route", name(intention.route)},
          {"reasons", std::move(reasons)},
          {"checks", std::move(checks)},
          {"ladder", std::move(ladder)},
          {"cost_usd_max", intention.cost_max.dollars()},
          {"policy_version", intention.policy_version}};
}

}  // namespace

AdminSurface::AdminSurface(AdminDoors doors) : doors_(std::move(doors)) {}

Task<void> AdminSurface::handle(const net::ServerRequest& request, net::ResponseWriter& writer) {
  Reply made;
  if (request.path == "/suffice/v1/policy/reload" && request.method == "POST") {
    Task<Reply> reloading = reload();
    made = co_await std::move(reloading);
  } else if (request.path == "/suffice/v1/audit" && request.method == "GET") {
    Task<Reply> listing = list_events(request);
    made = co_await std::move(listing);
  } else if (request.path == "/suffice/v1/shadow" && request.method == "GET") {
    Task<Reply> comparing = compare_shadows(request);
    made = co_await std::move(comparing);
  } else if (request.path == "/suffice/v1/review" && request.method == "POST") {
    Task<Reply> judging = judgement(request, audit::Event::Kind::Review);
    made = co_await std::move(judging);
  } else if (request.path == "/suffice/v1/feedback" && request.method == "POST") {
    Task<Reply> judging = judgement(request, audit::Event::Kind::Feedback);
    made = co_await std::move(judging);
  } else {
    made = reply(request);
  }
  net::Headers headers;
  headers.add("content-type", made.content_type);
  headers.add("cache-control", "no-store");
  const Result<void> sent = co_await writer.send(made.status, std::move(headers), std::move(made.body));
  static_cast<void>(sent);
}

namespace {

std::string error_json(const Error& error) { return openai_error_body(error, http_status(error)); }

}  // namespace

AdminSurface::Reply AdminSurface::refusal(const Error& error) {
  return {.status = http_status(error), .body = error_json(error)};
}

AdminSurface::Reply AdminSurface::reply(const net::ServerRequest& request) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool change = request.method == "PUT" || request.method == "POST";
  if (request.path == "/healthz" && get) return {.body = R"({"status":"ok"})"};
  if (request.path == "/readyz" && get) return ready();
  if (request.path == "/metrics" && get)
    return {.body = doors_.metrics_text(), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  if (request.path == "/suffice/v1/flags" && get) return flags();
  if (request.path == "/suffice/v1/flags" && change) return set_flags(request);
  if (request.path == "/suffice/v1/decide" && request.method == "POST") return decide(request);
  if (request.path == "/suffice/v1/policy" && get) {
    return {.body = json::serialize(json::object{{"version", doors_.policy_version()}})};
  }
  const Error error{
      .code = ErrorCode::NotFound,
      .message =
          "no such admin endpoint or method; there are GET /healthz, /readyz, /metrics, /suffice/v1/flags, "
          "/suffice/v1/policy, /suffice/v1/audit, /suffice/v1/shadow, PUT /suffice/v1/flags, POST /suffice/v1/decide, "
          "/suffice/v1/review, /suffice/v1/feedback, /suffice/v1/policy/reload",
      .where = {}};
  return {.status = 404, .body = error_json(error)};
}

AdminSurface::Reply AdminSurface::flags() const {
  return {.body = json::serialize(pipeline::to_json(doors_.levers()))};
}

AdminSurface::Reply AdminSurface::set_flags(const net::ServerRequest& request) {
  if (const Result<void> typed = check_media_type(request); !typed) return refusal(typed.error());
  Result<pipeline::LeverState> next = changed_by(doors_.levers(), request.body);
  if (!next) return refusal(next.error());
  const Result<void> set = doors_.set_levers(*std::move(next));
  if (!set) return refusal(set.error());
  return flags();
}

AdminSurface::Reply AdminSurface::decide(const net::ServerRequest& request) const {
  if (const Result<void> typed = check_media_type(request); !typed) return refusal(typed.error());
  Result<ChatRequest> chat = wire::decode_openai_chat_request(request.body);
  if (!chat) return refusal(chat.error());
  pipeline::Request asked;
  asked.chat = *std::move(chat);
  asked.task_hint = request.headers.get("x-suffice-task");
  asked.frontier_requested = net::equal_ignoring_case(request.headers.get("x-suffice-route"), "frontier");
  asked.caller_group = request.headers.get("x-suffice-group");
  asked.trusted = true;
  const Result<pipeline::Intention> intention = doors_.decide(asked);
  if (!intention) return refusal(intention.error());
  return {.body = json::serialize(intention_object(*intention))};
}

Task<AdminSurface::Reply> AdminSurface::list_events(const net::ServerRequest& request) {
  const Result<audit::EventFilter> filter = read_event_query(request.query);
  if (!filter) co_return refusal(filter.error());
  Task<Result<std::vector<audit::StoredEvent>>> reading = doors_.read_events(*filter);
  const Result<std::vector<audit::StoredEvent>> events = co_await std::move(reading);
  if (!events) co_return refusal(events.error());
  co_return Reply{.body = events_body(*events, *filter)};
}

Task<AdminSurface::Reply> AdminSurface::compare_shadows(const net::ServerRequest& request) {
  /// Enough for a shadow of days; the report command reads them all.
  constexpr std::int64_t kShadowsMax = 10'000;
  Result<audit::EventFilter> filter = read_event_query(request.query);
  if (!filter) co_return refusal(filter.error());
  filter->kind = "shadow";
  filter->limit = kShadowsMax;
  Task<Result<std::vector<audit::StoredEvent>>> reading = doors_.read_events(*filter);
  const Result<std::vector<audit::StoredEvent>> events = co_await std::move(reading);
  if (!events) co_return refusal(events.error());
  co_return Reply{.body = shadow_body(*events)};
}

Task<AdminSurface::Reply> AdminSurface::judgement(const net::ServerRequest& request, audit::Event::Kind kind) {
  if (const Result<void> typed = check_media_type(request); !typed) co_return refusal(typed.error());
  Result<audit::Event> event = read_judgement(request.body, kind);
  if (!event) co_return refusal(event.error());
  Task<Result<std::string>> judging = doors_.judge(*std::move(event));
  const Result<std::string> id = co_await std::move(judging);
  if (!id) co_return refusal(id.error());
  co_return Reply{.body = json::serialize(json::object{{"event_id", *id}})};
}

Task<AdminSurface::Reply> AdminSurface::reload() {
  Task<Result<std::string>> reloading = doors_.reload_policy();
  const Result<std::string> version = co_await std::move(reloading);
  Reply made;
  if (version) {
    made.body = json::serialize(json::object{{"version", *version}});
  } else {
    // The operator's file is wrong, not this program: 422 says that the old policy still rules.
    made.status = 422;
    made.body = error_json(version.error());
  }
  co_return made;
}

AdminSurface::Reply AdminSurface::ready() const {
  const Readiness state = doors_.readiness();
  json::array problems;
  for (const std::string& problem : state.problems) problems.emplace_back(problem);
  return {.status = state.ready ? 200 : 503,
          .body = json::serialize(json::object{{"ready", state.ready}, {"problems", std::move(problems)}})};
}

}  // namespace suffice::server
