// The engine beside llama-server under load: the same file, the same texts, 1, 4 and 16 calls at once, one thread each.
// SUFFICE_BENCH_LLAMA_SERVER is the server's URL (bench/engine_vs_llama_server starts one and prints the ratios); the engine
// is found as in embedded_bench.cpp.
//
// Prefill is the time of calls that write one token; decode is that of calls that write 48, the end token ignored by both.
// Labels are whole label tasks: what a caller of each waits for the most probable of 150 intents.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "core/random.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "providers/embedded_client.hpp"
#include "providers/openai_client.hpp"

namespace {

using namespace suffice;
using namespace suffice::providers;
namespace asio = boost::asio;
namespace fs = std::filesystem;

enum class Work : std::uint8_t { Prefill, Decode, Labels, LabelsAnew };
constexpr int kDecodeTokens = 48;
constexpr std::chrono::seconds kPatience{120};

const char* variable(const char* name) { return std::getenv(name); }  // NOLINT(concurrency-mt-unsafe): nothing sets it

std::string model_path() {
  if (const char* named = variable("SUFFICE_TEST_MODEL")) return named;
  return fs::path(SUFFICE_SOURCE_DIR) / "models/suffice-mini/suffice-mini-q4_0.gguf";
}

std::vector<std::string> intents() {
  constexpr const char* kVerbs[] = {"change", "check", "cancel", "order",   "report",
                                    "find",   "book",  "update", "explain", "confirm"};
  constexpr const char* kThings[] = {"card",     "balance", "flight",  "hotel",    "meeting",
                                     "reminder", "alarm",   "weather", "payment",  "account",
                                     "pin",      "travel",  "recipe",  "calendar", "order"};
  std::vector<std::string> out;
  for (const char* verb : kVerbs) {
    for (const char* thing : kThings) out.push_back(std::string(verb) + "_" + thing);
  }
  return out;
}

constexpr const char* kWords[] = {"build",     "failed", "timeout", "npm",    "registry", "undefined",
                                  "reference", "login",  "invoice", "card",   "server",   "restart",
                                  "module",    "cannot", "find",    "printer"};

std::string fresh_text(SeededRandom& random, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) text += std::string(i > 0 ? " " : "") + kWords[random.below(std::size(kWords))];
  return text;
}

struct Outcome {
  std::int64_t input_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
};

/// The server outlives a run and keeps its prompts: texts it has seen would be no work.
std::uint64_t never_used_seed() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

bool asks_for_labels(Work work) { return work == Work::Labels || work == Work::LabelsAnew; }

/// The task's word; of LabelsAnew behind a number that no call had before, so that no beginning of its prompt is known.
std::string system_text(Work work) {
  static std::uint64_t number = 100'000 + never_used_seed() % 800'000;
  return work == Work::LabelsAnew ? std::to_string(++number) + " clinc150" : "clinc150";
}

/// One way of asking: the engine's socket or a server's HTTP.
class Asked {
 public:
  virtual ~Asked() = default;
  virtual Task<Result<Outcome>> ask(Work work, std::string text) = 0;
};

class AskedEngine final : public Asked {
 public:
  explicit AskedEngine(std::unique_ptr<EmbeddedClient> client) : client_(std::move(client)) {}
  Task<Result<Outcome>> ask(Work work, std::string text) override {
    wire::EngineCall call;
    call.task = "bench";
    call.messages = {{"system", system_text(work)}, {"user", std::move(text)}};
    call.sampling.max_tokens = work == Work::Decode ? kDecodeTokens : 1;
    call.ignore_end = work == Work::Decode;
    if (asks_for_labels(work)) {
      call.constraint.kind = wire::EngineConstraint::Kind::Labels;
      call.constraint.labels = labels_;
    }
    Task<Result<wire::EngineDone>> running = client_->run(std::move(call), Deadline::after(kPatience));
    const Result<wire::EngineDone> done = co_await std::move(running);
    if (!done) co_return fail(done.error());
    co_return Outcome{done->usage.input_tokens, done->usage.cached_input_tokens, done->usage.output_tokens};
  }

  [[nodiscard]] pid_t pid() const { return client_->status().pid; }
  /// Microseconds that loading took; 0 when it failed.
  std::uint64_t load(std::string path) {
    wire::EngineAdapterOrder order{
        .action = wire::EngineAdapterOrder::Action::Load, .name = "banking", .path = std::move(path)};
    const auto loaded = net::run_sync(client_->order_adapters(std::move(order), Deadline::after(kPatience)));
    return loaded ? loaded->front().load_us : 0;
  }
  /// One token of a text that both the base and the adapter have read before.
  wire::EngineDone one_token() {
    wire::EngineCall call;
    call.task = "swap";
    call.messages = {{"system", "banking77"}, {"user", "my card has not arrived"}};
    call.sampling.max_tokens = 1;
    if (!adapter.empty()) call.adapters = {{.name = adapter}};
    return net::run_sync(client_->run(std::move(call), Deadline::after(kPatience))).value();
  }
  std::string adapter;

