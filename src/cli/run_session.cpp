#include "cli/run_session.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "app/lever_file.hpp"
#include "app/model_clients.hpp"
#include "app/settings.hpp"
#include "audit/location.hpp"
#include "audit/recorder.hpp"
#include "cli/command.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "gate/hard_stops.hpp"
#include "models/model_store.hpp"
#include "policy/policy_store.hpp"
#include "prompts/prompt.hpp"
#include "wire/json.hpp"

namespace suffice::cli {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using workflow::Flow;
using workflow::FlowMessage;
using workflow::FlowOptions;
using workflow::FlowOutcome;
using workflow::ModelUse;
using workflow::PortModel;

constexpr std::chrono::milliseconds kModelsReadyMax{20'000};
constexpr std::chrono::milliseconds kRecordMax{5'000};

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// All that a run is asked: what hard stops look at, and what the record hashes.
std::string whole_input(const workflow::FlowRequest& request) {
  std::string text = request.query;
  for (const workflow::FlowRequest::Text& document : request.documents) text += "\n" + document.text;
  return text;
}

Route route_of(const std::vector<ModelUse>& used, bool answered) {
  if (!answered) return Route::Refused;
  const auto local = [](const ModelUse& use) { return use.local; };
  if (std::ranges::all_of(used, local)) return Route::Local;
  return std::ranges::none_of(used, local) ? Route::Frontier : Route::EscalatedAfterValidation;
}

}  // namespace

JsonText RunPlan::to_json() const {
  json::object object{{"workflow", workflow}, {"policy", policy.string()}, {"demo", demo}};
  object["request"] = json::parse(workflow::to_message(request).body.text);
  return wire::to_json_text(object);
}

Result<RunPlan> RunPlan::from_json(const JsonText& text) {
  SUFFICE_TRY(const json::value value, wire::parse_json(text.text));
  const json::object* object = value.if_object();
  if (object == nullptr || !object->contains("request"))
    return fail(ErrorCode::InvalidArgument, "the journal is not of `suffice run`");
  RunPlan plan;
  plan.workflow = text_at(*object, "workflow");
  plan.policy = text_at(*object, "policy");
  const json::value* demo = object->if_contains("demo");
  plan.demo = demo != nullptr && demo->is_bool() && demo->get_bool();
  const FlowMessage request{.type = std::string(workflow::kRequestType),
                            .body = wire::to_json_text(object->at("request"))};
  SUFFICE_TRY(plan.request, workflow::read_request(request));
  return plan;
}

fs::path journal_file(const fs::path& data, const std::string& run_id) { return data / "runs" / (run_id + ".journal"); }

struct RunSession::Impl {
  RunPlan plan;
  fs::path data;
  // Before the clients: their connections may still be on it.
  asio::io_context context{1};
  SystemClock clock;
  SystemRandom random;
  policy::Environment environment = policy::process_environment();
  std::shared_ptr<const policy::Policy> policy;
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<app::ModelClients> clients;
  std::optional<app::ModelClients::Draft> draft;
  prompts::PromptLibrary prompts;
  std::map<std::string, std::shared_ptr<const PortModel>> models;
  const policy::WorkflowEntry* entry = nullptr;  ///< null: the file was named, not a workflow of the policy
  std::shared_ptr<const workflow::Workflow> workflow;
  std::unique_ptr<workflow::RunLedger> ledger;
  std::optional<Reason> local_refused;   ///< kill switch, or a hard stop
  std::optional<Reason> hosted_refused;  ///< kill switch

  Result<void> build();
  Result<void> load_policy();
  Result<void> load_workflow();
  Result<void> load_demo();
  Result<fs::path> file_of_workflow();
  Result<std::shared_ptr<const PortModel>> model(const std::string& name);
  Result<void> apply_stops();
  Result<std::unique_ptr<audit::Recorder>> open_record() const;
  Result<FlowOutcome> drive(const Flow& flow, FlowOptions options);
  FlowOptions options();
  audit::Event event_of(const RunEnd& end, std::chrono::steady_clock::duration spent) const;
};

Result<void> RunSession::Impl::load_policy() {
  SUFFICE_TRY(const std::unique_ptr<policy::PolicyStore> store, policy::PolicyStore::open(plan.policy, environment));
  policy = store->current();
  std::vector<fs::path> folders;
  std::ranges::copy_if(policy->prompt_dirs, std::back_inserter(folders),
                       [](const fs::path& folder) { return fs::exists(folder); });
  SUFFICE_TRY(prompts, prompts::PromptLibrary::load(folders));
  http = std::make_unique<net::HttpClient>(net::HttpClientOptions{});
  const auto log = make_log("warn");
  clients = std::make_unique<app::ModelClients>(app::ModelClients::Parts{
      .http = *http,
      .environment = environment,
      .clock = clock,
      .random = random,
      .engine = app::default_engine(environment),
      .store = models::ModelStore(models::default_store_folder(environment).value_or(fs::path())),
      .log = [log](std::string_view line) { log->info("engine {}", line); }});
  draft.emplace(*clients);
  return {};
}

Result<std::shared_ptr<const PortModel>> RunSession::Impl::model(const std::string& name) {
  if (const auto known = models.find(name); known != models.end()) return known->second;
  const auto alias = policy->aliases.find(name);
  const auto found = policy->models.find(alias == policy->aliases.end() ? name : alias->second);
  if (found == policy->models.end()) {
    std::vector<std::string> names;
    for (const auto& [one, unused] : policy->models) names.push_back(one);
    for (const auto& [one, unused] : policy->aliases) names.push_back(one);
    return fail(ErrorCode::NotFound,
                fmt::format("the policy has no model '{}'{}", name, policy::did_you_mean(name, names)));
  }
  SUFFICE_TRY(std::shared_ptr<providers::ModelClient> client, draft->get(found->second));
  auto made = std::make_shared<const PortModel>(PortModel{.model = found->second, .client = std::move(client)});
  models.emplace(name, made);
  return made;
}

Result<fs::path> RunSession::Impl::file_of_workflow() {
  if (const auto found = policy->workflows.find(plan.workflow); found != policy->workflows.end()) {
    entry = &found->second;
    return fs::path(entry->file);
  }
  if (fs::is_regular_file(plan.workflow)) return fs::path(plan.workflow);
  std::vector<std::string> names;
  for (const auto& [name, unused] : policy->workflows) names.push_back(name);
  return fail(ErrorCode::NotFound,
              fmt::format("no workflow of {} has this name, and no file either{}", plan.policy.string(),
                          policy::did_you_mean(plan.workflow, names)),
              plan.workflow);
}

Result<void> RunSession::Impl::load_workflow() {
  SUFFICE_TRY(const fs::path file, file_of_workflow());
  const workflow::WorkflowParts parts{.models = [this](const std::string& name) { return model(name); },
                                      .prompts = &prompts};
  workflow::LoadedWorkflow loaded = workflow::load_workflow(file, parts);
  if (!loaded.workflow) {
    const std::string lines = policy::to_lines(loaded.problems);
    return fail(ErrorCode::PolicyInvalid,
                fmt::format("{} problem{}\n{}", loaded.problems.size(), loaded.problems.size() == 1 ? "" : "s", lines),
                file.string());
  }
  workflow = std::move(loaded.workflow);
  return {};
}

Result<void> RunSession::Impl::load_demo() {
  std::vector<std::string> names;
  for (const workflow::Pattern& pattern : workflow::all_patterns()) {
    if (!pattern.demo) continue;
    names.push_back(pattern.name);
    if (pattern.name != plan.workflow) continue;
    auto made = std::make_shared<workflow::Workflow>();
    made->name = pattern.name;
    made->pattern = pattern.name;
    made->flow = pattern.demo();
    workflow = std::move(made);
    return {};
  }
  return fail(ErrorCode::NotFound,
              fmt::format("there is no demonstration of this name{}", policy::did_you_mean(plan.workflow, names)),
              plan.workflow + " --demo");
}

/// The operator's levers and the workflow's own hard stops, as the gateway applies them.
Result<void> RunSession::Impl::apply_stops() {
  SUFFICE_TRY(const pipeline::LeverState levers, app::read_levers(data / "levers.json"));
  const policy::KillSwitch lever =
      levers.kill_switch == policy::KillSwitch::Off ? policy->kill_switch : levers.kill_switch;
  if (lever == policy::KillSwitch::FrontierOnly) local_refused = Reason::KillSwitch;
  if (lever == policy::KillSwitch::LocalOnly) hosted_refused = Reason::KillSwitch;
  if (entry == nullptr || entry->hard_stops.empty()) return {};
  std::vector<policy::HardStopGroup> groups;
  for (const std::string& name : entry->hard_stops) groups.push_back(policy->hard_stops.at(name));
  SUFFICE_TRY(const std::shared_ptr<const gate::HardStops> stops, gate::HardStops::compile(groups));
  const std::vector<gate::HardStops::Match> matches = stops->match(whole_input(plan.request), gate::Side::Input);
  if (matches.empty()) return {};
  ledger->note(matches.front().reason);
  local_refused = matches.front().reason;
  if (entry->on_hard_stop == policy::OnHardStop::Refuse) hosted_refused = matches.front().reason;
  return {};
}

Result<void> RunSession::Impl::build() {
  if (plan.demo) {
    SUFFICE_TRY_VOID(load_demo());
    ledger = std::make_unique<workflow::RunLedger>(workflow->budget.limits);
    return {};
  }
  SUFFICE_TRY_VOID(load_policy());
  SUFFICE_TRY_VOID(load_workflow());
  ledger = std::make_unique<workflow::RunLedger>(workflow->budget.limits);
  SUFFICE_TRY_VOID(apply_stops());
  clients->take(*std::exchange(draft, std::nullopt));
  return {};
}

FlowOptions RunSession::Impl::options() {
  FlowOptions options = workflow::options_for(*workflow, *ledger, Deadline::never());
  options.refused = [this](const policy::Model& model) { return model.local ? local_refused : hosted_refused; };
  return options;
}

/// Runs on this thread; the first Ctrl-C cancels, the second ends the program as usual.
Result<FlowOutcome> RunSession::Impl::drive(const Flow& flow, FlowOptions options) {
  asio::cancellation_signal cancel;
  std::stop_source stop;
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    stop.request_stop();
    cancel.emit(asio::cancellation_type::terminal);
    signals.clear();
  });
  options.stop = stop.get_token();
  std::optional<Result<FlowOutcome>> outcome;
  std::exception_ptr thrown;
  asio::co_spawn(
      context, workflow::run(flow, workflow::to_message(plan.request), std::move(options)),
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr exception, Result<FlowOutcome> result) {
        thrown = exception;
        outcome = std::move(result);
        context.stop();
      }));
  context.restart();
  context.run();
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(outcome);
}

