// Many calls on one engine: batches, adapters, samples, expressions, embeddings. The real engine, model and adapter.
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <regex>

#include <gmock/gmock.h>

#include "testing/embedded_fixture.hpp"

namespace suffice::providers {
namespace {

using ::testing::HasSubstr;
using Order = wire::EngineAdapterOrder;

fs::path adapter_path() { return testing::repository() / "models/banking77-lora/banking77-lora.gguf"; }

class EmbeddedBatchTest : public EmbeddedClientTest {
 protected:
  EmbeddedClient& start_with_adapter(std::map<std::string, std::string> adapters, bool or_base = false) {
    policy::Model model = model_at(model_path);
    model.adapters = std::move(adapters);
    model.adapter_or_base = or_base;
    auto created = EmbeddedClient::create(model, test_options());
    EXPECT_TRUE(created.has_value()) << created.error().message;
    client = *std::move(created);
    const Result<void> ready = wait_for(client->wait_ready(Deadline::after(kPatience)));
    EXPECT_TRUE(ready.has_value()) << ready.error().message;
    return *client;
  }

  /// All of `calls` at once, from one thread.
  std::vector<Completion> complete_together(const std::vector<ModelCall>& calls) {
    asio::io_context io;
    std::vector<std::optional<Result<Completion>>> results(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      asio::co_spawn(io, client->complete(calls[i], nullptr, Deadline::after(kPatience)),
                     [&results, i](std::exception_ptr, Result<Completion> value) { results[i] = std::move(value); });
    }
    io.run();
    std::vector<Completion> out;
    for (auto& result : results) {
      EXPECT_TRUE(result->has_value()) << result->error().message;
      out.push_back(result->value_or(Completion{}));
    }
    return out;
  }

  Result<EmbeddedClient::AdapterList> order(Order frame) {
    return wait_for(client->order_adapters(std::move(frame), Deadline::after(kPatience)));
  }
  bool have_adapter() const { return fs::exists(adapter_path()); }
};

/// Texts, labels and JSON, a third of them with an adapter, at two scales.
std::vector<ModelCall> mixed_calls() {
  std::vector<ModelCall> calls;
  for (int i = 0; i < 16; ++i) {
    const std::string text = "ticket " + std::to_string(i * 37) + ": the build cannot find module " + std::to_string(i);
    ModelCall call;
    switch (i % 3) {
      case 0:
        call = label_call(text, kLabels);
        break;
      case 1:
        call =
            schema_call(text, R"({"type":"object","properties":{"ok":{"type":"boolean"},"kind":{"enum":["a","bc","d"]}},
                                     "required":["ok","kind"]})");
        break;
      default:
        call = call_of("summarize", text);
        break;
    }
    call.task = "task" + std::to_string(i % 4);
    call.want_logprobs = true;
    if (i % 2 == 1) call.adapters = {{.name = "banking", .scale = i % 4 == 3 ? 0.5 : 1}};
    calls.push_back(std::move(call));
  }
  return calls;
}

TEST_F(EmbeddedBatchTest, SixteenMixedAdapterCallsGetTheAnswersOfTheSequentialRun) {
  if (!have_adapter()) GTEST_SKIP() << "no adapter at " << adapter_path();
  start_with_adapter({{"banking", adapter_path().string()}});
  const std::vector<ModelCall> calls = mixed_calls();
  std::vector<Completion> sequential;
  for (const ModelCall& call : calls) sequential.push_back(complete(call).value());

  const std::vector<Completion> together = complete_together(calls);

  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(together[i].text, sequential[i].text) << i;
    EXPECT_EQ(together[i].usage->output_tokens, sequential[i].usage->output_tokens) << i;
    // The library's sums depend on how many tokens a step has; 4-bit weights make that visible in the third digit.
    if (!sequential[i].labels) continue;
    for (const auto& entry : sequential[i].labels->entries) {
      EXPECT_NEAR(probability_of(*together[i].labels, entry.label), entry.probability, 0.03) << i << ' ' << entry.label;
    }
  }
  EXPECT_NE(sequential[1].logprobs, sequential[4].logprobs);
}

