#include "cli/prompts_support.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/model_clients.hpp"
#include "app/settings.hpp"
#include "core/clock.hpp"
#include "core/random.hpp"
#include "models/model_store.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "policy/policy_store.hpp"
#include "prompts/span_schema.hpp"
#include "prompts/token_fit.hpp"

namespace suffice::cli {

namespace {

constexpr std::chrono::milliseconds kModelReadyMax{20'000};

}  // namespace

void add_prompt_flags(CLI::App& command, PromptFlags& flags) {
  command.add_option("--prompts", flags.folders, "Folders of prompt files [those of the policy]");
  command.add_option("--policy", flags.policy, "Policy file [examples/policy.yaml]");
  command.add_flag("--json", flags.json, "Machine-readable: one JSON value");
}

Result<std::shared_ptr<const policy::Policy>> load_policy_of(const PromptFlags& flags) {
  SUFFICE_TRY(const std::filesystem::path file, policy_file(flags.policy));
  policy::Loaded loaded = policy::load_policy(file, policy::process_environment());
  if (loaded.policy == nullptr) return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems));
  return loaded.policy;
}

Result<std::vector<std::filesystem::path>> folders_of(const PromptFlags& flags) {
  if (!flags.folders.empty()) return std::vector<std::filesystem::path>(flags.folders.begin(), flags.folders.end());
  SUFFICE_TRY(const std::shared_ptr<const policy::Policy> policy, load_policy_of(flags));
  return std::vector<std::filesystem::path>(policy->prompt_dirs.begin(), policy->prompt_dirs.end());
}

Result<prompts::PromptLibrary> load_library(const PromptFlags& flags) {
  SUFFICE_TRY(const std::vector<std::filesystem::path> folders, folders_of(flags));
  return prompts::PromptLibrary::load(folders);
}

Result<std::vector<std::shared_ptr<const prompts::Prompt>>> choose_prompts(const prompts::PromptLibrary& library,
                                                                           const std::vector<std::string>& names) {
  std::map<std::string, std::shared_ptr<const prompts::Prompt>> latest;
  std::vector<std::shared_ptr<const prompts::Prompt>> all;
  for (const std::string& reference : library.references()) {
    all.push_back(library.find(reference));
    auto& newest = latest[all.back()->name];
    if (newest == nullptr || newest->version < all.back()->version) newest = all.back();
  }
  if (names.empty()) return all;
  std::vector<std::shared_ptr<const prompts::Prompt>> chosen;
  for (const std::string& name : names) {
    const auto found = latest.find(name);
    chosen.push_back(found != latest.end() ? found->second : library.find(name));
    if (chosen.back() == nullptr)
      return fail(ErrorCode::NotFound, "no such prompt; `suffice prompts list` names them", name);
  }
  return chosen;
}

struct PromptModel::Impl {
  std::shared_ptr<const policy::Policy> policy;
  policy::Model model;
  policy::Environment environment = policy::process_environment();
  SystemClock clock;
  SystemRandom random;
  net::HttpClient http{net::HttpClientOptions{}};
  std::unique_ptr<app::ModelClients> clients;
  std::shared_ptr<providers::ModelClient> client;

  /// A prompt without labels of its own is used with those of the task that names it.
  [[nodiscard]] const policy::Task* task_of(const prompts::Prompt& prompt) const {
    for (const auto& [name, task] : policy->tasks) {
      for (const policy::Tier& tier : task.tiers) {
        if ((tier.prompt.empty() ? task.prompt : tier.prompt) == prompt.reference()) return &task;
      }
    }
    return nullptr;
  }

  [[nodiscard]] providers::OutputConstraint constraint(const prompts::Prompt& prompt) const {
    using Kind = providers::OutputConstraint::Kind;
    if (prompt.parser == prompts::Parser::Json && !prompt.schema.empty())
      return {.kind = Kind::JsonSchema, .labels = {}, .schema = prompt.schema};
    if (prompt.parser != prompts::Parser::Label) return {};
    providers::OutputConstraint labels{.kind = Kind::Labels, .labels = {}, .schema = {}};
    for (const prompts::Category& category : prompt.categories) labels.labels.push_back(category.label);
    const policy::Task* task = task_of(prompt);
    if (labels.labels.empty() && task != nullptr) labels.labels = task->labels;
    return labels.labels.empty() ? providers::OutputConstraint{} : labels;
  }