/// Beside a gateway too: a run leaves one event, when it ends.
Result<std::unique_ptr<audit::Recorder>> RunSession::Impl::open_record() const {
  SUFFICE_TRY(const audit::RecordLocation location, audit::record_location({}, data, environment));
  SUFFICE_TRY(std::unique_ptr<audit::AuditStore> store, audit::open_store(location, audit::Writer::Command));
  return audit::Recorder::create(std::move(store), audit::RecorderOptions{});
}

audit::Event RunSession::Impl::event_of(const RunEnd& end, std::chrono::steady_clock::duration spent) const {
  audit::Event event;
  event.kind = audit::Event::Kind::Request;
  event.id = end.event_id;
  event.time = clock.wall_now();
  event.request_id = end.run_id;
  event.run_id = end.run_id;
  event.workflow = workflow->name;
  event.task = entry == nullptr ? std::string() : entry->name;
  event.surface = "cli.run";
  event.route = route_of(end.used, end.outcome.has_value());
  event.reasons = ledger->reasons();
  event.attempts = ledger->attempts();
  event.policy_version = policy->version;
  event.outcome = end.outcome ? "ok" : std::string(name(end.outcome.error().code));
  event.stand_in = std::ranges::any_of(end.used, &ModelUse::stand_in);
  event.cost = end.cost;
  event.latency_us = std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
  event.input = whole_input(plan.request);
  if (end.outcome) event.output = workflow::answer_text(end.outcome->output).value_or("");
  return event;
}