TEST_F(EmbeddedBatchTest, LoadsListsAndDropsAdaptersWhileItRuns) {
  if (!have_adapter()) GTEST_SKIP() << "no adapter at " << adapter_path();
  start();
  ModelCall call = label_call("what is my balance", kLabels);
  const Completion base = complete(call).value();
  call.adapters = {{.name = "banking"}};
  const Result<Completion> missing = complete(call);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);

  const auto loaded = order({.action = Order::Action::Load, .name = "banking", .path = adapter_path().string()});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->front().name, "banking");
  EXPECT_GT(loaded->front().rank, 0U);
  EXPECT_GT(loaded->front().parameters, 1'000U);
  EXPECT_EQ(loaded->front().sha256.size(), 64U);
  EXPECT_EQ(client->status().facts->adapters, *loaded);

  const Completion adapted = complete(call).value();
  EXPECT_NE(adapted.labels->entries.front().probability, base.labels->entries.front().probability);
  call.adapters.front().scale = 0;
  const Completion silent = complete(call).value();
  EXPECT_EQ(silent.text, base.text);

  EXPECT_TRUE(order({.action = Order::Action::Unload, .name = "banking"})->empty());
  EXPECT_EQ(order({.action = Order::Action::Unload, .name = "banking"}).error().code, ErrorCode::NotFound);
  call.adapters.front().scale = 1;
  EXPECT_EQ(complete(call).error().code, ErrorCode::NotFound);
}

TEST_F(EmbeddedBatchTest, RefusesAnAdapterThatIsNotThePinnedFile) {
  if (!have_adapter()) GTEST_SKIP() << "no adapter at " << adapter_path();
  policy::Model model = model_at(model_path);
  model.adapters = {{"banking", adapter_path().string()}};
  model.adapter_sha256 = {{"banking", std::string(64, '0')}};
  auto other = EmbeddedClient::create(model, test_options()).value();

  const Result<void> ready = wait_for(other->wait_ready(Deadline::after(kPatience)));

  ASSERT_FALSE(ready.has_value());
  EXPECT_EQ(ready.error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(ready.error().message, HasSubstr("adapter banking"));
}

TEST_F(EmbeddedBatchTest, AnswersWithTheBaseWhereThePolicySaysSo) {
  start_with_adapter({}, true);
  ModelCall call = label_call("what is my balance", kLabels);
  const Completion base = complete(call).value();
  call.adapters = {{.name = "not loaded"}};
  EXPECT_EQ(complete(call).value().text, base.text);
}

TEST_F(EmbeddedBatchTest, RefusesFilesThatAreNoAdapterOfItsModelAndGoesOn) {
  start();
  const fs::path folder = fs::temp_directory_path() / ("suffice-adapters-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto write = [&](const char* name, std::string_view bytes) {
    const fs::path path = folder / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  };
  std::string damaged = "GGUF";
  damaged += std::string("\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f\x01\0\0\0\0\0\0\0", 20);
  std::vector<std::pair<std::string, std::string>> cases = {{"not a GGUF", write("text", "hello")},
                                                            {"empty", write("empty", "")},
                                                            {"absurd counts", write("damaged", damaged)},
                                                            {"a whole model", model_path},
                                                            {"missing", (folder / "nothing").string()}};
  if (have_adapter()) {
    std::ifstream source(adapter_path(), std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(source)), {});
    cases.emplace_back("cut in half", write("cut", whole.substr(0, whole.size() / 2)));
    std::string another = whole;
    const std::size_t at = another.find("llama");
    if (at != std::string::npos) another.replace(at, 5, "qwen2");
    cases.emplace_back("of another architecture", write("another", another));
  }
  for (const auto& [name, path] : cases) {
    const auto refused = order({.action = Order::Action::Load, .name = "x", .path = path});
    ASSERT_FALSE(refused.has_value()) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::ModelInvalid) << name << ": " << refused.error().message;
  }
  EXPECT_TRUE(complete(label_call("still here", kLabels)).has_value());
  EXPECT_EQ(client->status().starts, 1U) << "no file ended the engine";
  fs::remove_all(folder);
}

TEST_F(EmbeddedBatchTest, SharesStepsBetweenCalls) {
  start();
  std::vector<ModelCall> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(schema_call("go " + std::to_string(i),
                                R"({"type":"array","items":{"type":"boolean"},"minItems":12,"maxItems":12})"));
  }
  complete_together(calls);
  // A ping's counters come a little later than the answers.
  wire::EnginePong pong;
  while (pong.calls_done < 8) pong = client->status().counters;
  EXPECT_LT(pong.decode_steps, pong.output_tokens / 3) << "steps carry tokens of several answers";
}

