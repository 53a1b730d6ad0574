// Executors that ask a model.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "gate/json_schema.hpp"
#include "prompts/render.hpp"
#include "wire/json.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/graph_file/message_view.hpp"
#include "workflow/graph_file/node.hpp"
#include "workflow/model_port.hpp"

namespace suffice::workflow {
namespace {

namespace json = boost::json;

/// A node with what is compiled once.
struct ReadyNode {
  ModelNode node;
  std::shared_ptr<const gate::JsonSchema> schema;
};

Result<std::vector<Message>> messages_of(const ModelNode& node, std::string text, std::int64_t window) {
  std::vector<Message> messages;
  if (!node.system.empty()) messages.push_back(Message::of(Role::System, node.system));
  messages.push_back(Message::of(Role::User, std::move(text)));
  if (node.prompt == nullptr) return messages;
  prompts::RenderBudget budget;
  budget.context_tokens = window;
  budget.output_tokens = node.tokens_max.value_or(node.prompt->max_output_tokens.value_or(budget.output_tokens));
  SUFFICE_TRY(prompts::Rendered rendered, prompts::render(*node.prompt, messages, budget));
  return std::move(rendered.messages);
}

providers::ModelCall call_of(const ReadyNode& ready, std::vector<Message> messages, const std::string& input) {
  using Kind = providers::OutputConstraint::Kind;
  const ModelNode& node = ready.node;
  providers::ModelCall call;
  call.request.messages = std::move(messages);
  call.request.sampling.temperature = node.temperature;
  call.request.sampling.max_tokens = node.tokens_max;
  if (!call.request.sampling.max_tokens && node.prompt != nullptr)
    call.request.sampling.max_tokens = node.prompt->max_output_tokens;
  if (!node.labels.empty()) call.constraint = {.kind = Kind::Labels, .labels = node.labels, .schema = {}};
  if (!node.schema.empty()) {
    call.constraint = {.kind = Kind::JsonSchema, .labels = {}, .schema = node.schema};
    call.request.response_format = {
        .kind = ResponseFormat::Kind::JsonSchema, .name = node.name, .schema = node.schema, .strict = std::nullopt};
  }
  call.input = input;
  return call;
}

Result<json::value> read_answer(const ReadyNode& ready, const std::string& text) {
  const ModelNode& node = ready.node;
  if (!node.labels.empty()) {
    const std::string label(trim(text));
    if (std::ranges::find(node.labels, label) == node.labels.end())
      return fail(ErrorCode::OutputRejected, "the model's answer is none of the labels", node.name);
    return json::value(label);
  }
  if (node.schema.empty()) return json::value(text);
  const std::vector<std::string> problems = ready.schema->validate(text);
  if (!problems.empty())
    return fail(ErrorCode::OutputRejected, "the model's answer breaks the schema: " + problems.front(), node.name);
  return wire::parse_json(text);
}

Result<FlowMessage> to_answer(const ReadyNode& ready, const Completion& completion) {
  SUFFICE_TRY(json::value answer, read_answer(ready, completion.text));
  json::object body;
  body["answer"] = std::move(answer);
  body["model"] = ready.node.model->model.name;
  if (completion.labels && !completion.labels->entries.empty())
    body["confidence"] = completion.labels->entries.front().probability;
  return FlowMessage{.type = std::string(kAnswerType), .body = wire::to_json_text(body)};
}

Result<std::string> question_of(const ModelNode& node, const FlowMessage& in, const FlowRun& run) {
  SUFFICE_TRY(const json::value body, wire::parse_json(in.body.text));
  if (node.text == nullptr) return text_of(answer_of(in, body));
  return render_in_run(*node.text, body, run);
}

Task<Result<FlowMessage>> ask(std::shared_ptr<const ReadyNode> ready, const FlowMessage& in, FlowRun& run) {
  const ModelNode& node = ready->node;
  ModelPort port = run.port(*node.model);
  Result<std::string> question = question_of(node, in, run);
  if (!question) {
    Error error = std::move(question).error();
    error.where = node.name;
    co_return fail(std::move(error));
  }
  Result<std::vector<Message>> messages = messages_of(node, *question, port.context_window());
  if (!messages) co_return fail(std::move(messages).error());
  const providers::ModelCall call = call_of(*ready, *std::move(messages), *question);
  Result<Completion> completion = co_await port.ask(call, run.deadline());
  if (!completion) co_return fail(std::move(completion).error());
  run.token(completion->text);
  Result<FlowMessage> answer = to_answer(*ready, *completion);
  if (answer) remember(run, node.name, in, *answer);
  co_return answer;
}

}  // namespace

Result<std::string> render_in_run(const MessageTemplate& text, const json::value& message, const FlowRun& run) {
  std::map<std::string, json::value, std::less<>> read;
  for (const std::string& name : text.names()) {
    if (name.empty()) continue;
    std::optional<JsonText> kept = run.state(name);
    if (!kept && name == kInputName) {
      read.emplace(name, message);  // the first step's message is the input
      continue;
    }
    if (!kept) continue;
    SUFFICE_TRY(json::value value, wire::parse_json(kept->text));
    read.emplace(name, std::move(value));
  }
  return text.render([&](std::string_view name) -> const json::value* {
    if (name.empty()) return &message;
    const auto found = read.find(name);
    return found == read.end() ? nullptr : &found->second;
  });
}

void remember(FlowRun& run, const std::string& name, const FlowMessage& input, const FlowMessage& answer) {
  if (!run.state(kInputName)) run.set_state(kInputName, input.body);
  run.set_state(name, answer.body);
}

Result<Executor> model_executor(ModelNode node) {
  auto ready = std::make_shared<ReadyNode>();
  if (!node.schema.empty()) {
    SUFFICE_TRY(ready->schema, gate::JsonSchema::compile(node.schema.text, gate::Strictness::ModelOutput));
  }
  Executor executor{.name = node.name, .gives = {std::string(kAnswerType)}};
  executor.version = node.model->model.name + " " + node.model->model.model + " " + node.model->model.sha256;
  if (node.prompt != nullptr) executor.version += " " + node.prompt->digest;
  ready->node = std::move(node);
  executor.run = [ready = std::shared_ptr<const ReadyNode>(std::move(ready))](const FlowMessage& in, FlowRun& run) {
    return ask(ready, in, run);
  };
  return executor;
}

}  // namespace suffice::workflow
