// suffice ask: one request, answered here or by the gateway that runs; shows which model answered, and why.

#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/application.hpp"
#include "app/gateway_file.hpp"
#include "cli/command.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "models/model_store.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kAskTimeMax{120'000};
constexpr std::chrono::milliseconds kModelsReadyMax{20'000};

struct AskFlags {
  std::string task;
  std::string input = "-";
  std::string text;
  std::string policy;
  std::string data;
  std::string url;
  bool frontier = false;
  bool json = false;
};

/// What both ways of asking have in common when shown.
struct Shown {
  std::string text;
  json::object decision;
};

json::object decision_object(const pipeline::Decision& decision) {
  json::array reasons;
  for (const Reason reason : decision.reasons) reasons.emplace_back(name(reason));
  json::object object{{"task", decision.task},         {"route", name(decision.route)},
                      {"reasons", std::move(reasons)}, {"model", decision.model},
                      {"event_id", decision.event_id}, {"cost_usd", decision.cost.dollars()},
                      {"stand_in", decision.stand_in}, {"overhead_us", decision.overhead.count()}};
  if (decision.confidence) object["confidence"] = *decision.confidence;
  if (!decision.warning.empty()) object["warning"] = decision.warning;
  return object;
}

ChatRequest request_from(const AskFlags& flags, std::string input) {
  ChatRequest request;
  request.model = flags.task.empty() ? "suffice/auto" : "suffice/" + flags.task;
  request.messages.push_back(Message::of(Role::User, std::move(input)));
  return request;
}

Result<Shown> ask_here(const AskFlags& flags, std::string input, const std::filesystem::path& data) {
  app::Settings settings;
  SUFFICE_TRY(settings.policy, policy_file(flags.policy));
  settings.data = data;
  settings.engine = app::default_engine(policy::process_environment());
  settings.store = models::default_store_folder(policy::process_environment()).value_or(std::filesystem::path());
  settings.threads = 1;
  SUFFICE_TRY(const std::unique_ptr<app::Application> application,
              app::Application::create(settings, make_log("warn")));
  application->wait_for_models(kModelsReadyMax);
  const SystemClock clock;
  SystemRandom random;
  pipeline::Request request;
  request.chat = request_from(flags, std::move(input));
  request.request_id = new_uuid7(clock, random);
  request.frontier_requested = flags.frontier;
  request.surface = "cli.ask";
  pipeline::Answer answer =
      net::run_sync(application->gateway().answer(request, nullptr, Deadline::after(kAskTimeMax)));
  if (!answer.completion) return fail(std::move(answer.completion).error());
  return Shown{.text = answer.completion->text, .decision = decision_object(answer.decision)};
}

Result<Shown> ask_gateway(const AskFlags& flags, std::string input, const std::string& url) {
  net::HttpRequest request;
  SUFFICE_TRY(request.endpoint, net::Endpoint::parse(url));
  request.path = "/v1/chat/completions";
  request.headers.add("content-type", "application/json");
  if (flags.frontier) request.headers.add("x-suffice-route", "frontier");
  request.body = wire::encode_openai_chat_request(request_from(flags, std::move(input)), {});
  request.timeouts.first_byte = kAskTimeMax;
  net::HttpClient client{net::HttpClientOptions{}};
  Result<net::HttpResponse> response = net::run_sync(client.send(request, nullptr, Deadline::after(kAskTimeMax)));
  if (!response) return fail(std::move(response).error());
  if (response->status != 200) return fail(wire::decode_openai_error(response->status, response->body));
  SUFFICE_TRY(const Completion completion, wire::decode_openai_chat_response(response->body));
  SUFFICE_TRY(const json::value body, wire::parse_json(response->body));
  Shown shown{.text = completion.text, .decision = {}};
  if (const json::value* extension = body.as_object().if_contains("suffice");
      extension != nullptr && extension->is_object()) {
    shown.decision = extension->as_object();
  }
  return shown;
}

std::string word(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (value->is_double()) return fmt::format("{:.4f}", value->as_double());
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

/// The answer alone on standard output, so that it can be piped; the decision on standard error.
void print(const Shown& shown) {
  fmt::print("{}\n", shown.text);
  std::fflush(stdout);
  const bool colour = colours(STDERR_FILENO);
  const std::string route = word(shown.decision, "route");
  std::string why;
  if (const json::value* reasons = shown.decision.if_contains("reasons"); reasons != nullptr && reasons->is_array()) {
    for (const json::value& reason : reasons->as_array())
      why += (why.empty() ? "" : ", ") + std::string(reason.as_string());
  }
  fmt::print(stderr, "{} by {}{}{}\n", paint(route, route == "local" ? "32" : "33", colour),
             word(shown.decision, "model"), why.empty() ? "" : ", because " + why,
             word(shown.decision, "stand_in") == "true" ? " (a recorded stand-in, not a model)" : "");
  if (const std::string confidence = word(shown.decision, "confidence"); !confidence.empty())
    fmt::print(stderr, "confidence {}\n", confidence);
  if (const std::string warning = word(shown.decision, "warning"); !warning.empty())
    fmt::print(stderr, "warning: {}\n", warning);
  fmt::print(stderr, "event {}  (suffice audit show {})\n", word(shown.decision, "event_id"),
             word(shown.decision, "event_id"));
}

/// What a JSON request could carry as well: the API would refuse anything else.
Result<std::string> valid_text(std::string text, const AskFlags& flags) {
  const std::string where = flags.text.empty() ? flags.input : "TEXT";
  if (const std::optional<std::size_t> at = first_invalid_utf8(text)) {
    return fail(ErrorCode::InvalidArgument, fmt::format("not UTF-8 at byte {}; convert it first (iconv -t UTF-8)", *at),
                where);
  }
  if (trim(text).empty()) return fail(ErrorCode::InvalidArgument, "there is no text to ask about", where);
  return text;
}

Exit ask(const AskFlags& flags) {
  Result<std::string> input = flags.text.empty() ? read_input(flags.input) : Result<std::string>(flags.text);
  if (input) input = valid_text(*std::move(input), flags);
  if (!input) return report(input.error());
  const Result<std::filesystem::path> data = data_folder(flags.data);
  if (!data) return report(data.error());
  std::string url = flags.url;
  if (const std::optional<app::RunningGateway> running = app::find_running(*data); url.empty() && running)
    url = running->url;
  const Result<Shown> shown =
      url.empty() ? ask_here(flags, *std::move(input), *data) : ask_gateway(flags, *std::move(input), url);
  if (!shown) return report(shown.error());
  if (flags.json) {
    fmt::print("{}\n", json::serialize(json::object{{"answer", shown->text}, {"suffice", shown->decision}}));
  } else {
    print(*shown);
  }
  return Exit::Ok;
}

}  // namespace

void add_ask(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<AskFlags>();
  CLI::App* command = program.add_subcommand(
      "ask",
      "Ask once; the answer goes to standard output, the decision (which model, why) to standard error.\n\n"
      "When a gateway runs on the data folder it is asked, else the policy is run here.\n"
      "  suffice ask --task classify_issue --input build.log\n"
      "  echo 'my card was charged twice' | suffice ask --task customer_intent");
  command->add_option("--task", flags->task, "Task of the policy; without it the policy's rules choose");
  command->add_option("--input", flags->input, "File with the request's text; - is standard input")
      ->capture_default_str();
  command->add_option("TEXT", flags->text, "The text itself, instead of --input");
  command->add_option("--policy", flags->policy, "Policy file [examples/policy.yaml]");
  command->add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  command->add_option("--url", flags->url, "Ask the gateway at this address instead");
  command->add_flag("--frontier", flags->frontier, "Ask the frontier whatever the policy says (manual_override)");
  command->add_flag("--json", flags->json, "Answer and decision as one JSON object");
  command->callback([flags, &chosen] { chosen.run = [flags] { return ask(*flags); }; });
}

}  // namespace suffice::cli
