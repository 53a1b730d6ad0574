#include "providers/embedded_client.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/random.hpp"
#include "models/gguf.hpp"
#include "models/model_file.hpp"
#include "wire/tool_text.hpp"

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
    case From::Regex:
      return {.kind = To::Regex, .text = call.constraint.regex};
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

/// Where the caller shows tools and lets them be called.
bool may_call(const ChatRequest& request) {
  return !request.tools.empty() && request.tool_choice.kind != ToolChoice::Kind::None;
}

/// A tool's result is said by the user: few templates know the role "tool".
Result<wire::EngineMessage> message_of(const Message& message) {
  for (const ContentPart& part : message.content) {
    if (part.kind != ContentPart::Kind::Text) return cannot("read anything but text", "messages");
  }
  if (message.role == Role::Tool) return wire::EngineMessage{"user", wire::tool_result_text(message.text())};
  return wire::EngineMessage{std::string(name(message.role)),
                             wire::tool_calls_text(message.text(), message.tool_calls)};
}

/// The conversation with the tools in its system message, and results that follow each other in one message: some templates want
/// user and assistant in turns.
Result<std::vector<wire::EngineMessage>> messages_of(const ChatRequest& request) {
  std::vector<wire::EngineMessage> messages;
  Role before = Role::System;
  for (const Message& message : request.messages) {
    SUFFICE_TRY(wire::EngineMessage one, message_of(message));
    if (message.role == Role::Tool && before == Role::Tool) {
      messages.back().text += "\n" + one.text;
    } else {
      messages.push_back(std::move(one));
    }
    before = message.role;
  }
  if (!may_call(request)) return messages;
  const std::string tools = wire::tool_definitions_text(request.tools, request.tool_choice);
  const bool has_system =
      !messages.empty() && (messages.front().role == "system" || messages.front().role == "developer");
  if (has_system) {
    messages.front().text += "\n\n" + tools;
  } else {
    messages.insert(messages.begin(), wire::EngineMessage{"system", tools});
  }
  return messages;
}

Result<void> allow_calls(const ChatRequest& request, wire::EngineConstraint& constraint) {
  if (!may_call(request)) return {};
  if (constraint.kind == wire::EngineConstraint::Kind::Labels) {
    return cannot("choose a label and call tools in one answer", "tools");
  }
  const ToolChoice& choice = request.tool_choice;
  const bool named = choice.kind == ToolChoice::Kind::Named;
  for (const ToolDefinition& tool : request.tools) {
    if (!named || tool.name == choice.name)
      constraint.tools.push_back({.name = tool.name, .parameters = tool.parameters.text});
  }
  if (constraint.tools.empty())
    return fail(ErrorCode::InvalidArgument, "tool_choice names a tool that is not among tools", "tool_choice");
  constraint.call_required = named || choice.kind == ToolChoice::Kind::Required;
  constraint.one_call = named || !request.parallel_tool_calls.value_or(true);
  return {};
}

/// Puts the calls that `completion`'s text holds where callers look for them. A conversation knows a call by its id, so ids are random.
void read_calls(Completion& completion) {
  wire::ToolAnswer answer = wire::read_tool_answer(completion.text);
  completion.text = std::move(answer.text);
  completion.tool_calls = std::move(answer.calls);
  SystemRandom random;
  const SystemClock clock;
  for (ToolCall& call : completion.tool_calls) call.id = "call_" + new_uuid7(clock, random);
  if (!answer.whole) {
    // A stop string or the token limit cut a call: no answer that may be served as whole.
    completion.finish = FinishReason::Length;
  } else if (!completion.tool_calls.empty() && completion.finish == FinishReason::Stop) {
    completion.finish = FinishReason::ToolCalls;
  }
}

