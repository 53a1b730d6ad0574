// suffice levers: what an operator changes in seconds; acts on the running gateway's next request, is recorded and outlives a restart.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/gateway_file.hpp"
#include "app/lever_file.hpp"
#include "cli/command.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "pipeline/lever_json.hpp"
#include "policy/read_file.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::chrono::milliseconds kCallTimeMax{10'000};
constexpr std::size_t kReportBytesMax = 256UL << 20;

struct LeverFlags {
  std::string data;
  std::string url;
  bool json = false;
  std::string task;
  std::string value;
  std::vector<std::string> groups;
  std::string report;
  bool off = false;
};

/// Where the levers are: in the gateway that runs on the data folder, or in the folder's file while none runs.
class LeverDesk {
 public:
  static Result<LeverDesk> open(const LeverFlags& flags) {
    LeverDesk desk;
    SUFFICE_TRY(desk.data_, data_folder(flags.data));
    desk.admin_ = flags.url;
    if (const std::optional<app::RunningGateway> running = app::find_running(desk.data_);
        desk.admin_.empty() && running) {
      desk.admin_ = running->admin_url;
    }
    return desk;
  }

  [[nodiscard]] bool running() const { return !admin_.empty(); }

  Result<pipeline::LeverState> read() const {
    if (!running()) return app::read_levers(file());
    SUFFICE_TRY(const json::object flags, call("GET", "/suffice/v1/flags", {}));
    return pipeline::changed(pipeline::LeverState{}, flags);
  }

  Result<pipeline::LeverState> change(const json::object& change) const {
    if (running()) {
      SUFFICE_TRY(const json::object flags, call("PUT", "/suffice/v1/flags", json::serialize(change)));
      return pipeline::changed(pipeline::LeverState{}, flags);
    }
    SUFFICE_TRY(pipeline::LeverState state, app::read_levers(file()));
    SUFFICE_TRY(pipeline::LeverState next, pipeline::changed(std::move(state), change));
    std::error_code ignored;
    fs::create_directories(data_, ignored);
    SUFFICE_TRY_VOID(app::write_levers(file(), next));
    return next;
  }

  Result<std::string> policy_version() const {
    SUFFICE_TRY(const json::object policy, call("GET", "/suffice/v1/policy", {}));
    const json::value* version = policy.if_contains("version");
    if (version == nullptr || !version->is_string())
      return fail(ErrorCode::ProtocolError, "the gateway did not say its policy's version", admin_);
    return std::string(version->get_string());
  }

 private:
  [[nodiscard]] fs::path file() const { return data_ / "levers.json"; }

  Result<json::object> call(const char* method, const char* path, std::string body) const {
    net::HttpRequest request;
    SUFFICE_TRY(request.endpoint, net::Endpoint::parse(admin_));
    request.method = method;
    request.path = path;
    if (!body.empty()) request.headers.add("content-type", "application/json");
    request.body = std::move(body);
    net::HttpClient client{net::HttpClientOptions{}};
    Result<net::HttpResponse> response = net::run_sync(client.send(request, nullptr, Deadline::after(kCallTimeMax)));
    if (!response) return fail(std::move(response).error());
    if (response->status != 200) return fail(wire::decode_openai_error(response->status, response->body));
    SUFFICE_TRY(const json::value parsed, wire::parse_json(response->body));
    if (!parsed.is_object())
      return fail(ErrorCode::ProtocolError, "the gateway did not answer with its levers", admin_);
    return parsed.get_object();
  }

  fs::path data_;
  std::string admin_;
};

void print(const pipeline::LeverState& state, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(pipeline::to_json(state)));
    return;
  }
  fmt::print("kill switch   {}\n", name(state.kill_switch));
  for (const std::string& task : state.frontier_only_tasks) fmt::print("{}: frontier only\n", task);
  for (const auto& [task, lever] : state.tasks) {
    if (lever.min_confidence) fmt::print("{}: threshold at least {}\n", task, *lever.min_confidence);
    if (lever.canary_percent) fmt::print("{}: canary of {} %\n", task, *lever.canary_percent);
    if (lever.canary_groups) {
      std::string groups;
      for (const std::string& group : *lever.canary_groups) groups += " " + group;
      fmt::print("{}: canary groups{}\n", task, groups.empty() ? " none" : groups);
    }
    if (lever.candidate_serves) fmt::print("{}: the candidate serves\n", task);
    if (lever.certificate_withdrawn) fmt::print("{}: certificate withdrawn\n", task);
  }
  if (state == pipeline::LeverState{}) fmt::print("every other lever is off\n");
}