RunSession::RunSession() : impl_(std::make_unique<Impl>()) {}
RunSession::~RunSession() = default;

Result<std::unique_ptr<RunSession>> RunSession::open(RunPlan plan, const fs::path& data) {
  std::unique_ptr<RunSession> session(new RunSession);
  session->impl_->plan = std::move(plan);
  session->impl_->data = data;
  SUFFICE_TRY_VOID(session->impl_->build());
  return session;
}

const Flow& RunSession::flow() const { return *impl_->workflow->flow; }
const workflow::Workflow& RunSession::workflow() const { return *impl_->workflow; }
const workflow::RunLedger& RunSession::ledger() const { return *impl_->ledger; }

Result<RunEnd> RunSession::run(std::unique_ptr<workflow::Journal> journal,
                               std::function<void(const workflow::FlowEvent&)> on_event) {
  Impl& in = *impl_;
  std::error_code error;
  fs::create_directories(in.data / "runs", error);
  if (error)
    return fail(ErrorCode::ConfigInvalid,
                "cannot make the folder of runs (" + error.message() + "); choose another with --data DIR",
                in.data.string());
  fs::permissions(in.data, fs::perms::owner_all, error);
  std::unique_ptr<audit::Recorder> recorder;
  if (!in.plan.demo) {
    SUFFICE_TRY(recorder, in.open_record());
  }
  if (journal == nullptr) {
    const workflow::JournalHeader header{.run_id = new_uuid7(in.clock, in.random),
                                         .shape = flow().shape(),
                                         .input_sha256 = workflow::digest_of(workflow::to_message(in.plan.request)),
                                         .seed = in.random.next(),
                                         .about = in.plan.to_json()};
    SUFFICE_TRY(journal, workflow::Journal::create(journal_file(in.data, header.run_id), header));
  }
  if (in.clients) in.clients->wait_ready(kModelsReadyMax);
  FlowOptions options = in.options();
  options.journal = journal.get();
  options.on_event = std::move(on_event);
  const auto begun = std::chrono::steady_clock::now();
  Result<FlowOutcome> outcome = in.drive(flow(), std::move(options));
  RunEnd end{.run_id = journal->header().run_id,
             .outcome = std::move(outcome),
             .used = in.ledger->used(),
             .cost = in.ledger->cost(),
             .event_id = new_uuid7(in.clock, in.random)};
  if (recorder == nullptr) return end;
  if (!recorder->record(in.event_of(end, std::chrono::steady_clock::now() - begun)))
    return fail(ErrorCode::StoreFailed, "the record did not take the run's event");
  SUFFICE_TRY_VOID(recorder->flush(kRecordMax));
  return end;
}

Result<std::optional<RunEnd>> RunSession::run_plan_only() {
  Impl& in = *impl_;
  if (in.workflow->plan == nullptr) return std::optional<RunEnd>{};
  if (in.clients) in.clients->wait_ready(kModelsReadyMax);
  Result<FlowOutcome> outcome = in.drive(*in.workflow->plan, in.options());
  return RunEnd{.run_id = {},
                .outcome = std::move(outcome),
                .used = in.ledger->used(),
                .cost = in.ledger->cost(),
                .event_id = {}};
}

}  // namespace suffice::cli