 private:
  std::unique_ptr<EmbeddedClient> client_;
  std::vector<std::string> labels_ = intents();
};

class AskedServer final : public Asked {
 public:
  explicit AskedServer(std::string url) {
    policy::Model model;
    model.name = model.model = "llama";
    model.endpoint = std::move(url);
    const Secret key;
    const auto probed = net::run_sync(probe_openai_server(model, key, http_, Deadline::after(kPatience)));
    if (probed) client_ = make_openai_client(model, key, http_, *probed).value();
  }
  [[nodiscard]] bool up() const { return client_ != nullptr; }
  Task<Result<Outcome>> ask(Work work, std::string text) override {
    ModelCall call;
    call.request.model = "llama";
    call.request.messages = {Message::of(Role::System, system_text(work)), Message::of(Role::User, std::move(text))};
    call.request.sampling.temperature = 0;
    call.request.sampling.max_tokens = work == Work::Decode ? kDecodeTokens : asks_for_labels(work) ? 16 : 1;
    if (work == Work::Decode) call.request.extra.text = R"({"ignore_eos":true})";
    if (asks_for_labels(work))
      call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = labels_, .schema = {}};
    Task<Result<Completion>> running = client_->complete(call, nullptr, Deadline::after(kPatience));
    const Result<Completion> done = co_await std::move(running);
    if (!done) co_return fail(done.error());
    const Usage usage = done->usage.value_or(Usage{});
    co_return Outcome{usage.input_tokens, usage.cached_input_tokens, usage.output_tokens};
  }

 private:
  net::HttpClient http_{net::HttpClientOptions{}};
  std::unique_ptr<ModelClient> client_;
  std::vector<std::string> labels_ = intents();
};

std::unique_ptr<Asked> engine(std::string& why) {
  policy::Model model;
  model.name = "mini";
  model.provider = policy::ProviderKind::Embedded;
  model.model = model_path();
  EmbeddedOptions options;
  if (const char* named = variable("SUFFICE_TEST_ENGINE")) options.engine_program = named;
  auto client = EmbeddedClient::create(model, std::move(options));
  if (client) {
    const Result<void> ready = net::run_sync((*client)->wait_ready(Deadline::after(kPatience)));
    if (ready) return std::make_unique<AskedEngine>(*std::move(client));
    client = fail(ready.error());
  }
  why = client.error().message;
  return nullptr;
}

std::unique_ptr<Asked> server(std::string& why) {
  const char* url = variable("SUFFICE_BENCH_LLAMA_SERVER");
  auto asked = url == nullptr ? nullptr : std::make_unique<AskedServer>(url);
  if (asked && asked->up()) return asked;
  why = "no llama-server at SUFFICE_BENCH_LLAMA_SERVER";
  return nullptr;
}

struct Run {
  Asked& asked;
  Work work;
  int words;
  int left;
  SeededRandom random{7};
  std::vector<double> call_ms{};
  Outcome sum{};
  std::string problem{};
};

Task<void> one_caller(Run& run) {
  while (run.left-- > 0) {
    std::string text = fresh_text(run.random, run.words);
    const auto start = std::chrono::steady_clock::now();
    Task<Result<Outcome>> asking = run.asked.ask(run.work, std::move(text));
    const Result<Outcome> outcome = co_await std::move(asking);
    run.call_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    if (!outcome) {
      run.problem = outcome.error().message;
      run.left = 0;
      co_return;
    }
    run.sum.input_tokens += outcome->input_tokens;
    run.sum.cached_tokens += outcome->cached_tokens;
    run.sum.output_tokens += outcome->output_tokens;
  }
}

void load(Run& run, int callers) {
  asio::io_context io;
  for (int i = 0; i < callers; ++i) asio::co_spawn(io, one_caller(run), asio::detached);
  io.run();
}

double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

using Make = std::unique_ptr<Asked> (*)(std::string& why);

