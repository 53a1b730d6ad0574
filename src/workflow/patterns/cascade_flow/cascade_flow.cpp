#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "core/reasons.hpp"
#include "gate/confidence_rule.hpp"
#include "prompts/render.hpp"
#include "wire/json.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/cascade_flow/cascade_pattern.hpp"

namespace suffice::workflow {
namespace {

namespace json = boost::json;

/// From a rung that is passed over to the next: {"request", "passed_over"}.
constexpr std::string_view kEscalatedType = "cascade.escalated";

struct Carried {
  FlowRequest request;
  json::array passed_over;
};

Result<Carried> read_carried(const FlowMessage& in) {
  Carried carried;
  if (in.type != kEscalatedType) {
    SUFFICE_TRY(carried.request, read_request(in));
    return carried;
  }
  SUFFICE_TRY(json::value body, wire::parse_json(in.body.text));
  json::object& object = body.as_object();
  carried.passed_over = object.at("passed_over").as_array();
  const FlowMessage request{.type = std::string(kRequestType), .body = wire::to_json_text(object.at("request"))};
  SUFFICE_TRY(carried.request, read_request(request));
  return carried;
}

FlowMessage escalated(Carried carried, const std::string& model, std::vector<std::string_view> why) {
  json::array reasons;
  for (const std::string_view one : why) reasons.emplace_back(one);
  carried.passed_over.push_back(json::object{{"model", model}, {"why", std::move(reasons)}});
  json::object body;
  body["request"] = json::parse(to_message(carried.request).body.text);
  body["passed_over"] = std::move(carried.passed_over);
  return FlowMessage{.type = std::string(kEscalatedType), .body = wire::to_json_text(body)};
}

std::string text_of_request(const FlowRequest& request) {
  std::string text = request.query;
  for (const FlowRequest::Text& document : request.documents) text += (text.empty() ? "" : "\n\n") + document.text;
  return text;
}

Result<std::vector<Message>> messages_for(const CascadeSetup& setup, const CascadeSetup::Rung& rung,
                                          const FlowRequest& request, std::int64_t window) {
  std::vector<Message> messages;
  std::string system = setup.system;
  if (!request.system.empty()) system += (system.empty() ? "" : "\n") + request.system;
  if (!system.empty()) messages.push_back(Message::of(Role::System, std::move(system)));
  messages.push_back(Message::of(Role::User, text_of_request(request)));
  if (setup.prompt == nullptr || !rung.model->model.local) return messages;
  const prompts::RenderBudget budget{.context_tokens = window, .output_tokens = setup.rules.task.max_output_tokens};
  SUFFICE_TRY(prompts::Rendered rendered, prompts::render(*setup.prompt, messages, budget));
  return std::move(rendered.messages);
}

providers::ModelCall call_for(const CascadeSetup& setup, std::size_t index, std::vector<Message> messages,
                              const std::string& input) {
  using Kind = providers::OutputConstraint::Kind;
  const policy::Task& task = setup.rules.task;
  providers::ModelCall call;
  call.request.messages = std::move(messages);
  call.request.sampling.max_tokens = task.max_output_tokens;
  if (!task.labels.empty()) call.constraint = {.kind = Kind::Labels, .labels = task.labels, .schema = {}};
  if (!task.schema.empty()) {
    call.constraint = {.kind = Kind::JsonSchema, .labels = {}, .schema = task.schema};
    call.request.response_format = {
        .kind = ResponseFormat::Kind::JsonSchema, .name = "answer", .schema = task.schema, .strict = std::nullopt};
  }
  call.want_logprobs = gate::needs_logprobs(setup.rules, index);
  call.input = input;
  return call;
}

json::value answer_value(const policy::Task& task, const std::string& text) {
  if (task.schema.empty()) return json::value(text);
  Result<json::value> parsed = wire::parse_json(text);
  return parsed ? *std::move(parsed) : json::value(text);
}

FlowMessage answer_of(const CascadeSetup& setup, std::size_t index, const Verdict& verdict,
                      const Completion& completion, const Carried& carried) {
  const std::string& text = verdict.served_text.empty() ? completion.text : verdict.served_text;
  json::object body;
  body["answer"] = answer_value(setup.rules.task, text);
  body["model"] = setup.rungs[index].model->model.name;
  body["rung"] = index + 1;
  body["passed_over"] = carried.passed_over;
  if (!verdict.confidence_source.empty()) body["confidence"] = verdict.confidence.value;
  return FlowMessage{.type = std::string(kAnswerType), .body = wire::to_json_text(body)};
}

/// What ends a run whatever rungs are left: nobody waits any more, or nothing more may be spent.
bool ends_run(ErrorCode code) {
  using enum ErrorCode;
  return code == Cancelled || code == DeadlineExceeded || code == BudgetExhausted;
}

Task<Result<FlowMessage>> try_rung(std::shared_ptr<const CascadeSetup> setup, std::size_t index, const FlowMessage& in,
                                   FlowRun& run) {
  const CascadeSetup::Rung& rung = setup->rungs[index];
  const bool last = index + 1 == setup->rungs.size();
  Result<Carried> carried = read_carried(in);
  if (!carried) co_return fail(std::move(carried).error());
  ModelPort port = run.port(*rung.model);
  Result<std::vector<Message>> messages = messages_for(*setup, rung, carried->request, port.context_window());
  Result<Completion> completion = fail(ErrorCode::ContextOverflow, "the request does not fit this model");
  const std::string input = text_of_request(carried->request);
  providers::ModelCall call;
  if (messages) {
    call = call_for(*setup, index, *std::move(messages), input);
    completion = co_await port.ask(call, run.deadline());
  }
  if (!completion) {
    if (last || ends_run(completion.error().code)) co_return fail(std::move(completion).error());
    const std::string_view why = name(completion.error().code);
    co_return escalated(*std::move(carried), rung.model->model.name, {why});
  }
  const gate::Candidate candidate{.completion = *completion, .input = input, .request = call.request, .tier = index};
  const Verdict verdict =
      last ? gate::judge_mechanically(setup->rules, candidate) : gate::judge(setup->rules, candidate);
  if (verdict.accepted()) co_return answer_of(*setup, index, verdict, *completion, *carried);
  if (last) {
    co_return fail(ErrorCode::OutputRejected,
                   "even the last model's answer fails a check: " + std::string(name(verdict.reasons.front())),
                   rung.role);
  }
  std::vector<std::string_view> why;
  for (const Reason reason : verdict.reasons) why.push_back(name(reason));
  run.progress(rung.model->model.name + " is not accepted: " + std::string(why.front()));
  co_return escalated(*std::move(carried), rung.model->model.name, std::move(why));
}

}  // namespace

Result<std::shared_ptr<const Flow>> cascade_flow(std::shared_ptr<const CascadeSetup> setup,
                                                 const std::string& flow_name, const std::string& version) {
  FlowBuilder builder(flow_name);
  for (std::size_t index = 0; index < setup->rungs.size(); ++index) {
    const CascadeSetup::Rung& rung = setup->rungs[index];
    const bool last = index + 1 == setup->rungs.size();
    Executor executor{.name = rung.role};
    executor.takes = {std::string(index == 0 ? kRequestType : kEscalatedType)};
    executor.gives = {std::string(kAnswerType)};
    if (!last) executor.gives.emplace_back(kEscalatedType);
    executor.version = version + " " + rung.model->model.name + " " + rung.model->model.model;
    executor.run = [setup, index](const FlowMessage& in, FlowRun& run) { return try_rung(setup, index, in, run); };
    builder.add(std::move(executor));
    if (index > 0) builder.connect(setup->rungs[index - 1].role, rung.role, {.label = "not accepted"});
  }
  return builder.build();
}

}  // namespace suffice::workflow
