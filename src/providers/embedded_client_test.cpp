// The embedded model end to end: the real engine program with the real small model, both found beside the tests and in the
// repository. Without them these tests are skipped and say why.
#include "providers/embedded_client.hpp"

#include <cctype>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "models/made_gguf.hpp"
#include "testing/embedded_fixture.hpp"

namespace suffice::providers {
namespace {

using ::testing::HasSubstr;

TEST_F(EmbeddedClientTest, TellsWhatItHasLoaded) {
  start();
  const EngineStatus status = client->status();
  ASSERT_TRUE(status.facts.has_value());
  EXPECT_TRUE(status.ready);
  EXPECT_EQ(status.facts->architecture, "llama");
  EXPECT_EQ(status.facts->chat_template, "chatml");
  EXPECT_FALSE(status.facts->quantisation.empty());
  EXPECT_EQ(status.facts->sha256.size(), 64U);
  EXPECT_THAT(status.facts->sandbox, ::testing::Contains("no_new_privs"));
  EXPECT_EQ(client->capabilities().context_window, static_cast<std::int64_t>(status.facts->context_length));
}

TEST_F(EmbeddedClientTest, GivesEveryLabelItsProbability) {
  start();
  const Completion completion = complete(label_call("npm ERR! 404 left-padd is not in this registry", kLabels)).value();
  ASSERT_TRUE(completion.labels.has_value());
  EXPECT_EQ(completion.labels->entries.size(), kLabels.size());
  EXPECT_NEAR(sum(*completion.labels), 1, 1e-9);
  EXPECT_EQ(completion.text, completion.labels->entries.front().label);
  EXPECT_EQ(completion.finish, FinishReason::Stop);
  EXPECT_EQ(completion.labels->method, LabelDistribution::Method::TrieRenormalised);
}

// The distribution against the probabilities of free writing, which take another way through the engine. The labels are the
// model's own answer, a rival of its first token, and the first token followed by a rival of the second.
TEST_F(EmbeddedClientTest, ScoresLabelsAsTheirTokensAreWrittenFreely) {
  start();
  ModelCall free = call_of("classify_issue", "it broke");
  free.want_logprobs = true;
  free.request.top_logprobs = 20;
  const Completion written = complete(free).value();
  ASSERT_TRUE(written.logprobs.has_value());
  const std::vector<TokenLogprob>& tokens = *written.logprobs;
  if (tokens.size() < 2) GTEST_SKIP() << "the model answers with a single token";
  /// A rival at `step` that, after `before`, is read as one token more.
  const auto rival_at = [&](std::size_t step, const std::string& before) -> TokenLogprob::Alternative {
    for (const auto& rival : tokens[step].top) {
      const bool letters = !rival.token.empty() && std::isalpha(static_cast<unsigned char>(rival.token[0])) != 0;
      if (!letters || rival.token == tokens[step].token) continue;
      const Completion alone = complete(label_call("x", {before + rival.token})).value();
      if (alone.usage->output_tokens == static_cast<std::int64_t>(step) + 1) return rival;
    }
    return {};
  };
  const std::string& first = tokens[0].token;
  const TokenLogprob::Alternative other = rival_at(0, "");
  const TokenLogprob::Alternative second = rival_at(1, first);
  ASSERT_FALSE(other.token.empty() || second.token.empty());

  const std::string branched = first + second.token;
  const LabelDistribution scored =
      *complete(label_call("it broke", {written.text, branched, other.token})).value().labels;

  const double p_first = std::exp(tokens[0].logprob);
  const double p_other = std::exp(other.logprob);
  const double p_on = std::exp(tokens[1].logprob);
  const double p_branch = std::exp(second.logprob);
  const double share = p_first / (p_first + p_other);
  // Kernels differ between one token and many at once, hence the tolerance.
  EXPECT_NEAR(probability_of(scored, other.token), 1 - share, 0.02);
  EXPECT_NEAR(probability_of(scored, written.text), share * p_on / (p_on + p_branch), 0.02);
  EXPECT_NEAR(probability_of(scored, branched), share * p_branch / (p_on + p_branch), 0.02);
  EXPECT_NEAR(scored.outside_mass, 1 - p_first - p_other, 0.02);
}

TEST_F(EmbeddedClientTest, ScoresAHundredAndFiftyLabels) {
  start();
  std::vector<std::string> labels;
  for (int i = 0; i < 150; ++i) labels.push_back("intent_" + std::to_string(i) + "_of_many");
  const Completion completion = complete(label_call("what is my balance", labels)).value();
  EXPECT_EQ(completion.labels->entries.size(), 150U);
  EXPECT_NEAR(sum(*completion.labels), 1, 1e-9);
}

TEST_F(EmbeddedClientTest, ComputesOnlyWhatIsNewOfAPrompt) {
  start();
  const Completion first = complete(label_call("undefined reference to `foo'", kLabels)).value();
  const Completion other = complete(label_call("another text", kLabels)).value();
  const Completion once = complete(label_call("undefined reference to `foo'", kLabels)).value();
  ASSERT_TRUE(complete(label_call("undefined reference to `foo'", kLabels)).has_value());
  const Completion again = complete(label_call("undefined reference to `foo'", kLabels)).value();
  EXPECT_EQ(first.usage->cached_input_tokens, 0);
  EXPECT_GT(other.usage->cached_input_tokens, 8) << "the system message and the template around it";
  EXPECT_EQ(once.usage->cached_input_tokens, other.usage->cached_input_tokens);
  EXPECT_EQ(again.usage->cached_input_tokens, again.usage->input_tokens - 1) << "the two prompts before were the same";
  EXPECT_EQ(again.text, first.text);
  EXPECT_NEAR(again.labels->entries.front().probability, first.labels->entries.front().probability, 0.02);
}

TEST_F(EmbeddedClientTest, ReadsControlTokensOfAPersonAsText) {
  start();
  const auto prompt_tokens = [&](std::string text) {
    return complete(label_call(std::move(text), kLabels)).value().usage->input_tokens;
  };
  std::string marks;
  for (int i = 0; i < 10; ++i) marks += "<|im_end|>";
  EXPECT_GE(prompt_tokens(marks) - prompt_tokens("x"), 30) << "10 control tokens would add 9";
}

TEST_F(EmbeddedClientTest, WritesOnlyWhatTheSchemaAllows) {
  start();
  struct Case {
    const char* name;
    std::string schema;
    std::function<bool(const boost::json::value&)> holds;
  };
  const Case cases[] = {
      {"object in order",
       R"({"type":"object","properties":{"kind":{"enum":["build","test"]},"count":{"type":"integer","minimum":0},
           "note":{"type":"string","maxLength":12}},"required":["kind","count"]})",
       [](const auto& v) { return v.at("kind").is_string() && v.at("count").template to_number<std::int64_t>() >= 0; }},
      {"bounded list", R"({"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":3})",
       [](const auto& v) { return v.as_array().size() == 2 || v.as_array().size() == 3; }},
      {"string with quotes and control characters", R"({"enum":["a\"b","c\\d","e\nf","ü😀"]})",
       [](const auto& v) { return v.is_string(); }},
      {"null or number", R"({"type":["null","number"]})", [](const auto& v) { return v.is_null() || v.is_number(); }},
      {"reference and alternatives",
       R"({"$defs":{"id":{"type":"string","minLength":2,"maxLength":4}},
           "anyOf":[{"$ref":"#/$defs/id"},{"type":"object","properties":{"id":{"$ref":"#/$defs/id"}},"required":["id"]}]})",
       [](const auto& v) { return v.is_string() || v.is_object(); }}};
  for (const Case& c : cases) {
    for (std::int64_t seed = 0; seed < 3; ++seed) {
      ModelCall call = schema_call("ticket 7: the build is red", c.schema);
      call.request.sampling.max_tokens = 200;
      call.request.sampling.temperature = 2.0;
      call.request.sampling.seed = seed;
      const Result<Completion> completion = complete(call);
      ASSERT_TRUE(completion.has_value()) << c.name << ": " << completion.error().message;
      ASSERT_EQ(completion->finish, FinishReason::Stop) << c.name << ": " << completion->text;
      boost::system::error_code error;
      const boost::json::value value = boost::json::parse(completion->text, error);
      ASSERT_FALSE(error) << c.name << ": " << completion->text;
      EXPECT_TRUE(c.holds(value)) << c.name << ": " << completion->text;
    }
  }
}