  /// Everything of a call but its messages.
  [[nodiscard]] Result<providers::ModelCall> call(const prompts::Prompt& prompt, const std::string& input) const {
    providers::ModelCall made;
    made.request.model = model.model;
    made.request.sampling = model.sampling;
    made.request.sampling.max_tokens = prompt.max_output_tokens;
    if (!made.request.sampling.temperature) made.request.sampling.temperature = 0.0;
    made.constraint = constraint(prompt);
    if (model.local && prompts::has_span_fields(made.constraint.schema)) {
      SUFFICE_TRY(made.constraint.schema, prompts::schema_with_spans(made.constraint.schema, input));
    }
    if (!model.adapter.empty()) made.adapters = {{.name = model.adapter, .scale = model.adapter_scale}};
    made.input = input;
    if (const policy::Task* task = task_of(prompt)) made.task = task->name;
    return made;
  }
};

PromptModel::PromptModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PromptModel::~PromptModel() = default;

Result<std::unique_ptr<PromptModel>> PromptModel::open(std::shared_ptr<const policy::Policy> policy,
                                                       const std::string& name) {
  const auto alias = policy->aliases.find(name);
  const auto found = policy->models.find(alias == policy->aliases.end() ? name : alias->second);
  if (found == policy->models.end()) {
    return fail(ErrorCode::NotFound, "the policy has no such model; `suffice models` names them", name);
  }
  auto impl = std::make_unique<Impl>();
  impl->model = found->second;
  impl->policy = std::move(policy);
  std::filesystem::path store = models::default_store_folder(impl->environment).value_or(std::filesystem::path());
  impl->clients =
      std::make_unique<app::ModelClients>(app::ModelClients::Parts{.http = impl->http,
                                                                   .environment = impl->environment,
                                                                   .clock = impl->clock,
                                                                   .random = impl->random,
                                                                   .engine = app::default_engine(impl->environment),
                                                                   .store = models::ModelStore(std::move(store)),
                                                                   .log = [](std::string_view) {}});
  app::ModelClients::Draft draft(*impl->clients);
  SUFFICE_TRY(impl->client, draft.get(impl->model));
  impl->clients->take(std::move(draft));
  impl->clients->wait_ready(kModelReadyMax);
  if (!impl->client->available())
    return fail(ErrorCode::ModelUnavailable, "the model cannot be asked now; `suffice models` says more", name);
  return std::unique_ptr<PromptModel>(new PromptModel(std::move(impl)));
}

prompts::RenderBudget PromptModel::budget(const prompts::Prompt& prompt) const {
  prompts::RenderBudget budget;
  budget.context_tokens =
      impl_->model.context_window > 0 ? impl_->model.context_window : impl_->client->capabilities().context_window;
  budget.output_tokens = prompt.max_output_tokens.value_or(budget.output_tokens);
  return budget;
}

Result<PromptModel::Answer> PromptModel::ask(const prompts::Prompt& prompt, const std::string& input) {
  const std::vector<Message> said{Message::of(Role::User, input)};
  SUFFICE_TRY(providers::ModelCall call, impl_->call(prompt, input));
  const bool embedded = impl_->model.provider == policy::ProviderKind::Embedded;
  prompts::TokenFit fit(prompt, said, budget(prompt));
  for (;;) {
    Result<prompts::Rendered> rendered = embedded ? fit.render() : prompts::render(prompt, said, budget(prompt));
    if (!rendered) return fail(std::move(rendered).error());
    call.request.messages = rendered->messages;
    Result<Completion> completion =
        net::run_sync(impl_->client->complete(call, nullptr, Deadline::after(impl_->model.timeouts.total)));
    if (completion) {
      if (completion->usage) rendered->prompt_tokens = completion->usage->input_tokens;
      return Answer{.completion = *std::move(completion), .sent = *std::move(rendered)};
    }
    if (!embedded || completion.error().code != ErrorCode::ContextOverflow) return fail(std::move(completion).error());
    SUFFICE_TRY(const std::int64_t tokens,
                net::run_sync(impl_->client->count_tokens(call, Deadline::after(impl_->model.timeouts.total))));
    fit.too_long(tokens);
  }
}

}  // namespace suffice::cli