using Change = std::function<Result<json::object>(const LeverFlags&, const LeverDesk&)>;

Exit pull(const LeverFlags& flags, const Change& make) {
  const Result<LeverDesk> desk = LeverDesk::open(flags);
  if (!desk) return report(desk.error());
  Result<json::object> change = make(flags, *desk);
  if (!change) {
    static_cast<void>(report(change.error()));
    return change.error().code == ErrorCode::OutputRejected ? Exit::GateNotMet : Exit::Usage;
  }
  const Result<pipeline::LeverState> state = change->empty() ? desk->read() : desk->change(*change);
  if (!state) return report(state.error());
  print(*state, flags.json);
  if (!change->empty() && !desk->running())
    fmt::print(stderr, "no gateway runs on this data folder; the next one starts with these levers\n");
  return Exit::Ok;
}

json::object of_task(const LeverFlags& flags, std::string_view lever, json::value value) {
  return {{"tasks", json::object{{flags.task, json::object{{lever, std::move(value)}}}}}};
}

Result<json::object> frontier_change(const LeverFlags& flags, const LeverDesk& desk) {
  SUFFICE_TRY(const pipeline::LeverState state, desk.read());
  std::set<std::string> tasks = state.frontier_only_tasks;
  if (flags.off) {
    tasks.erase(flags.task);
  } else {
    tasks.insert(flags.task);
  }
  return json::object{{"frontier_only_tasks", json::array(tasks.begin(), tasks.end())}};
}

Result<double> number_in(const std::string& text, double low, double high, const char* what) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !(value >= low && value <= high))
    return fail(ErrorCode::InvalidArgument, fmt::format("write a number from {} to {}, or off", low, high), what);
  return value;
}

Result<json::object> threshold_change(const LeverFlags& flags, const LeverDesk&) {
  if (flags.value == "off") return of_task(flags, "min_confidence", nullptr);
  SUFFICE_TRY(const double value, number_in(flags.value, 0, 1, "THRESHOLD"));
  return of_task(flags, "min_confidence", value);
}

Result<json::object> canary_change(const LeverFlags& flags, const LeverDesk&) {
  if (flags.value == "off") return of_task(flags, "canary", nullptr);
  SUFFICE_TRY(const double percent, number_in(flags.value, 0, 100, "PERCENT"));
  json::object canary{{"percent", static_cast<std::int64_t>(percent)}};
  if (!flags.groups.empty()) canary["groups"] = json::array(flags.groups.begin(), flags.groups.end());
  return of_task(flags, "canary", std::move(canary));
}

/// A member that a report.json of ours has.
bool says(const json::object& suite, std::string_view key, bool wanted) {
  const json::value* value = suite.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool() == wanted;
}

/// Why `suite` is no reason to promote; empty when it is one.
std::string objection(const json::object& suite, const std::string& version) {
  if (!says(suite, "candidate", true)) return "it is not of the candidate; run `suffice eval SUITE --candidate`";
  if (!says(suite, "complete", true) || !says(suite, "limited", false)) return "not every case of the suite was run";
  const json::value* policy = suite.if_contains("policy_version");
  if (policy == nullptr || !policy->is_string() || policy->get_string() != version)
    return fmt::format("it was made with another policy than the one that serves ({})", version);
  if (!says(suite, "gate_met", true)) return "the release gate was not met";
  return {};
}

/// The release gate: a report of this candidate under the policy that serves, with every gate met.
Result<json::object> promote_change(const LeverFlags& flags, const LeverDesk& desk) {
  if (!desk.running()) {
    return fail(ErrorCode::InvalidArgument, "no gateway runs on this data folder; start it, then promote", "--data");
  }
  const fs::path file =
      fs::is_directory(flags.report) ? fs::path(flags.report) / "report.json" : fs::path(flags.report);
  SUFFICE_TRY(const std::string text, policy::read_file(file, kReportBytesMax));
  SUFFICE_TRY(const json::value parsed, wire::parse_json(text));
  SUFFICE_TRY(const std::string version, desk.policy_version());
  const json::value* suites = parsed.is_object() ? parsed.get_object().if_contains("suites") : nullptr;
  std::string why = "it has no suite of this task";
  for (std::size_t i = 0; suites != nullptr && suites->is_array() && i < suites->get_array().size(); ++i) {
    const json::object* suite = suites->get_array()[i].if_object();
    const json::value* task = suite == nullptr ? nullptr : suite->if_contains("task");
    if (task == nullptr || !task->is_string() || task->get_string() != flags.task) continue;
    why = objection(*suite, version);
    if (!why.empty()) break;
  }
  if (!why.empty())
    return fail(ErrorCode::OutputRejected, "this report does not allow to promote " + flags.task + ": " + why,
                file.string());
  return of_task(flags, "candidate_serves", true);
}

