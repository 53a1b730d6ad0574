#include "cli/eval_session.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/application.hpp"
#include "audit/redaction.hpp"
#include "cli/command.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "models/model_store.hpp"
#include "pipeline/snapshot.hpp"
#include "prompts/prompt.hpp"
#include "providers/classifier_client.hpp"
#include "providers/recorded_client.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using lab::CaseRun;
using lab::Pass;
using lab::Suite;
using lab::SuiteCase;

constexpr std::chrono::milliseconds kCaseTimeMax{120'000};
constexpr std::chrono::milliseconds kModelsReadyMax{20'000};
constexpr std::size_t kPreviewMax = 160;

/// What stands in for a frontier model: the recorded answer, else what is right; nothing when a checker alone knows that.
std::string recorded_answer(const SuiteCase& one) {
  if (one.frontier) return *one.frontier;
  if (!one.expected.text.empty()) return one.expected.text;
  if (!one.expected.fields.empty()) return one.expected.fields.text;
  if (!one.expected.one_of.empty()) return one.expected.one_of.front();
  return one.expected.empty() ? "no frontier answer was recorded for this case" : "";
}

/// A recording (providers/recorded_client.hpp) with the answers of every case. Two cases with one text get the first's answer.
Result<void> write_recording(const fs::path& file, const Suite& suite) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  for (const SuiteCase& one : suite.cases) {
    const std::string answer = recorded_answer(one);
    if (answer.empty()) continue;
    const json::object line{{"task", suite.task},
                            {"match", json::object{{"input_sha256", sha256_hex(one.messages.back().text())}}},
                            {"response", json::object{{"text", answer}, {"usage", "estimate"}}}};
    out << json::serialize(line) << '\n';
  }
  if (!out.flush()) return fail(ErrorCode::IoFailed, "cannot be written", file.string());
  return {};
}

Result<std::shared_ptr<providers::ModelClient>> recorded_client(const fs::path& file) {
  policy::Model model;
  model.name = "recorded";
  model.provider = policy::ProviderKind::Recorded;
  model.model = file.string();
  SUFFICE_TRY(std::unique_ptr<providers::ModelClient> client, providers::make_recorded_client(model));
  return std::shared_ptr<providers::ModelClient>(std::move(client));
}

bool is_local(const policy::Policy& policy, const policy::Tier& tier) {
  const auto model = policy.models.find(tier.model);
  return model != policy.models.end() && model->second.local;
}

/// `task` with `model` in the place of its local tiers; the first of these lends its prompt.
void put_local_tier(const policy::Policy& policy, const std::string& model, policy::Task& task) {
  const auto first = std::ranges::find_if(task.tiers, [&](const policy::Tier& tier) { return is_local(policy, tier); });
  policy::Tier own;
  if (first != task.tiers.end()) own = *first;
  own.model = model;
  std::erase_if(task.tiers, [&](const policy::Tier& tier) { return is_local(policy, tier); });
  task.tiers.insert(task.tiers.begin(), std::move(own));
}

/// What the small model knows: no stop, no threshold, every label served. The mechanical checks stay.
void open_gate(policy::Task& task) {
  task.local = true;
  task.rollout = policy::RolloutStage::On;
  task.hard_stops.clear();
  task.escalate_labels.clear();
  task.unknown_label.reset();
  task.min_confidence = 0;
  task.proof.certificate.clear();
  for (policy::Tier& tier : task.tiers) tier.proof.certificate.clear();
}

using Clients = std::map<std::string, std::shared_ptr<providers::ModelClient>>;

Clients clients_of(const pipeline::Snapshot& snapshot) {
  Clients clients;
  const auto add = [&](const pipeline::TaskPlan& task) {
    for (const workflow::CascadeTier& tier : task.plan->tiers) clients.emplace(tier.model.name, tier.client);
    if (task.promoted == nullptr) return;
    for (const workflow::CascadeTier& tier : task.promoted->plan->tiers) clients.emplace(tier.model.name, tier.client);
  };
  for (const auto& [name, task] : snapshot.tasks) add(task);
  if (snapshot.unknown) add(*snapshot.unknown);
  return clients;
}

Result<prompts::PromptLibrary> prompts_of(const policy::Policy& policy) {
  std::vector<fs::path> folders;
  std::ranges::copy_if(policy.prompt_dirs, std::back_inserter(folders),
                       [](const fs::path& folder) { return fs::exists(folder); });
  return prompts::PromptLibrary::load(folders);
}

}  // namespace

struct EvalSession::Impl {
  EvalSetup setup;
  // Before the application: its connections may still be on it.
  boost::asio::io_context context{1};
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<app::Application> application;
  policy::Policy policy;                  ///< as written, with --local in force
  Clients clients;                        ///< of the policy's models
  std::set<std::string> with_candidates;  ///< tasks
  std::unique_ptr<prompts::PromptLibrary> prompts;