TEST_F(EmbeddedBatchTest, AgreesOverSamplesOfOnePrompt) {
  start();
  ModelCall call = schema_call("is it broken", R"({"enum":["yes","no","maybe"]})");
  call.samples = 8;
  call.request.sampling.seed = 11;
  const Completion completion = complete(call).value();
  ASSERT_TRUE(completion.agreement.has_value());
  EXPECT_GE(*completion.agreement, 1.0 / 8);
  EXPECT_LE(*completion.agreement, 1.0);
  EXPECT_EQ(std::fmod(*completion.agreement * 8, 1.0), 0) << "a share of eight";
  EXPECT_THAT(completion.text, ::testing::AnyOf("\"yes\"", "\"no\"", "\"maybe\""));
  const Completion again = complete(call).value();
  EXPECT_EQ(again.text, completion.text);
  EXPECT_EQ(again.agreement, completion.agreement);
}

TEST_F(EmbeddedBatchTest, GivesUpWhatTheGateWouldRefuse) {
  start();
  ModelCall call = call_of("summarize", "qwxz qwxz");
  call.token_probability_min = 0.999;
  call.request.sampling.temperature = 2;
  call.request.sampling.seed = 3;
  const Completion completion = complete(call).value();
  EXPECT_EQ(completion.finish, FinishReason::LowConfidence);
  EXPECT_LT(completion.usage->output_tokens, 8);
}

TEST_F(EmbeddedBatchTest, FollowsARegularExpression) {
  start();
  auto engine_call = [](std::string regex) {
    wire::EngineCall call;
    call.messages = {{"system", "extract"}, {"user", "order 4411 of 3 May"}};
    call.constraint = {.kind = wire::EngineConstraint::Kind::Regex, .labels = {}, .text = std::move(regex)};
    call.sampling.max_tokens = 60;
    return call;
  };
  const char* const expressions[] = {R"(\d{4}-\d{2}-\d{2})", R"((GET|POST) /[a-z]{1,8}(/[0-9]+)?)", R"([A-F0-9]{8})",
                                     "yes|no|not sure"};
  for (const char* const regex : expressions) {
    const auto done = wait_for(client->run(engine_call(regex), Deadline::after(kPatience)));
    ASSERT_TRUE(done.has_value()) << regex << ": " << done.error().message;
    EXPECT_TRUE(std::regex_match(done->text, std::regex(regex))) << regex << " gave " << done->text;
    EXPECT_EQ(done->finish, FinishReason::Stop) << regex;
  }
  const auto refused = wait_for(client->run(engine_call("(?=a)b"), Deadline::after(kPatience)));
  EXPECT_EQ(refused.error().code, ErrorCode::UnsupportedField);
}

TEST_F(EmbeddedBatchTest, TurnsTextsIntoVectors) {
  // suffice-mini was made for writing, not for embeddings: this shows that the numbers are right, not that they are good.
  start();
  const auto embed = [&](std::vector<std::string> texts, wire::EngineEmbed::Pooling pooling) {
    EmbeddingCall call{.texts = std::move(texts), .pooling = pooling, .normalise = true, .task = {}};
    return wait_for(client->embed(std::move(call), Deadline::after(kPatience)));
  };
  using enum wire::EngineEmbed::Pooling;
  const Embeddings mean = embed({"the build failed", "the build failed", "my card was stolen"}, Mean).value();
  ASSERT_EQ(mean.vectors.size(), 3U);
  EXPECT_EQ(mean.vectors[0].size(), client->status().facts->embedding_length);
  EXPECT_EQ(mean.pooling, Mean);
  const auto dot = [&](std::size_t a, std::size_t b) {
    return std::inner_product(mean.vectors[a].begin(), mean.vectors[a].end(), mean.vectors[b].begin(), 0.0);
  };
  EXPECT_NEAR(dot(0, 0), 1, 1e-5) << "normalised";
  EXPECT_NEAR(dot(0, 1), 1, 1e-3) << "the same text is the same vector, whatever is beside it";
  EXPECT_LT(dot(0, 2), 0.999);
  EXPECT_EQ(embed({"x"}, Model).value().pooling, Mean) << "the file says nothing";
  EXPECT_NE(embed({"the build failed"}, Last)->vectors[0], mean.vectors[0]);
  EXPECT_EQ(embed({"a", ""}, Mean).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(embed({std::string(20'000, 'x')}, Mean).error().code, ErrorCode::ContextOverflow);
}

}  // namespace
}  // namespace suffice::providers
