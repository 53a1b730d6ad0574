// The library's public door to workflows: include/suffice/workflow.hpp in terms of this folder.

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/ids.hpp"
#include "core/random.hpp"
#include "net/run_sync.hpp"
#include "suffice/workflow.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/journal.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::flows {
namespace {

std::unexpected<Failure> outward(const Error& error) {
  return std::unexpected(
      Failure{.code = std::string(suffice::name(error.code)), .message = error.message, .where = error.where});
}

/// A failure whose code is none of the catalogue's is the caller's own word for "it did not work".
std::unexpected<Error> inward(Failure failure) {
  const auto rows = error_catalogue();
  const auto row = std::ranges::find(rows, std::string_view(failure.code), &ErrorInfo::name);
  const ErrorCode code = row == rows.end() ? ErrorCode::UpstreamFailed : row->code;
  return fail(code, std::move(failure.message), std::move(failure.where));
}

workflow::FlowMessage inward(const Message& message) { return {.type = message.type, .body = {message.json}}; }
Message outward(const workflow::FlowMessage& message) { return {.type = message.type, .json = message.body.text}; }

class StepView final : public Step {
 public:
  explicit StepView(workflow::FlowRun& run) : run_(run) {}

  [[nodiscard]] std::string_view run_id() const override { return run_.id(); }
  [[nodiscard]] std::uint64_t number() const override { return run_.step(); }
  [[nodiscard]] std::optional<std::string> state(std::string_view key) const override {
    const std::optional<JsonText> value = run_.state(key);
    return value ? std::optional(value->text) : std::nullopt;
  }
  void set_state(std::string_view key, std::string json) override { run_.set_state(key, {std::move(json)}); }
  double random() override { return run_.random().uniform(); }
  void progress(std::string_view text) override { run_.progress(text); }
  [[nodiscard]] bool stopping() const override { return run_.stopping(); }
  Outcome<void> reserve(double usd, std::int64_t tokens) override {
    const Usd cost = Usd::from_dollars(usd);
    if (const Result<void> reserved = run_.ledger().reserve(cost, tokens); !reserved) return outward(reserved.error());
    reserved_cost_ = cost;
    reserved_tokens_ = tokens;
    return {};
  }
  void pay(std::string_view model, double usd, std::int64_t input_tokens, std::int64_t output_tokens) override {
    audit::Attempt attempt;
    attempt.model = model;
    attempt.usage = {.input_tokens = input_tokens, .output_tokens = output_tokens};
    attempt.usage_known = true;
    attempt.cost = Usd::from_dollars(usd);
    run_.ledger().charge(std::exchange(reserved_cost_, {}), std::exchange(reserved_tokens_, 0), std::move(attempt));
  }
  Outcome<void> checkpoint(std::string json) override {
    if (const Result<void> kept = run_.checkpoint({std::move(json)}); !kept) return outward(kept.error());
    return {};
  }
  [[nodiscard]] std::optional<std::string> last_checkpoint() const override {
    const std::optional<JsonText>& kept = run_.last_checkpoint();
    return kept ? std::optional(kept->text) : std::nullopt;
  }

 private:
  workflow::FlowRun& run_;
  Usd reserved_cost_;
  std::int64_t reserved_tokens_ = 0;
};

/// A caller's function as a model.
class FunctionModel final : public providers::ModelClient {
 public:
  explicit FunctionModel(Model model) : model_(std::move(model)) {}

  Task<Result<Completion>> complete(const providers::ModelCall& call, providers::TokenSink*, Deadline) override {
    Question question{
        .system = {}, .text = {}, .labels = call.constraint.labels, .schema = call.constraint.schema.text};
    for (const suffice::Message& message : call.request.messages) {
      std::string& part = message.role == Role::System ? question.system : question.text;
      part += (part.empty() ? "" : "\n") + message.text();
    }
    Outcome<Answer> answer = model_.ask(question);
    if (!answer) co_return inward(std::move(answer).error());
    Completion completion;
    completion.text = std::move(answer->text);
    completion.finish = FinishReason::Stop;
    completion.usage = Usage{.input_tokens = answer->input_tokens, .output_tokens = answer->output_tokens};
    co_return completion;
  }
  [[nodiscard]] providers::Capabilities capabilities() const override { return {.json_schema = true, .labels = true}; }
  [[nodiscard]] std::string_view provider_name() const override { return "suffice.function"; }

 private:
  Model model_;
};

std::shared_ptr<const workflow::PortModel> port_model(const std::string& name, const Model& model) {
  policy::Model described;
  described.name = name;
  described.model = name;
  described.local = model.local;
  described.price.input_per_million = model.usd_per_million_input;
  described.price.output_per_million = model.usd_per_million_output;
  return std::make_shared<const workflow::PortModel>(
      workflow::PortModel{.model = std::move(described), .client = std::make_shared<FunctionModel>(model)});
}

workflow::FlowOptions options_of(const RunOptions& given) {
  workflow::FlowOptions options;
  options.steps_max = given.steps_max;
  if (given.time_max != std::chrono::milliseconds::max()) options.deadline = Deadline::after(given.time_max);
  options.seed = given.seed;
  options.stop = given.stop;
  if (given.on_event) {
    options.on_event = [tell = given.on_event](const workflow::FlowEvent& event) {
      tell(Event{.kind = name(event.kind),
                 .step = event.step,
                 .executor = event.executor,
                 .to = event.to,
                 .text = event.text});
    };
  }
  return options;
}

Result<std::unique_ptr<workflow::Journal>> journal_for(const std::string& file, const workflow::Flow& flow,
                                                       const workflow::FlowMessage& input, std::uint64_t seed) {
  if (std::filesystem::exists(file)) return workflow::Journal::open(file);
  const SystemClock clock;
  SystemRandom random;
  const workflow::JournalHeader header{.run_id = new_uuid7(clock, random),
                                       .shape = flow.shape(),
                                       .input_sha256 = workflow::digest_of(input),
                                       .seed = seed,
                                       .about = {}};
  return workflow::Journal::create(file, header);
}

}  // namespace