  Result<void> build();
  Result<std::shared_ptr<const pipeline::Snapshot>> snapshot_for(Pass pass, const Suite& suite) const;
  Result<void> prepare(Pass pass, const Suite& suite);
  Result<void> run_pass(const Suite& suite, std::span<const EvalJob> jobs,
                        const std::function<void(const CaseRun&)>& on_run, const std::function<bool()>& stopped);
  Task<CaseRun> ask(const Suite& suite, EvalJob job);
  CaseRun read(const Suite& suite, const EvalJob& job, const pipeline::Answer& answer, SteadyTime begun) const;
};

Result<void> EvalSession::Impl::build() {
  app::Settings settings;
  settings.policy = setup.policy;
  settings.data = setup.data;
  settings.engine = app::default_engine(policy::process_environment());
  settings.store = models::default_store_folder(policy::process_environment()).value_or(fs::path());
  settings.threads = 1;
  SUFFICE_TRY(application, app::Application::create(settings, make_log("error")));
  application->wait_for_models(kModelsReadyMax);
  const std::shared_ptr<const pipeline::Snapshot> first = application->gateway().snapshot();
  policy = *first->policy;
  clients = clients_of(*first);
  SUFFICE_TRY(prompts::PromptLibrary library, prompts_of(policy));
  prompts = std::make_unique<prompts::PromptLibrary>(std::move(library));
  for (auto& [name, task] : policy.tasks) {
    if (task.candidate) with_candidates.insert(name);
    if (setup.candidate && task.candidate) task = pipeline::with_candidate(policy, task);
    task.candidate.reset();  // nothing runs beside a suite's cases
  }
  if (setup.local.empty()) return {};
  const auto model = policy.models.find(setup.local);
  if (model == policy.models.end() || !model->second.local) {
    return fail(ErrorCode::NotFound, "the policy has no local model of this name", "--local " + setup.local);
  }
  if (!clients.contains(setup.local)) {
    if (model->second.provider != policy::ProviderKind::Classifier) {
      return fail(ErrorCode::NotFound,
                  "no task of the policy uses this model, so it is not running; add it to a ladder",
                  "--local " + setup.local);
    }
    SUFFICE_TRY(std::unique_ptr<providers::ModelClient> client, providers::make_classifier_client(model->second));
    clients.emplace(setup.local, std::move(client));
  }
  for (auto& [name, task] : policy.tasks) put_local_tier(policy, setup.local, task);
  return {};
}

Result<std::shared_ptr<const pipeline::Snapshot>> EvalSession::Impl::snapshot_for(Pass pass, const Suite& suite) const {
  auto changed = std::make_shared<policy::Policy>(policy);
  if (pass == Pass::Ungated) open_gate(changed->tasks.at(suite.task));
  std::shared_ptr<providers::ModelClient> frontier;
  if (setup.frontier == FrontierSource::Recorded || pass == Pass::Ungated) {
    // The small model is asked alone: what its form forbids goes nowhere, and is paid to nobody.
    const fs::path file = setup.data / (pass == Pass::Ungated ? "nobody.jsonl" : "frontier.jsonl");
    Suite nobody;
    SUFFICE_TRY_VOID(write_recording(file, pass == Pass::Ungated ? nobody : suite));
    SUFFICE_TRY(frontier, recorded_client(file));
  }
  return pipeline::make_snapshot(std::move(changed), *prompts,
                                 [&](const policy::Model& model) -> Result<std::shared_ptr<providers::ModelClient>> {
                                   if (!model.local && frontier != nullptr) return frontier;
                                   const auto found = clients.find(model.name);
                                   if (found == clients.end())
                                     return fail(ErrorCode::ModelUnavailable, "has no client", "models." + model.name);
                                   return found->second;
                                 });
}

Result<void> EvalSession::Impl::prepare(Pass pass, const Suite& suite) {
  SUFFICE_TRY(std::shared_ptr<const pipeline::Snapshot> snapshot, snapshot_for(pass, suite));
  application->gateway().replace(std::move(snapshot));
  pipeline::LeverState levers;
  if (pass == Pass::KillSwitch) levers.kill_switch = policy::KillSwitch::FrontierOnly;
  return application->set_levers(levers);
}

CaseRun EvalSession::Impl::read(const Suite& suite, const EvalJob& job, const pipeline::Answer& answer,
                                SteadyTime begun) const {
  const pipeline::Decision& decision = answer.decision;
  CaseRun run;
  run.id = job.of->id;
  run.pass = job.pass;
  run.local = answer.completion.has_value() && decision.route == Route::Local;
  for (const Reason reason : decision.reasons) run.reasons.emplace_back(suffice::name(reason));
  run.model = decision.model;
  run.confidence = decision.confidence;
  run.cost_usd = decision.cost.dollars();
  run.latency_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count();
  run.stand_in = !run.local && (decision.stand_in || setup.frontier == FrontierSource::Recorded);
  if (!answer.completion) {
    run.error = suffice::name(answer.completion.error().code);
    return run;
  }
  const std::string& text = answer.completion->text;
  if (!job.of->expected.empty()) run.right = lab::is_right(job.of->expected, text);
  const std::vector<std::string>& labels = policy.tasks.at(suite.task).labels;
  const auto label =
      std::ranges::find_if(labels, [&](const std::string& one) { return fold_case(one) == fold_case(trim(text)); });
  if (label != labels.end()) run.answered = *label;
  run.preview = audit::redacted_preview(text, kPreviewMax);
  return run;
}

