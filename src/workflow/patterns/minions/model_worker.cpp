#include "workflow/patterns/minions/model_worker.hpp"

#include <utility>

#include "workflow/patterns/minions/remote_prompts.hpp"

namespace suffice::workflow::minions {

Task<Result<WorkerReply>> ModelChunkWorker::read(const ChunkQuestion& question) {
  const providers::ModelCall call = call_of(question);
  Result<Completion> completion = co_await port_.ask(call, deadline_);
  if (!completion) co_return fail(std::move(completion).error());
  const bool whole = completion->finish != FinishReason::Length && completion->finish != FinishReason::LowConfidence;
  // A refusal is a text that nobody can read as an answer, so it is asked again and then counted as malformed.
  std::string text = completion->refusal.empty() ? std::move(completion->text) : std::string("refused");
  co_return WorkerReply{.text = std::move(text), .ending = whole ? Ending::Complete : Ending::Truncated};
}

providers::ModelCall ModelChunkWorker::call_of(const ChunkQuestion& question) const {
  providers::ModelCall call;
  call.request.messages = worker_prompt(question.instruction, question.chunk, reading_.limits);
  Sampling& sampling = call.request.sampling;
  const bool first = question.sample == 0 && question.attempt == 0;
  sampling.temperature = first ? reading_.first_temperature : reading_.later_temperature;
  sampling.max_tokens = reading_.output_tokens_max;
  SeededRandom random(seed_ + question.number * 0xd1342543de82ef95ULL + question.attempt * 0xaf251af3b0f025b5ULL);
  sampling.seed = static_cast<std::int64_t>(random.next() >> 33);  // servers take 31 bits
  call.constraint = {
      .kind = providers::OutputConstraint::Kind::JsonSchema, .labels = {}, .schema = worker_schema(reading_.limits)};
  call.input = call.request.messages.back().text();
  return call;
}

Result<MakeWorker> model_reader(std::shared_ptr<const PortModel> model, const ModelReading& reading) {
  if (!model->model.is_local()) {
    return fail(
        ErrorCode::InvalidArgument,
        "the worker reads the document, so it must be a local model (local: true); a hosted one would be sent all of it",
        "models.worker");
  }
  return MakeWorker(
      [model = std::move(model), reading](const Question&, FlowRun& run) -> Result<std::unique_ptr<ChunkWorker>> {
        return std::make_unique<ModelChunkWorker>(reading, run.port(*model), run.deadline(), run.random().next());
      });
}

}  // namespace suffice::workflow::minions
