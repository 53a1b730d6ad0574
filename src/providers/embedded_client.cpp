#include "providers/embedded_client.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "models/gguf.hpp"
#include "models/model_file.hpp"

namespace suffice::providers {
namespace {

std::unexpected<Error> invalid(const std::string& path, const std::string& what, const std::string& next) {
  return fail(ErrorCode::ModelInvalid, what + "; " + next, path);
}

Sampling merged(Sampling call, const Sampling& preset) {
  const auto fill = [](auto& value, const auto& other) {
    if (!value) value = other;
  };
  fill(call.temperature, preset.temperature);
  fill(call.top_p, preset.top_p);
  fill(call.presence_penalty, preset.presence_penalty);
  fill(call.frequency_penalty, preset.frequency_penalty);
  fill(call.max_tokens, preset.max_tokens);
  fill(call.seed, preset.seed);
  if (call.stop.empty()) call.stop = preset.stop;
  return call;
}

std::unexpected<Error> cannot(const std::string& what, const std::string& where) {
  return fail(ErrorCode::UnsupportedField, "the embedded model cannot " + what, where);
}

wire::EngineConstraint constraint_of(const ModelCall& call) {
  using From = OutputConstraint::Kind;
  using To = wire::EngineConstraint::Kind;
  const ResponseFormat& format = call.request.response_format;
  switch (call.constraint.kind) {
    case From::Labels:
      return {.kind = To::Labels, .labels = call.constraint.labels};
    case From::JsonSchema:
      return {.kind = To::JsonSchema, .text = call.constraint.schema.text};
    case From::None:
      break;
  }
  if (format.kind == ResponseFormat::Kind::JsonSchema) return {.kind = To::JsonSchema, .text = format.schema.text};
  if (format.kind == ResponseFormat::Kind::JsonObject) return {.kind = To::JsonObject};
  return {};
}

/// As many as the engine draws (engine/prepared_call.hpp).
constexpr int kSamplesMax = 16;
/// Without a temperature every sample would be the same. 0.7 is the value of the self-consistency paper (Wang et al., 2022).
constexpr double kSamplesTemperature = 0.7;

/// Labels are scored, not written: nothing to stop.
wire::EngineAbort abort_of(const ModelCall& call) {
  wire::EngineAbort abort;
  if (call.constraint.kind == OutputConstraint::Kind::Labels) return abort;
  if (call.token_probability_min > 0) abort.min_token_probability = call.token_probability_min;
  if (call.mean_probability_min > 0) abort.min_mean_probability = call.mean_probability_min;
  abort.text_bytes_max = call.text_bytes_max;
  return abort;
}

Result<wire::EngineMessage> message_of(const Message& message) {
  if (!message.tool_calls.empty() || message.role == Role::Tool)
    return cannot("follow a conversation with tools", "messages");
  for (const ContentPart& part : message.content) {
    if (part.kind != ContentPart::Kind::Text) return cannot("read anything but text", "messages");
  }
  return wire::EngineMessage{std::string(name(message.role)), message.text()};
}

}  // namespace

std::string engine_program_beside_this() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "suffice-engine" : (self.parent_path() / "suffice-engine").string();
}

Result<std::unique_ptr<EmbeddedClient>> EmbeddedClient::create(const policy::Model& model, EmbeddedOptions options) {
  SUFFICE_TRY_VOID(models::read_gguf_file(model.model));
  for (const auto& [name, path] : model.adapters) SUFFICE_TRY_VOID(models::read_gguf_file(path));
  if (!model.sha256.empty()) {
    SUFFICE_TRY(const models::ModelFile file, models::ModelFile::open(model.model));
    SUFFICE_TRY(const std::string digest, models::digest_of(file));
    if (digest != model.sha256) {
      return invalid(model.model, "the model file is not the pinned one: its SHA-256 is " + digest,
                     "restore the file, or set models." + model.name + ".sha256 to the new digest");
    }
  }
  const std::string program = options.engine_program.empty() ? engine_program_beside_this() : options.engine_program;
  if (::access(program.c_str(), X_OK) != 0) {
    return fail(ErrorCode::ModelUnavailable,
                "the engine program is missing: " + program + "; run tools/fetch_llama and build suffice-engine");
  }
  EngineCommand command{.program = program,
                        .arguments = {"--model", std::filesystem::absolute(model.model).string(), "--threads",
                                      std::to_string(model.threads), "--contexts", std::to_string(model.contexts),
                                      "--context-length", std::to_string(model.context_window)}};
  for (const auto& [name, path] : model.adapters) {
    command.arguments.insert(command.arguments.end(),
                             {"--adapter", name + '=' + std::filesystem::absolute(path).string()});
  }
  EmbeddedEngine::Options engine{
      .command = std::move(command), .limits = options.limits, .sha256 = model.sha256, .log = std::move(options.log)};
  return std::unique_ptr<EmbeddedClient>(new EmbeddedClient(model, std::move(engine)));
}