struct Workflow::Impl {
  std::shared_ptr<const workflow::Flow> flow;
};

struct Builder::Impl {
  workflow::FlowBuilder builder;
};

Outcome<Workflow> Workflow::load(const std::string& file, const std::map<std::string, Model>& models) {
  const workflow::WorkflowParts parts{
      .models = [&](const std::string& name) -> Result<std::shared_ptr<const workflow::PortModel>> {
        const auto found = models.find(name);
        if (found == models.end()) return fail(ErrorCode::NotFound, "the program gave no model '" + name + "'");
        return port_model(name, found->second);
      },
      .prompts = nullptr};
  workflow::LoadedWorkflow loaded = workflow::load_workflow(file, parts);
  if (!loaded.workflow) {
    return std::unexpected(
        Failure{.code = "policy_invalid", .message = policy::to_lines(loaded.problems), .where = file});
  }
  return Workflow(std::make_shared<const Impl>(Impl{.flow = loaded.workflow->flow}));
}

Outcome<Run> Workflow::run(const Message& input, const RunOptions& given) const {
  workflow::FlowOptions options = options_of(given);
  workflow::RunLimits limits{.cost_max = {}, .calls_max = given.calls_max, .tokens_max = given.tokens_max};
  if (given.usd_max) limits.cost_max = Usd::from_dollars(*given.usd_max);
  workflow::RunLedger ledger(limits);
  options.ledger = &ledger;
  std::unique_ptr<workflow::Journal> journal;
  if (!given.journal.empty()) {
    Result<std::unique_ptr<workflow::Journal>> opened =
        journal_for(given.journal, *impl_->flow, inward(input), given.seed);
    if (!opened) return outward(opened.error());
    journal = *std::move(opened);
    options.journal = journal.get();
  }
  Result<workflow::FlowOutcome> outcome = net::run_sync(workflow::run(*impl_->flow, inward(input), std::move(options)));
  if (!outcome) return outward(outcome.error());
  Run run{.output = outward(outcome->output),
          .outputs = {},
          .run_id = std::move(outcome->run_id),
          .steps = outcome->steps,
          .replayed = outcome->replayed,
          .usd = ledger.cost().dollars(),
          .calls = ledger.calls(),
          .tokens = ledger.tokens()};
  for (const workflow::FlowMessage& message : outcome->outputs) run.outputs.push_back(outward(message));
  return run;
}

std::string Workflow::to_mermaid() const { return impl_->flow->to_mermaid(); }

Builder::Builder(std::string name) : impl_(new Impl{workflow::FlowBuilder(std::move(name))}) {}
Builder::~Builder() = default;

Builder& Builder::add(std::string name, Function function, ExecutorOptions options) {
  workflow::Executor executor{
      .name = std::move(name), .takes = std::move(options.takes), .gives = std::move(options.gives)};
  executor.version = std::move(options.version);
  if (function) {
    executor.run = [function = std::move(function)](const workflow::FlowMessage& in,
                                                    workflow::FlowRun& run) -> Task<Result<workflow::FlowMessage>> {
      StepView step(run);
      const Message message = outward(in);
      Outcome<Message> answer = function(message, step);
      if (!answer) co_return inward(std::move(answer).error());
      co_return inward(*answer);
    };
  }
  impl_->builder.add(std::move(executor));
  return *this;
}

Builder& Builder::connect(std::string from, std::string to, EdgeOptions options) {
  workflow::EdgeOptions edge{.label = std::move(options.label), .when = {}, .loop = std::move(options.loop)};
  if (options.when) {
    edge.when = [when = std::move(options.when)](const workflow::FlowMessage& message) {
      return when(outward(message));
    };
  }
  impl_->builder.connect(std::move(from), std::move(to), std::move(edge));
  return *this;
}

Builder& Builder::fan_out(std::string from, std::vector<std::string> to) {
  impl_->builder.fan_out(std::move(from), std::move(to));
  return *this;
}

Builder& Builder::fan_in(std::vector<std::string> from, std::string to, std::size_t at_least) {
  impl_->builder.fan_in(std::move(from), std::move(to), workflow::Join::of(at_least));
  return *this;
}

Builder& Builder::sub_flow(std::string name, const Workflow& flow) {
  impl_->builder.sub_flow(std::move(name), flow.impl_->flow);
  return *this;
}

Builder& Builder::loop(std::string name, std::size_t times_max) {
  impl_->builder.loop(std::move(name), times_max);
  return *this;
}

Outcome<Workflow> Builder::build() const {
  Result<std::shared_ptr<const workflow::Flow>> flow = impl_->builder.build();
  if (!flow) return outward(flow.error());
  return Workflow(std::make_shared<const Workflow::Impl>(Workflow::Impl{.flow = *std::move(flow)}));
}

}  // namespace suffice::flows
