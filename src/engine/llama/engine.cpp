#include "engine/llama/engine.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/llama/context.hpp"
#include "engine/llama/generator.hpp"
#include "engine/llama/library.hpp"
#include "engine/llama/model.hpp"
#include "engine/sandbox.hpp"
#include "engine/service.hpp"

namespace suffice::engine {
namespace {

constexpr int kExitGatewayGone = 0;
constexpr int kExitFailed = 1;
/// Waiting calls a context; beyond it a caller is better served by the next tier than by waiting.
constexpr std::size_t kQueuePerContext = 64;

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
  Counters counters;
  std::vector<std::unique_ptr<CallRunner>> runners;
  wire::EngineReady ready{.facts = model->facts()};
  for (int i = 0; i < options.contexts; ++i) {
    SUFFICE_TRY(std::unique_ptr<Context> context,
                Context::create(*model, options.threads, options.context_length, counters.progress));
    ready.facts.context_length = static_cast<std::uint32_t>(context->length());
    runners.push_back(std::make_unique<Generator>(*model, std::move(context)));
  }
  ready.facts.contexts = static_cast<std::uint32_t>(options.contexts);
  ready.facts.threads = static_cast<std::uint32_t>(options.threads);
  ready.facts.sandbox = std::move(sandbox);
  writer.write(ready);

  const std::size_t queue_max = kQueuePerContext * runners.size();
  Service service(reader, writer, std::move(runners), counters, queue_max);
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
