#include "providers/recorded_client.hpp"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "net/run_sync.hpp"
#include "providers/recording.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::providers {
namespace {

using namespace std::chrono_literals;

ModelCall call_of(std::string task, std::string input, std::string system = "s") {
  ModelCall call;
  call.task = std::move(task);
  call.request.model = "stand-in";
  call.request.messages = {Message::of(Role::System, std::move(system)), Message::of(Role::User, std::move(input))};
  return call;
}

std::string text_of(const Recording& recording, const ModelCall& call) {
  const RecordedResponse* response = recording.find(call);
  return response == nullptr ? "(none)" : response->completion.text;
}

TEST(Recording, FirstMatchWinsThenInputsThenDefaults) {
  const ModelCall exact = call_of("t", "exact");
  const std::string lines =
      "# a comment\n\n"
      R"({"task":"t","match":{"sha256":")" +
      messages_sha256(exact.request.messages) +
      R"("},"response":{"text":"by messages"}})"
      "\r\n"
      R"({"match":{"input_contains":["alpha","beta"]},"response":{"text":"by words"}})"
      "\n"
      R"({"match":{"input_contains":"alpha"},"response":{"text":"by one word"}})"
      "\n"
      R"({"match":{"input_sha256":")" +
      sha256_hex("hashed") +
      R"("},"response":{"text":"by input"}})"
      "\n"
      R"({"task":"t","responses_by_input":{")" +
      sha256_hex("mapped") +
      R"(":{"text":"by map"}}})"
      "\n"
      R"({"task":"t","default":{"text":"default of t"}})"
      "\n"
      R"({"default":{"text":"default of all"}})";
  const auto recording = Recording::parse(lines, "r.jsonl");
  ASSERT_TRUE(recording.has_value()) << describe(recording.error());

  EXPECT_EQ(text_of(*recording, exact), "by messages");
  EXPECT_EQ(text_of(*recording, call_of("other", "exact")), "default of all");
  EXPECT_EQ(text_of(*recording, call_of("t", "beta then alpha")), "by words");
  EXPECT_EQ(text_of(*recording, call_of("t", "beta", "alpha")), "by words") << "words of any message";
  EXPECT_EQ(text_of(*recording, call_of("t", "only alpha")), "by one word");
  EXPECT_EQ(text_of(*recording, call_of("t", "hashed")), "by input");
  EXPECT_EQ(text_of(*recording, call_of("t", "mapped")), "by map");
  EXPECT_EQ(text_of(*recording, call_of("x", "mapped")), "default of all");
  EXPECT_EQ(text_of(*recording, call_of("t", "anything")), "default of t");
}

struct BadCase {
  std::string_view name;
  std::string_view line;
  std::string_view says;
};

TEST(Recording, RefusesWhatItDoesNotUnderstandAndSaysWhere) {
  const std::vector<BadCase> cases = {
      {"not JSON", "{", "JSON"},
      {"list", "[]", "object"},
      {"misspelt", R"({"responce":{"text":"x"}})", "responce"},
      {"nothing to say", R"({"match":{}})", "one of response"},
      {"two things to say", R"({"response":{"text":"x"},"default":{"text":"y"}})", "one of response"},
      {"empty response", R"({"response":{}})", "either text"},
      {"text and error", R"({"response":{"text":"x","error":{"code":"internal"}}})", "either text"},
      {"unknown code", R"({"response":{"error":{"code":"oops"}}})", "catalogue"},
      {"short digest", R"({"match":{"sha256":"ab"},"response":{"text":"x"}})", "SHA-256"},
      {"key is no digest", R"({"responses_by_input":{"ab":{"text":"x"}}})", "SHA-256"},
      {"usage", R"({"response":{"text":"x","usage":"guess"}})", "usage"},
      {"finish", R"({"response":{"text":"x","finish":"done"}})", "finish"},
      {"delay", R"({"response":{"text":"x","delay_ms":-1}})", "delay_ms"},
      {"nameless tool", R"({"response":{"tool_calls":[{}]}})", "name"},
  };
  for (const BadCase& c : cases) {
    const auto recording = Recording::parse("\n" + std::string(c.line), "r.jsonl");
    ASSERT_FALSE(recording.has_value()) << c.name;
    EXPECT_EQ(recording.error().where, "r.jsonl:2") << c.name;
    EXPECT_NE(recording.error().message.find(c.says), std::string::npos) << c.name << ": " << recording.error().message;
  }
}

class RecordedClientTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(file_); }
  std::unique_ptr<ModelClient> make(std::string_view lines) {
    std::ofstream(file_) << lines;
    policy::Model model;
    model.model = file_.string();
    auto client = make_recorded_client(model, &sleeper_);
    EXPECT_TRUE(client.has_value()) << (client ? "" : describe(client.error()));
    return client ? *std::move(client) : nullptr;
  }

  std::filesystem::path file_ =
      std::filesystem::path(::testing::TempDir()) / ("recording-" + std::to_string(::getpid()) + ".jsonl");
  testing::ManualClock clock_;
  testing::ManualSleeper sleeper_{clock_};
};

TEST_F(RecordedClientTest, StreamsWordByWordAndReturnsTheWhole) {
  const auto client = make(
      R"({"response":{"text":"two  words\n","tool_calls":[{"name":"f","arguments":{"a":1}}],"usage":{"input":3,"output":2},"delay_ms":20}})");
  testing::CollectingSink sink;
  const ModelCall call = call_of("t", "x");

  const auto completion = net::run_sync(client->complete(call, &sink, Deadline::never()));

  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->text, "two  words\n");
  EXPECT_EQ(completion->tool_calls, (std::vector<ToolCall>{{"call_recorded_0", "f", R"({"a":1})"}}));
  EXPECT_EQ(completion->finish, FinishReason::ToolCalls);
  EXPECT_EQ(completion->usage, (Usage{.input_tokens = 3, .output_tokens = 2}));
  EXPECT_EQ(completion->model, "stand-in");
  EXPECT_EQ(sink.text(), completion->text);
  EXPECT_EQ(sink.deltas().size(), 4U);
  EXPECT_EQ(sleeper_.slept(), (std::vector<std::chrono::milliseconds>{20ms}));
  EXPECT_EQ(client->provider_name(), "suffice.recorded");
}

TEST_F(RecordedClientTest, NamesTheFileWhenNothingMatches) {
  const auto client = make(R"({"task":"t","default":{"text":"x"}})");
  const ModelCall call = call_of("other", "x");
  const auto completion = net::run_sync(client->complete(call, nullptr, Deadline::never()));
  ASSERT_FALSE(completion.has_value());
  EXPECT_EQ(completion.error().code, ErrorCode::ModelUnavailable);
  EXPECT_NE(completion.error().message.find(file_.string()), std::string::npos);
}

TEST_F(RecordedClientTest, PlaysFailuresEstimatesAndStops) {
  const auto client =
      make(R"({"task":"busy","default":{"error":{"code":"rate_limited","status":429,"retry_after_ms":1500}}})"
           "\n"
           R"({"default":{"text":"12345678","usage":"estimate"}})");
  const ModelCall busy = call_of("busy", "x");
  const auto failed = net::run_sync(client->complete(busy, nullptr, Deadline::never()));
  EXPECT_EQ(failed.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(failed.error().upstream_status, 429);
  EXPECT_EQ(failed.error().retry_after_ms, 1500);

  const ModelCall call = call_of("t", "1234567", "1");
  EXPECT_EQ(net::run_sync(client->complete(call, nullptr, Deadline::never()))->usage,
            (Usage{.input_tokens = 2, .output_tokens = 2}));

  testing::CollectingSink stop(1);
  EXPECT_EQ(net::run_sync(client->complete(call, &stop, Deadline::never())).error().code, ErrorCode::Cancelled);
}

TEST_F(RecordedClientTest, SaysWhenTheFileIsMissing) {
  policy::Model model;
  model.model = "/no/such/recording.jsonl";
  EXPECT_EQ(make_recorded_client(model).error().code, ErrorCode::IoFailed);
}

TEST(MessagesSha256, IsStable) {
  // Stored in recordings: a change of this value breaks every recording there is.
  EXPECT_EQ(messages_sha256({Message::of(Role::User, "hi")}), sha256_hex(R"([{"content":"hi","role":"user"}])"));
}

}  // namespace
}  // namespace suffice::providers