Task<CaseRun> EvalSession::Impl::ask(const Suite& suite, EvalJob job) {
  pipeline::Request request;
  request.chat.model = "suffice/" + suite.task;
  request.chat.messages = job.of->messages;
  request.request_id = new_uuid7(clock, random);
  request.frontier_requested = job.pass == Pass::Frontier;
  request.surface = "cli.eval";
  const SteadyTime begun = std::chrono::steady_clock::now();
  Task<pipeline::Answer> answering = application->gateway().answer(request, nullptr, Deadline::after(kCaseTimeMax));
  const pipeline::Answer answer = co_await std::move(answering);
  co_return read(suite, job, answer, begun);
}

Result<void> EvalSession::Impl::run_pass(const Suite& suite, std::span<const EvalJob> jobs,
                                         const std::function<void(const CaseRun&)>& on_run,
                                         const std::function<bool()>& stopped) {
  std::size_t next = 0;
  const auto worker = [&]() -> Task<void> {
    while (next < jobs.size() && !stopped()) {
      Task<CaseRun> asking = ask(suite, jobs[next++]);
      const CaseRun run = co_await std::move(asking);
      on_run(run);
    }
  };
  std::size_t working = std::max<std::size_t>(1, std::min(setup.at_once, jobs.size()));
  std::exception_ptr thrown;
  const std::size_t workers = working;
  for (std::size_t i = 0; i < workers; ++i) {
    boost::asio::co_spawn(context, worker(), [&](std::exception_ptr exception) {
      if (exception) thrown = exception;
      // Idle connections to providers would keep the context busy for ever.
      if (--working == 0) context.stop();
    });
  }
  context.run();
  context.restart();
  if (thrown) std::rethrow_exception(thrown);
  return {};
}

EvalSession::EvalSession() : impl_(std::make_unique<Impl>()) {}
EvalSession::~EvalSession() = default;

Result<std::unique_ptr<EvalSession>> EvalSession::open(EvalSetup setup) {
  std::unique_ptr<EvalSession> session(new EvalSession);
  session->impl_->setup = std::move(setup);
  SUFFICE_TRY_VOID(session->impl_->build());
  return session;
}

bool EvalSession::has_candidate(const std::string& task) const { return impl_->with_candidates.contains(task); }
const policy::Policy& EvalSession::policy() const { return impl_->policy; }

Result<lab::TaskFacts> EvalSession::facts(const Suite& suite) const {
  const auto found = impl_->policy.tasks.find(suite.task);
  if (found == impl_->policy.tasks.end()) {
    std::vector<std::string> names;
    for (const auto& [name, task] : impl_->policy.tasks) names.push_back(name);
    return fail(ErrorCode::NotFound,
                fmt::format("the policy has no task {}{}", suite.task, policy::did_you_mean(suite.task, names)),
                (suite.folder / "suite.yaml").string());
  }
  const policy::Task& task = found->second;
  lab::TaskFacts facts;
  facts.labels = task.labels;
  facts.escalate_labels = task.escalate_labels;
  facts.has_schema = !task.schema.empty();
  facts.has_local_tier = task.local && std::ranges::any_of(task.tiers, [&](const policy::Tier& tier) {
                           return is_local(impl_->policy, tier);
                         });
  facts.threshold = task.min_confidence.value_or(0);
  return facts;
}

std::vector<Pass> EvalSession::passes(const lab::TaskFacts& facts) const {
  std::vector<Pass> passes{Pass::Gated};
  if (facts.has_local_tier) passes.push_back(Pass::Ungated);
  if (impl_->setup.frontier == FrontierSource::Recorded) passes.push_back(Pass::Frontier);
  return passes;
}

Result<void> EvalSession::run(const Suite& suite, std::span<const EvalJob> jobs,
                              const std::function<void(const CaseRun&)>& on_run, const std::function<bool()>& stopped) {
  for (const Pass pass : {Pass::Gated, Pass::Ungated, Pass::Frontier, Pass::KillSwitch}) {
    std::vector<EvalJob> own;
    std::ranges::copy_if(jobs, std::back_inserter(own), [&](const EvalJob& job) { return job.pass == pass; });
    if (own.empty() || stopped()) continue;
    SUFFICE_TRY_VOID(impl_->prepare(pass, suite));
    SUFFICE_TRY_VOID(impl_->run_pass(suite, own, on_run, stopped));
  }
  return {};
}

}  // namespace suffice::cli