/// The whole answer as one piece.
Delta delta_of(const Completion& completion) {
  Delta delta;
  delta.text = completion.text;
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    const ToolCall& call = completion.tool_calls[i];
    delta.tool_calls.push_back({.index = i, .id = call.id, .name = call.name, .arguments = call.arguments});
  }
  if (completion.logprobs) delta.logprobs = *completion.logprobs;
  return delta;
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
  EmbeddedEngine::Options engine{.command = std::move(command),
                                 .limits = options.limits,
                                 .sha256 = model.sha256,
                                 .adapter_sha256 = model.adapter_sha256,
                                 .log = std::move(options.log)};
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
          .tools = true,
          .samples = true,
          .streaming = true,
          .context_window = now.facts ? static_cast<std::int64_t>(now.facts->context_length) : model_.context_window};
}

Result<wire::EngineCall> EmbeddedClient::translate(const ModelCall& call, bool stream) const {
  const ChatRequest& request = call.request;
  if (request.n != 1) return cannot("give more than one choice at once", "n");
  wire::EngineCall out;
  out.task = call.task;
  out.adapters = adapters_of(call);
  SUFFICE_TRY(out.messages, messages_of(request));
  out.sampling = merged(request.sampling, model_.sampling);
  out.constraint = constraint_of(call);
  SUFFICE_TRY_VOID(allow_calls(request, out.constraint));
  out.samples = static_cast<std::uint32_t>(std::clamp(call.samples, 1, kSamplesMax));
  if (out.samples > 1 && !out.sampling.temperature) out.sampling.temperature = kSamplesTemperature;
  out.abort = abort_of(call);
  out.want_logprobs = call.want_logprobs || request.logprobs;
  out.top_logprobs = static_cast<std::uint32_t>(std::max<std::int64_t>(request.top_logprobs, 0));
  out.stream = stream;
  return out;
}

std::vector<wire::EngineAdapterUse> EmbeddedClient::adapters_of(const ModelCall& call) const {
  std::vector<AdapterUse> wanted = call.adapters;
  if (wanted.empty() && !model_.adapter.empty()) wanted = {{.name = model_.adapter, .scale = model_.adapter_scale}};
  if (wanted.empty()) return {};
  const EngineStatus now = engine_.status();
  std::vector<wire::EngineAdapterUse> uses;
  for (AdapterUse& use : wanted) {
    const bool loaded =
        now.facts && std::ranges::any_of(now.facts->adapters, [&](const auto& one) { return one.name == use.name; });
    // Where the base will not do, the engine says that the adapter is missing.
    if (loaded || !model_.adapter_or_base) uses.push_back({.name = std::move(use.name), .scale = use.scale});
  }
  return uses;
}

Task<Result<std::int64_t>> EmbeddedClient::count_tokens(const ModelCall& call, Deadline deadline) {
  Result<wire::EngineCall> translated = translate(call, false);
  if (!translated) co_return fail(std::move(translated).error());
  wire::EngineCount frame;
  frame.task = std::move(translated->task);
  frame.messages = std::move(translated->messages);
  Task<Result<wire::EngineCounted>> counting = engine_.count(std::move(frame), deadline);
  const Result<wire::EngineCounted> counted = co_await std::move(counting);
  if (!counted) co_return fail(counted.error());
  co_return static_cast<std::int64_t>(counted->tokens);
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
  // Whether text is a call is known at its end, so an answer with tools comes to the sink as a whole.
  const bool calls = may_call(call.request);
  TokenSink* pieces = calls ? nullptr : sink;
  Result<wire::EngineCall> translated = translate(call, pieces != nullptr);
  if (!translated) co_return fail(std::move(translated).error());
  Task<Result<wire::EngineDone>> running = engine_.run(*std::move(translated), pieces, deadline);
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
  if (calls) read_calls(completion);
  if (calls && sink != nullptr) {
    const Delta delta = delta_of(completion);
    const SinkAction action = co_await sink->on_delta(delta);
    if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the receiver stopped the answer");
  }
  co_return completion;
}

}  // namespace suffice::providers