EmbeddedClient::EmbeddedClient(policy::Model model, EmbeddedEngine::Options options)
    : model_(std::move(model)), engine_(std::move(options)) {}

std::string EmbeddedClient::quantisation() const {
  const EngineStatus now = status();
  return now.facts ? now.facts->quantisation : std::string();
}

Capabilities EmbeddedClient::capabilities() const {
  const EngineStatus now = engine_.status();
  return {.logprobs = true,
          .json_schema = true,
          .labels = true,
          .tools = false,
          .samples = true,
          .streaming = true,
          .context_window = now.facts ? static_cast<std::int64_t>(now.facts->context_length) : model_.context_window};
}

Result<wire::EngineCall> EmbeddedClient::translate(const ModelCall& call, bool stream) const {
  const ChatRequest& request = call.request;
  if (!request.tools.empty()) return cannot("call tools", "tools");
  if (request.n != 1) return cannot("give more than one choice at once", "n");
  wire::EngineCall out;
  out.task = call.task;
  out.adapters = adapters_of(call);
  for (const Message& message : request.messages) {
    SUFFICE_TRY(wire::EngineMessage one, message_of(message));
    out.messages.push_back(std::move(one));
  }
  out.sampling = merged(request.sampling, model_.sampling);
  out.constraint = constraint_of(call);
  out.samples = static_cast<std::uint32_t>(std::clamp(call.samples, 1, kSamplesMax));
  if (out.samples > 1 && !out.sampling.temperature) out.sampling.temperature = kSamplesTemperature;
  out.abort = abort_of(call);
  out.want_logprobs = call.want_logprobs || request.logprobs;
  out.top_logprobs = static_cast<std::uint32_t>(std::max<std::int64_t>(request.top_logprobs, 0));
  out.stream = stream;
  return out;
}

std::vector<wire::EngineAdapterUse> EmbeddedClient::adapters_of(const ModelCall& call) const {
  const std::string& name = call.adapter.empty() ? model_.adapter : call.adapter;
  if (name.empty()) return {};
  const EngineStatus now = engine_.status();
  const bool loaded =
      now.facts && std::ranges::any_of(now.facts->adapters, [&](const auto& one) { return one.name == name; });
  // Where the base will not do, the engine says that the adapter is missing.
  if (!loaded && model_.adapter_or_base) return {};
  return {{.name = name, .scale = call.adapter_scale}};
}

Task<Result<Embeddings>> EmbeddedClient::embed(EmbeddingCall call, Deadline deadline) {
  wire::EngineEmbed frame;
  frame.task = std::move(call.task);
  frame.texts = std::move(call.texts);
  frame.pooling = call.pooling;
  frame.normalise = call.normalise;
  Task<Result<wire::EngineEmbedded>> running = engine_.embed(std::move(frame), deadline);
  Result<wire::EngineEmbedded> done = co_await std::move(running);
  if (!done) co_return fail(std::move(done).error());
  Embeddings embeddings;
  embeddings.vectors = std::move(done->vectors);
  embeddings.pooling = done->pooling;
  embeddings.usage = done->usage;
  co_return embeddings;
}

Task<Result<EmbeddingAnswer>> EmbeddedClient::embed(const EmbeddingRequest& request, Deadline deadline) {
  if (request.dimensions) {
    co_return fail(ErrorCode::UnsupportedField, "the embedded model's vectors cannot be shortened", "dimensions");
  }
  EmbeddingCall call;
  call.texts = request.texts;
  Task<Result<Embeddings>> running = embed(std::move(call), deadline);
  Result<Embeddings> made = co_await std::move(running);
  if (!made) co_return fail(std::move(made).error());
  EmbeddingAnswer answer;
  answer.vectors = std::move(made->vectors);
  answer.usage = made->usage;
  answer.model = model_.name;
  co_return answer;
}

Task<Result<EmbeddedClient::AdapterList>> EmbeddedClient::order_adapters(wire::EngineAdapterOrder order,
                                                                         Deadline deadline) {
  Task<Result<wire::EngineAdapters>> ordering = engine_.order(std::move(order), deadline);
  Result<wire::EngineAdapters> done = co_await std::move(ordering);
  if (!done) co_return fail(std::move(done).error());
  co_return std::move(done->adapters);
}

Task<Result<Completion>> EmbeddedClient::complete(const ModelCall& call, TokenSink* sink, Deadline deadline) {
  Result<wire::EngineCall> translated = translate(call, sink != nullptr);
  if (!translated) co_return fail(std::move(translated).error());
  Task<Result<wire::EngineDone>> running = engine_.run(*std::move(translated), sink, deadline);
  Result<wire::EngineDone> done = co_await std::move(running);
  if (!done) co_return fail(std::move(done).error());
  Completion completion;
  completion.text = std::move(done->text);
  completion.finish = done->finish;
  completion.usage = done->usage;
  completion.model = model_.name;
  completion.logprobs = std::move(done->logprobs);
  completion.labels = std::move(done->labels);
  if (!done->samples.empty()) completion.agreement = done->agreement;
  co_return completion;
}

}  // namespace suffice::providers
