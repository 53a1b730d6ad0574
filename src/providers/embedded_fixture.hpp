#pragma once
// For tests: the real engine program with the real small model, both found beside the tests and in the repository. Without
// them the tests are skipped and say why.

#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "providers/embedded_client.hpp"

namespace suffice::providers {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// Generous: the tests also run on machines without a free core, the engine then takes seconds to load.
inline constexpr milliseconds kPatience{120'000};

/// SUFFICE_TEST_MODEL, or the model the repository ships.
inline std::optional<std::string> find_model() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
  if (const char* named = std::getenv("SUFFICE_TEST_MODEL")) return named;
  const fs::path models = fs::path(__FILE__).parent_path() / "../../models/suffice-mini";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(models, error)) {
    if (entry.path().extension() == ".gguf") return entry.path().string();
  }
  return std::nullopt;
}

inline std::string engine_program() {
  const char* named = std::getenv("SUFFICE_TEST_ENGINE");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return named != nullptr ? named : engine_program_beside_this();
}

inline policy::Model model_at(std::string path) {
  policy::Model model;
  model.name = "mini";
  model.provider = policy::ProviderKind::Embedded;
  model.model = std::move(path);
  return model;
}

inline EmbeddedOptions test_options() {
  EmbeddedOptions options;
  options.engine_program = engine_program();
  options.limits.ping_every = milliseconds(50);
  return options;
}

template <class T>
T wait_for(Task<T> task) {
  asio::io_context io;
  std::optional<T> result;
  std::exception_ptr thrown;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    thrown = error;
    result = std::move(value);
  });
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(result);
}

inline ModelCall call_of(std::string system, std::string user) {
  ModelCall call;
  call.request.messages = {Message::of(Role::System, std::move(system)), Message::of(Role::User, std::move(user))};
  call.request.sampling.max_tokens = 32;
  return call;
}

inline ModelCall label_call(std::string user, std::vector<std::string> labels) {
  ModelCall call = call_of("classify_issue", std::move(user));
  call.constraint.kind = OutputConstraint::Kind::Labels;
  call.constraint.labels = std::move(labels);
  return call;
}

inline ModelCall schema_call(std::string user, std::string schema) {
  ModelCall call = call_of("extract_fields", std::move(user));
  call.constraint.kind = OutputConstraint::Kind::JsonSchema;
  call.constraint.schema.text = std::move(schema);
  return call;
}

/// Computes for seconds: a list that the schema makes long.
inline ModelCall long_call() {
  ModelCall call = schema_call("go", R"({"type":"array","items":{"type":"boolean"},"minItems":200,"maxItems":256})");
  call.request.sampling.max_tokens = 900;
  return call;
}

class Sink final : public TokenSink {
 public:
  explicit Sink(std::function<SinkAction(const Delta&)> on = [](const Delta&) { return SinkAction::Continue; })
      : on_(std::move(on)) {}
  Task<SinkAction> on_delta(const Delta& delta) override {
    text += delta.text;
    ++deltas;
    co_return on_(delta);
  }
  std::string text;
  int deltas = 0;

 private:
  std::function<SinkAction(const Delta&)> on_;
};

inline const std::vector<std::string> kLabels = {"build", "test", "dependency", "security", "access", "unknown"};

inline double sum(const LabelDistribution& distribution) {
  double total = 0;
  for (const auto& entry : distribution.entries) total += entry.probability;
  return total;
}

inline double probability_of(const LabelDistribution& distribution, std::string_view label) {
  for (const auto& entry : distribution.entries) {
    if (entry.label == label) return entry.probability;
  }
  ADD_FAILURE() << "no label " << label;
  return 0;
}

class EmbeddedClientTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<std::string> model = find_model();
    if (!model) GTEST_SKIP() << "no models/suffice-mini/*.gguf and no SUFFICE_TEST_MODEL";
    if (::access(engine_program().c_str(), X_OK) != 0) GTEST_SKIP() << "no engine program at " << engine_program();
    model_path = *model;
  }

  EmbeddedClient& start(EmbeddedOptions options = test_options(), int contexts = 1) {
    policy::Model model = model_at(model_path);
    model.contexts = contexts;
    auto created = EmbeddedClient::create(model, std::move(options));
    EXPECT_TRUE(created.has_value()) << created.error().message;
    client = *std::move(created);
    const Result<void> ready = wait_for(client->wait_ready(Deadline::after(kPatience)));
    EXPECT_TRUE(ready.has_value()) << ready.error().message;
    return *client;
  }

  Result<Completion> complete(const ModelCall& call, TokenSink* sink = nullptr) {
    return wait_for(client->complete(call, sink, Deadline::after(kPatience)));
  }

  std::string model_path;
  std::unique_ptr<EmbeddedClient> client;
};

}  // namespace suffice::providers