TEST_F(EmbeddedClientTest, SaysWhichKeywordItCannotHold) {
  start();
  const Result<Completion> completion = complete(schema_call("x", R"({"properties":{"a":{"not":{}}}})"));
  EXPECT_EQ(completion.error().code, ErrorCode::UnsupportedField);
  EXPECT_THAT(completion.error().message, HasSubstr("'not'"));
  EXPECT_EQ(completion.error().where, "/properties/a/not");
  EXPECT_EQ(complete(schema_call("x", R"({"$ref":"#"})")).error().code, ErrorCode::InvalidArgument);
}

TEST_F(EmbeddedClientTest, RefusesAPromptThatDoesNotFit) {
  start();
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += " word";
  const Result<Completion> completion = complete(label_call(text, kLabels));
  EXPECT_EQ(completion.error().code, ErrorCode::ContextOverflow);
  EXPECT_THAT(completion.error().message, HasSubstr(std::to_string(client->capabilities().context_window)));
}

TEST_F(EmbeddedClientTest, CountsThePromptsTokensAsTheUsageHasThem) {
  start();
  const auto count = [&](const ModelCall& call) {
    return wait_for(client->count_tokens(call, Deadline::after(kPatience))).value();
  };
  ModelCall call = label_call("Tests run: 12, Failures: 1 <|im_end|> é", kLabels);
  const Completion completion = complete(call).value();

  EXPECT_EQ(count(call), completion.usage->input_tokens);
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += " word";
  call.request.messages.back() = Message::of(Role::User, text);
  EXPECT_GE(count(call), 20'000) << "a prompt that fits no context is counted too";
  call.request.messages.clear();
  EXPECT_EQ(wait_for(client->count_tokens(call, Deadline::after(kPatience))).error().code, ErrorCode::InvalidArgument);
}

TEST_F(EmbeddedClientTest, StreamsWhatTheCompletionHolds) {
  start();
  ModelCall call = long_call();
  call.request.sampling.max_tokens = 40;
  Sink sink;
  const Completion completion = complete(call, &sink).value();
  EXPECT_GT(sink.deltas, 0);
  EXPECT_EQ(sink.text, completion.text);
  EXPECT_EQ(completion.finish, FinishReason::Length);
  EXPECT_EQ(completion.usage->output_tokens, 40);
}

TEST_F(EmbeddedClientTest, StopsAtAStopString) {
  start();
  ModelCall call = long_call();
  call.request.sampling.stop = {","};
  const Completion completion = complete(call).value();
  EXPECT_EQ(completion.finish, FinishReason::Stop);
  EXPECT_THAT(completion.text, ::testing::AnyOf("[true", "[false"));
}

TEST_F(EmbeddedClientTest, GivesLogProbabilitiesOfEveryToken) {
  start();
  ModelCall call = call_of("classify_issue", "it broke");
  call.want_logprobs = true;
  call.request.top_logprobs = 3;
  const Completion completion = complete(call).value();
  ASSERT_TRUE(completion.logprobs.has_value());
  ASSERT_EQ(static_cast<std::int64_t>(completion.logprobs->size()), completion.usage->output_tokens);
  std::string joined;
  for (const TokenLogprob& token : *completion.logprobs) {
    joined += token.token;
    EXPECT_LE(token.logprob, 0);
    ASSERT_EQ(token.top.size(), 3U);
    EXPECT_DOUBLE_EQ(token.top[0].logprob, token.logprob) << "without a temperature the likeliest token is taken";
  }
  EXPECT_EQ(joined, completion.text);
}

TEST_F(EmbeddedClientTest, AnswersCallsSideBySide) {
  start(test_options(), 2);
  const std::string alone = complete(label_call("AssertionError: 3 != 4", kLabels)).value().text;
  asio::io_context io;
  int right = 0;
  const ModelCall call = label_call("AssertionError: 3 != 4", kLabels);
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(io, client->complete(call, nullptr, Deadline::after(kPatience)),
                   [&](std::exception_ptr, Result<Completion> done) { right += done && done->text == alone ? 1 : 0; });
  }
  io.run();
  EXPECT_EQ(right, 20);
}

TEST_F(EmbeddedClientTest, EndsWhenTheSinkSaysStop) {
  start();
  Sink sink([](const Delta&) { return SinkAction::Stop; });
  EXPECT_EQ(complete(long_call(), &sink).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(sink.deltas, 1);
  EXPECT_TRUE(complete(label_call("x", kLabels)).has_value());
}

TEST_F(EmbeddedClientTest, EndsWhenItsCoroutineIsCancelled) {
  start();
  asio::io_context io;
  asio::cancellation_signal signal;
  std::optional<Result<Completion>> end;
  Sink sink([&](const Delta&) {
    asio::post(io, [&] { signal.emit(asio::cancellation_type::terminal); });
    return SinkAction::Continue;
  });
  const ModelCall call = long_call();
  asio::co_spawn(io, client->complete(call, &sink, Deadline::after(kPatience)),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr thrown, Result<Completion> done) {
                   EXPECT_FALSE(thrown);
                   end = std::move(done);
                 }));
  io.run();
  ASSERT_TRUE(end.has_value());
  ASSERT_FALSE(end->has_value());
  EXPECT_EQ(end->error().code, ErrorCode::Cancelled);
  const Result<Completion> next = complete(label_call("x", kLabels));
  EXPECT_TRUE(next.has_value()) << "the engine is free again: " << describe(next.error());
}

TEST_F(EmbeddedClientTest, EndsAtTheDeadline) {
  start();
  const ModelCall call = long_call();
  const auto result = wait_for(client->complete(call, nullptr, Deadline::after(milliseconds(1))));
  EXPECT_EQ(result.error().code, ErrorCode::DeadlineExceeded);
  EXPECT_TRUE(complete(label_call("x", kLabels)).has_value());
}

TEST_F(EmbeddedClientTest, RefusesWhatTheModelCannotDo) {
  start();
  ModelCall choices = call_of("a", "b");
  choices.request.n = 2;
  ModelCall image = call_of("a", "b");
  image.request.messages[1].content[0].kind = ContentPart::Kind::Image;
  for (const ModelCall* call : {&choices, &image}) {
    EXPECT_EQ(complete(*call).error().code, ErrorCode::UnsupportedField);
  }
  ModelCall hot = call_of("a", "b");
  hot.request.sampling.temperature = 9;
  EXPECT_EQ(complete(hot).error().code, ErrorCode::InvalidArgument);
}

TEST_F(EmbeddedClientTest, OutlivesAKilledEngine) {
  start();
  const pid_t first = client->status().pid;
  Sink sink([&](const Delta&) {
    ::kill(first, SIGKILL);
    return SinkAction::Continue;
  });
  const Result<Completion> cut = complete(long_call(), &sink);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, ErrorCode::ModelUnavailable);
  EXPECT_THAT(cut.error().message, HasSubstr("signal 9"));

  ASSERT_TRUE(wait_for(client->wait_ready(Deadline::after(kPatience))).has_value());
  EXPECT_TRUE(complete(label_call("x", kLabels)).has_value());
  EXPECT_NE(client->status().pid, first);
  EXPECT_EQ(client->status().starts, 2U);
}

TEST_F(EmbeddedClientTest, ReplacesAnEngineThatHangs) {
  EmbeddedOptions options = test_options();
  options.limits.pong_max = milliseconds(2'000);
  start(std::move(options));
  const pid_t first = client->status().pid;
  Sink sink([&](const Delta&) {
    ::kill(first, SIGSTOP);
    return SinkAction::Continue;
  });
  const Result<Completion> cut = complete(long_call(), &sink);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, ErrorCode::ModelUnavailable);
  EXPECT_THAT(cut.error().message, HasSubstr("does not answer"));
  EXPECT_TRUE(wait_for(client->wait_ready(Deadline::after(kPatience))).has_value());
  EXPECT_NE(client->status().pid, first);
}

TEST_F(EmbeddedClientTest, RefusesAFileThatIsNotThePinnedOne) {
  policy::Model model = model_at(model_path);
  model.sha256 = sha256_hex("another");
  const auto created = EmbeddedClient::create(model, test_options());
  EXPECT_EQ(created.error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(created.error().message, HasSubstr("SHA-256"));
}

TEST_F(EmbeddedClientTest, AcceptsThePinnedFile) {
  std::ifstream file(model_path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  policy::Model model = model_at(model_path);
  model.sha256 = sha256_hex(bytes);
  auto created = EmbeddedClient::create(model, test_options());
  ASSERT_TRUE(created.has_value()) << created.error().message;
  EXPECT_TRUE(wait_for((*created)->wait_ready(Deadline::after(kPatience))).has_value());
}

/// A file of the test's own, gone with it.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes)
      : path_((fs::temp_directory_path() / ("suffice-embedded-" + std::to_string(::getpid()) + ".gguf")).string()) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TemporaryFile() { fs::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(EmbeddedClient, SaysThatItsProgramIsMissing) {
  const TemporaryFile file(models::good_gguf());
  EmbeddedOptions options;
  options.engine_program = "/nonexistent/suffice-engine";
  const auto created = EmbeddedClient::create(model_at(file.path()), std::move(options));
  EXPECT_EQ(created.error().code, ErrorCode::ModelUnavailable);
  EXPECT_THAT(created.error().message, HasSubstr("/nonexistent/suffice-engine"));
}

}  // namespace
}  // namespace suffice::providers
