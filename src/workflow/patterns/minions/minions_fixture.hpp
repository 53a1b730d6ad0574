#pragma once
// For the tests of MINIONS: a frontier that keeps every word it is sent, and workers of a few lines.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "net/run_sync.hpp"
#include "providers/model_client.hpp"
#include "wire/json.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/minions/minions.hpp"

namespace suffice::workflow::minions::test {

/// Answers each call by `reply`, which sees the whole prompt. Keeps every call: what is not in them has not left.
class RemoteSpy final : public providers::ModelClient {
 public:
  using Reply = std::function<Result<Completion>(const std::string& prompt)>;
  explicit RemoteSpy(Reply reply) : reply_(std::move(reply)) {}

  Task<Result<Completion>> complete(const providers::ModelCall& call, providers::TokenSink* /*sink*/,
                                    Deadline /*deadline*/) override {
    calls.push_back(call);
    co_return reply_(text_of(call));
  }
  [[nodiscard]] providers::Capabilities capabilities() const override { return {.context_window = window}; }
  [[nodiscard]] std::string_view provider_name() const override { return "spy"; }

  static std::string text_of(const providers::ModelCall& call) {
    std::string text;
    for (const Message& message : call.request.messages) text += message.text() + "\n";
    return text;
  }

  std::vector<providers::ModelCall> calls;
  std::int64_t window = 0;

 private:
  Reply reply_;
};

inline Completion said(std::string text) {
  Completion completion;
  completion.text = std::move(text);
  completion.finish = FinishReason::Stop;
  completion.usage = Usage{.input_tokens = 10, .output_tokens = 5};
  return completion;
}

/// Which of the three remote steps a prompt is.
enum class Asked : std::uint8_t { Advice, Plan, Decision };
inline Asked asked_of(std::string_view prompt) {
  if (prompt.find("Write the job manifest") != std::string_view::npos) return Asked::Plan;
  return prompt.find("Decide with one JSON object") != std::string_view::npos ? Asked::Decision : Asked::Advice;
}

/// A worker made of a function.
class FunctionWorker final : public ChunkWorker {
 public:
  using Read = std::function<Result<WorkerReply>(const ChunkQuestion&)>;
  explicit FunctionWorker(Read read) : read_(std::move(read)) {}
  Task<Result<WorkerReply>> read(const ChunkQuestion& question) override { co_return read_(question); }

 private:
  Read read_;
};

inline MakeWorker worker_of(FunctionWorker::Read read) {
  return [read = std::move(read)](const Question&, FlowRun&) -> Result<std::unique_ptr<ChunkWorker>> {
    return std::make_unique<FunctionWorker>(read);
  };
}

inline std::string found_json(std::string_view citation, std::string_view answer = "yes",
                              std::string_view explanation = "because") {
  const boost::json::object object{{"explanation", explanation}, {"citation", citation}, {"answer", answer}};
  return wire::to_json_text(object).text;
}

inline PortModel hosted(std::shared_ptr<providers::ModelClient> client) {
  PortModel model;
  model.model.name = "frontier";
  model.model.model = "frontier-1";
  model.client = std::move(client);
  return model;
}

inline Question question_of(std::string text, std::string query = "What does it cost?") {
  return {.query = std::move(query), .document = Document::create("d.txt", std::move(text)).value()};
}

struct Ran {
  Result<FlowOutcome> outcome = fail(ErrorCode::Internal, "not run");
  boost::json::object body;
};

inline Ran run_minions(const MinionsSpec& spec, MakeWorker worker, const PortModel& frontier, const FlowMessage& input,
                       FlowOptions options = {}) {
  Ran ran;
  auto flow = build_minions(std::make_shared<const MinionsSpec>(spec), std::move(worker),
                            std::make_shared<const PortModel>(frontier));
  if (!flow) {
    ran.outcome = fail(flow.error());
    return ran;
  }
  ran.outcome = net::run_sync(run(**flow, input, std::move(options)));
  if (ran.outcome) ran.body = wire::parse_json(ran.outcome->output.body.text).value().as_object();
  return ran;
}

}  // namespace suffice::workflow::minions::test
