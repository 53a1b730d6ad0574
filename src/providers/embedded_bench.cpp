// The embedded model as a caller of this process sees it, with the engine's own clock beside it. Needs the engine program
// beside this one and a model in the repository (or SUFFICE_TEST_ENGINE, SUFFICE_TEST_MODEL). One context, one thread.
// bench/engine_vs_llama_bench sets these numbers beside llama-bench's.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "core/random.hpp"
#include "providers/embedded_client.hpp"

namespace {

using namespace suffice;
using namespace suffice::providers;
namespace fs = std::filesystem;

std::string model_path() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
  if (const char* named = std::getenv("SUFFICE_TEST_MODEL")) return named;
  std::error_code error;
  const fs::path models = fs::path(SUFFICE_SOURCE_DIR) / "models/suffice-mini";
  for (const auto& entry : fs::directory_iterator(models, error)) {
    if (entry.path().extension() == ".gguf") return entry.path().string();
  }
  return {};
}

template <class T>
T wait_for(Task<T> task) {
  boost::asio::io_context io;
  std::optional<T> result;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr, T value) { result = std::move(value); });
  io.run();
  return *std::move(result);
}

/// The running engine, or null with the reason.
std::unique_ptr<EmbeddedEngine> start_engine(std::string& why) {
  const std::string model = model_path();
  if (model.empty()) {
    why = "no models/suffice-mini/*.gguf and no SUFFICE_TEST_MODEL";
    return nullptr;
  }
  const char* named = std::getenv("SUFFICE_TEST_ENGINE");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  EngineCommand command;
  command.program = named != nullptr ? named : engine_program_beside_this();
  command.arguments = {"--model", model};
  auto engine = std::make_unique<EmbeddedEngine>(EmbeddedEngine::Options{
      .command = std::move(command), .limits = {}, .sha256 = {}, .adapter_sha256 = {}, .log = {}});
  const Result<void> ready = wait_for(engine->wait_ready(Deadline::after(std::chrono::seconds(120))));
  if (ready) return engine;
  why = ready.error().message;
  return nullptr;
}

constexpr const char* kWords[] = {"build",     "failed", "timeout", "npm",    "registry", "undefined",
                                  "reference", "login",  "invoice", "card",   "server",   "restart",
                                  "module",    "cannot", "find",    "printer"};

/// A text of words that no earlier call had in this order, so that no prefix is cached.
std::string fresh_text(SeededRandom& random, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) {
    if (i > 0) text += ' ';
    text += kWords[random.below(std::size(kWords))];
  }
  return text;
}

double percentile(std::vector<double>& sorted, double share) {
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

struct Totals {
  double prefill_tokens = 0;
  double prefill_us = 0;
  double decode_tokens = 0;
  double decode_us = 0;
  double input_tokens = 0;
  std::vector<double> call_ms;
};

void run_calls(benchmark::State& state, int words, bool labels) {
  std::string why;
  const std::unique_ptr<EmbeddedEngine> engine = start_engine(why);
  if (!engine) {
    state.SkipWithError(why.c_str());
    return;
  }
  SeededRandom random(7);
  Totals totals;
  for (auto _ : state) {
    wire::EngineCall call;
    call.messages = {{"system", "classify_issue"}, {"user", fresh_text(random, words)}};
    call.sampling.max_tokens = 16;
    if (labels) {
      call.constraint.kind = wire::EngineConstraint::Kind::Labels;
      call.constraint.labels = {"build", "test", "dependency", "security", "access", "unknown"};
    }
    const auto start = std::chrono::steady_clock::now();
    const Result<wire::EngineDone> done = wait_for(engine->run(std::move(call), nullptr, Deadline::never()));
    totals.call_ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    if (!done) {
      state.SkipWithError(done.error().message.c_str());
      return;
    }
    totals.prefill_tokens += static_cast<double>(done->usage.input_tokens - done->usage.cached_input_tokens);
    totals.input_tokens += static_cast<double>(done->usage.input_tokens);
    totals.prefill_us += static_cast<double>(done->prefill_us);
    totals.decode_tokens += static_cast<double>(done->usage.output_tokens);
    totals.decode_us += static_cast<double>(done->decode_us);
  }
  const auto calls = static_cast<double>(totals.call_ms.size());
  state.counters["p50_ms"] = percentile(totals.call_ms, 0.5);
  state.counters["p99_ms"] = percentile(totals.call_ms, 0.99);
  state.counters["prompt_tokens"] = totals.input_tokens / calls;
  state.counters["new_prompt_tokens"] = totals.prefill_tokens / calls;
  state.counters["prefill_tokens_per_s"] = totals.prefill_tokens / totals.prefill_us * 1e6;
  if (!labels) state.counters["decode_tokens_per_s"] = totals.decode_tokens / totals.decode_us * 1e6;
}

void EmbeddedLabels(benchmark::State& state) { run_calls(state, static_cast<int>(state.range(0)), true); }
void EmbeddedText(benchmark::State& state) { run_calls(state, static_cast<int>(state.range(0)), false); }

BENCHMARK(EmbeddedLabels)->Arg(20)->Arg(150)->Iterations(300)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(EmbeddedText)->Arg(20)->Iterations(300)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
