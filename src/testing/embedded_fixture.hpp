#pragma once
// For tests: the real engine program with the real small model, both found beside the tests and in the repository. Without
// them the tests are skipped and say why. In the namespace of the client, whose tests share it.

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "providers/embedded_client.hpp"
#include "testing/engine_files.hpp"

namespace suffice::providers {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// Generous: the tests also run on machines without a free core, the engine then takes seconds to load.
inline constexpr milliseconds kPatience{120'000};

inline policy::Model model_at(std::string path) {
  policy::Model model;
  model.name = "mini";
  model.provider = policy::ProviderKind::Embedded;
  model.model = std::move(path);
  return model;
}

inline EmbeddedOptions test_options() {
  EmbeddedOptions options;
  options.engine_program = testing::real_engine();
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

class EmbeddedClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string lacks = testing::what_real_engine_lacks(); !lacks.empty()) GTEST_SKIP() << lacks;
    model_path = testing::real_model();
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
