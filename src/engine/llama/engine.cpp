#include "engine/llama/engine.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/batcher.hpp"
#include "engine/label_cache.hpp"
#include "engine/llama/adapter_shelf.hpp"
#include "engine/llama/decoder.hpp"
#include "engine/llama/embedding.hpp"
#include "engine/llama/library.hpp"
#include "engine/llama/model.hpp"
#include "engine/sandbox.hpp"
#include "engine/service.hpp"
#include "engine/worker.hpp"

namespace suffice::engine {
namespace {

constexpr int kExitGatewayGone = 0;
constexpr int kExitFailed = 1;
/// Waiting calls a context, and of one task; beyond it a caller is better served by the next tier than by waiting.
constexpr std::size_t kQueuePerContext = 64;
constexpr std::size_t kTaskQueuePerContext = 48;

Result<void> greet(FrameReader& reader) {
  SUFFICE_TRY(const std::optional<wire::EngineFrame> frame, reader.read());
  const auto* hello = frame ? std::get_if<wire::EngineHello>(&*frame) : nullptr;
  if (hello == nullptr) return fail(ErrorCode::ProtocolError, "the gateway did not greet");
  if (hello->protocol_version != wire::kEngineProtocolVersion) {
    return fail(ErrorCode::ProtocolError, "the gateway speaks version " + std::to_string(hello->protocol_version) +
                                              " of the engine protocol and the engine version " +
                                              std::to_string(wire::kEngineProtocolVersion) +
                                              "; install both from one build");
  }
  return {};
}

Result<void> serve(const EngineOptions& options, std::vector<std::string> sandbox, FrameReader& reader,
                   FrameWriter& writer) {
  SUFFICE_TRY_VOID(greet(reader));
  const bool started = start_library([&writer](bool error, const std::string& line) {
    using Level = wire::EngineLog::Level;
    writer.write(wire::EngineLog{.level = error ? Level::Error : Level::Warning, .text = line});
  });
  if (!started)
    return fail(ErrorCode::ModelUnavailable, "libllama's CPU code is not installed where the engine was built to look");

  SUFFICE_TRY(const std::unique_ptr<Model> model, Model::load(options.model_path));
  LlamaAdapterShelf adapters(*model);
  for (const auto& [name, path] : options.adapters) SUFFICE_TRY_VOID(adapters.load(name, path));
  LabelCache labels(*model);
  Counters counters;
  const SystemClock clock;
  const Preparation preparation{.language = *model, .adapters = adapters, .labels = labels, .counters = counters};
  const BatchPlan plan;
  wire::EngineReady ready{.facts = model->facts()};
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < options.contexts; ++i) {
    std::unique_ptr<Decoder> decoder;
    if (model->facts().writes_text) {
      SUFFICE_TRY(decoder, LlamaDecoder::create(*model, options.threads, options.context_length, plan, counters));
      ready.facts.context_length = static_cast<std::uint32_t>(decoder->limits().call_tokens);
    }
    const MakeEmbeddingDecoder make_embedding_decoder = [&] {
      return LlamaEmbeddingDecoder::create(*model, options.threads, counters);
    };
    workers.push_back(
        std::make_unique<BatchWorker>(std::move(decoder), make_embedding_decoder, preparation, plan, clock));
  }
  ready.facts.contexts = static_cast<std::uint32_t>(options.contexts);
  ready.facts.threads = static_cast<std::uint32_t>(options.threads);
  ready.facts.sequences = static_cast<std::uint32_t>(plan.calls);
  ready.facts.adapters = adapters.list();
  ready.facts.sandbox = std::move(sandbox);
  writer.write(ready);

  const Service::Limits limits{.queue_max = kQueuePerContext * workers.size(),
                               .task_queue_max = kTaskQueuePerContext * workers.size()};
  Service service(reader, writer, std::move(workers), std::make_unique<CountWorker>(*model), adapters, counters, limits,
                  clock);
  return service.run();
}

}  // namespace

int run_engine(const EngineOptions& options) {
  std::vector<std::string> sandbox =
      enter_sandbox({.keep_fd = options.fd, .address_space_mb = options.address_space_mb});
  FrameReader reader(options.fd);
  FrameWriter writer(options.fd);
  const Result<void> outcome = serve(options, std::move(sandbox), reader, writer);
  if (outcome) return kExitGatewayGone;
  writer.write(wire::EngineFailure{
      .id = 0, .code = outcome.error().code, .message = outcome.error().message, .where = outcome.error().where});
  return kExitFailed;
}

}  // namespace suffice::engine