/// One lever: its words, and what it changes.
struct Lever {
  const char* name;
  const char* about;
  Change change;
};

CLI::App* add_lever(CLI::App& levers, const std::shared_ptr<LeverFlags>& flags, Command& chosen, const Lever& lever) {
  CLI::App* command = levers.add_subcommand(lever.name, lever.about);
  command->callback(
      [flags, &chosen, change = lever.change] { chosen.run = [flags, change] { return pull(*flags, change); }; });
  return command;
}

}  // namespace

void add_levers(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<LeverFlags>();
  CLI::App* command = program.add_subcommand(
      "levers",
      "Show and pull the levers of the running gateway. A change acts on the next request, is an event of the record and outlives\n"
      "a restart. While no gateway runs, the next one starts with it.\n\n"
      "  suffice levers                                  how they stand\n"
      "  suffice levers kill-switch frontier_only        no local answer any more, for nobody\n"
      "  suffice levers threshold intent 0.95            an incident: be stricter than the certificate\n"
      "  suffice levers canary intent 10 --group staff   answer a tenth of the callers locally\n"
      "  suffice levers promote intent --report runs/v2  the candidate serves, if the release gate was met\n"
      "  suffice levers rollback intent");
  command->add_option("--data", flags->data, "Folder of the gateway [$XDG_STATE_HOME/suffice]");
  command->add_option("--admin", flags->url, "Admin address of a gateway elsewhere, http://HOST:PORT");
  command->add_flag("--json", flags->json, "The levers as one JSON object");
  command->require_subcommand(0, 1);
  command->fallthrough();
  const Change nothing = [](const LeverFlags&, const LeverDesk&) { return Result<json::object>(json::object()); };
  command->callback([flags, &chosen, nothing] {
    if (!chosen.run) chosen.run = [flags, nothing] { return pull(*flags, nothing); };
  });

  CLI::App* kill = add_lever(*command, flags, chosen,
                             {"kill-switch", "Keep every request off local models, or off hosted ones.",
                              [](const LeverFlags& given, const LeverDesk&) -> Result<json::object> {
                                return json::object{{"kill_switch", given.value}};
                              }});
  kill->add_option("POSITION", flags->value, "off, frontier_only or local_only")
      ->required()
      ->check(CLI::IsMember({"off", "frontier_only", "local_only"}));
  const auto with_task = [&](CLI::App* lever) {
    lever->add_option("TASK", flags->task, "Task of the policy")->required();
    return lever;
  };
  with_task(add_lever(*command, flags, chosen, {"frontier", "Send a task to the frontier.", frontier_change}))
      ->add_flag("--off", flags->off, "No longer");
  with_task(
      add_lever(*command, flags, chosen,
                {"threshold", "Ask for more confidence than the task's threshold; never for less.", threshold_change}))
      ->add_option("THRESHOLD", flags->value, "0 to 1, or off")
      ->required();
  CLI::App* canary =
      with_task(add_lever(*command, flags, chosen,
                          {"canary", "Answer only a share of the callers, and some groups, locally.", canary_change}));
  canary->add_option("PERCENT", flags->value, "0 to 100 by a stable hash of the caller, or off")->required();
  canary->add_option("--group", flags->groups, "Caller group; repeat it for several");
  with_task(add_lever(*command, flags, chosen,
                      {"promote", "Let a task's candidate serve, on the evidence of its report.", promote_change}))
      ->add_option("--report", flags->report, "Of `suffice eval SUITE --candidate --out DIR`: report.json or DIR")
      ->required();
  with_task(add_lever(*command, flags, chosen,
                      {"rollback", "Let the ladder before the promotion serve again.",
                       [](const LeverFlags& given, const LeverDesk&) -> Result<json::object> {
                         return of_task(given, "candidate_serves", false);
                       }}));
  with_task(add_lever(*command, flags, chosen,
                      {"withdraw", "Withdraw a task's certificates: its threshold counts as uncertified.",
                       [](const LeverFlags& given, const LeverDesk&) -> Result<json::object> {
                         return of_task(given, "certificate_withdrawn", !given.off);
                       }}))
      ->add_flag("--off", flags->off, "Believe them again");
}

}  // namespace suffice::cli