void bench(benchmark::State& state, Make make, Work work, int words, int calls) {
  std::string why;
  const std::unique_ptr<Asked> asked = make(why);
  if (!asked) {
    state.SkipWithError(why.c_str());
    return;
  }
  const int callers = static_cast<int>(state.range(0));
  for (auto _ : state) {
    Run warm{.asked = *asked, .work = work, .words = words, .left = 4, .random = SeededRandom(never_used_seed())};
    load(warm, 1);
    Run run{.asked = *asked, .work = work, .words = words, .left = calls, .random = SeededRandom(never_used_seed())};
    const auto start = std::chrono::steady_clock::now();
    load(run, callers);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!run.problem.empty()) {
      state.SkipWithError(run.problem.c_str());
      return;
    }
    state.SetIterationTime(seconds);
    const auto read = static_cast<double>(run.sum.input_tokens - run.sum.cached_tokens);
    state.counters["calls_per_s"] = calls / seconds;
    state.counters["p50_ms"] = percentile(run.call_ms, 0.5);
    state.counters["p99_ms"] = percentile(run.call_ms, 0.99);
    state.counters["new_prompt_tokens"] = read / calls;
    state.counters["read_tokens_per_s"] = read / seconds;
    state.counters["prompt_tokens_per_s"] = static_cast<double>(run.sum.input_tokens) / seconds;
    state.counters["written_tokens_per_s"] = static_cast<double>(run.sum.output_tokens) / seconds;
  }
}

void add(const char* name, Work work, int words, int calls) {
  const auto one = [=](const char* who, Make make) {
    const std::string full = std::string("Load") + name + "/" + who;
    benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& state) { bench(state, make, work, words, calls); })
        ->Arg(1)
        ->Arg(4)
        ->Arg(16)
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  one("engine", engine);
  one("server", server);
}

/// Resident memory of a process in MB.
double resident_mb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t pages = 0;
  status >> pages >> pages;
  return static_cast<double>(pages) * 4096 / 1e6;
}

/// 10,000 calls of labels and texts, 16 at once: memory after the first thousand and at the end.
void soak(benchmark::State& state) {
  std::string why;
  const std::unique_ptr<Asked> asked = engine(why);
  if (!asked) {
    state.SkipWithError(why.c_str());
    return;
  }
  const pid_t pid = static_cast<AskedEngine&>(*asked).pid();
  const auto both = [&](int calls, std::uint64_t seed) {
    for (const Work work : {Work::Labels, Work::Prefill}) {
      Run run{.asked = *asked, .work = work, .words = 8, .left = calls / 2, .random = SeededRandom(seed)};
      load(run, 16);
      if (!run.problem.empty()) state.SkipWithError(run.problem.c_str());
    }
  };
  for (auto _ : state) {
    both(1'000, 1);
    state.counters["resident_mb_after_1000"] = resident_mb(pid);
    both(9'000, 2);
    state.counters["resident_mb_after_10000"] = resident_mb(pid);
  }
}

/// Label calls that alternate between the base and an adapter, and the same calls without: what the change costs.
void adapter_swap(benchmark::State& state) {
  std::string why;
  const std::unique_ptr<Asked> asked = engine(why);
  const fs::path adapter = fs::path(SUFFICE_SOURCE_DIR) / "models/banking77-lora/banking77-lora.gguf";
  if (!asked || !fs::exists(adapter)) {
    state.SkipWithError(asked ? "no models/banking77-lora" : why.c_str());
    return;
  }
  auto& ours = static_cast<AskedEngine&>(*asked);
  const auto median_us = [&](int period) {
    std::vector<double> us;
    for (int i = 0; i < 400; ++i) {
      ours.adapter = i / period % 2 == 1 ? "banking" : "";
      const wire::EngineDone done = ours.one_token();
      us.push_back(static_cast<double>(done.prefill_us));
    }
    return percentile(us, 0.5);
  };
  for (auto _ : state) {
    state.counters["load_us"] = static_cast<double>(ours.load(adapter.string()));
    // 200 calls of each: alternating, and in two blocks.
    const double alternating = median_us(1);
    const double blocks = median_us(200);
    state.counters["call_us_alternating"] = alternating;
    state.counters["call_us_in_blocks"] = blocks;
    state.counters["swap_us"] = alternating - blocks;
  }
}

const bool kAdded = [] {
  benchmark::RegisterBenchmark("SoakOfTenThousand", soak)->Iterations(1)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("AdapterSwap", adapter_swap)->Iterations(1)->Unit(benchmark::kMillisecond);
  add("Prefill100", Work::Prefill, 50, 160);
  add("Decode48", Work::Decode, 6, 64);
  add("Labels150", Work::Labels, 8, 320);
  add("LabelsAnew150", Work::LabelsAnew, 8, 320);
  return true;
}();

}  // namespace
