// A policy reload that changes an embedded model, under load: the new engine starts beside the old one, traffic moves over when it is
// ready, and no request is lost for it; an engine that does not come up changes nothing. The real engine with the shipped model, the
// whole application with its listeners.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include "app/application.hpp"
#include "models/made_gguf.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "testing/engine_files.hpp"

namespace suffice::app {
namespace {

using pipeline::Answer;
using std::chrono::milliseconds;
using suffice::testing::EngineFolder;
using ::testing::HasSubstr;

constexpr milliseconds kPatience{240'000};
constexpr int kCallers = 3;
constexpr int kAnswersBefore = 6;
constexpr int kAnswersAfter = 6;

/// What one caller saw.
struct Seen {
  std::vector<std::string> problems;
  std::set<std::string> versions;
};

class ModelRotation : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string missing = suffice::testing::what_real_engine_lacks(); !missing.empty())
      GTEST_SKIP() << missing;
    std::filesystem::copy_file(suffice::testing::real_model(), folder.at("mini.gguf"));
    write_policy("mini.gguf", 1);
    Settings settings;
    settings.policy = folder.at("policy.yaml");
    settings.data = folder.at("data");
    settings.engine = suffice::testing::real_engine();
    settings.listen = {.host = "127.0.0.1", .port = 0};
    settings.admin = {.host = "127.0.0.1", .port = 0};
    settings.threads = 1;
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto made = Application::create(std::move(settings), std::move(log));
    ASSERT_TRUE(made.has_value()) << describe(made.error());
    application = *std::move(made);
    ASSERT_TRUE(application->listen());
    application->wait_for_models(kPatience);
  }

  /// One tier: a request that the small model does not answer has nobody else, and fails.
  void write_policy(const std::string& model, int contexts) const {
    std::ofstream(folder.at("policy.yaml"))
        << "version: 1\n"
           "models:\n"
           "  mini: {provider: embedded, trust: yes, model: "
        << model << ", contexts: " << contexts
        << "}\n"
           "tasks:\n"
           "  label: {tiers: [mini], labels: [build, test], confidence: label_probability, min_confidence: 0}\n"
           "  list:\n"
           "    tiers: [mini]\n"
           "    max_output_tokens: 300\n"
           "    confidence: mean_logprob\n    min_confidence: 0\n"
           "    schema: {type: array, items: {type: boolean}, minItems: 30, maxItems: 32}\n";
  }

  Answer ask(const std::string& task) const {
    pipeline::Request request;
    request.chat.model = "suffice/" + task;
    request.chat.messages.push_back(Message::of(Role::User, "AssertionError: 3 != 4"));
    request.request_id = "r";
    request.surface = "test";
    return net::run_sync(application->gateway().answer(request, nullptr, Deadline::after(kPatience)));
  }

  /// Asks without a pause until told to stop.
  void keep_asking(Seen& seen) {
    while (!stop) {
      const Answer answer = ask("label");
      if (!answer.completion) seen.problems.push_back(describe(answer.completion.error()));
      seen.versions.insert(answer.decision.policy_version);
      ++answers;
      answers.notify_all();
    }
  }
  void wait_for_answers(int more) {
    const int until = answers + more;
    for (int now = answers; now < until; now = answers) answers.wait(now);
  }

  net::HttpResponse admin(std::string method, std::string path) const {
    net::HttpRequest request;
    request.method = std::move(method);
    request.endpoint = net::Endpoint::parse("http://" + application->admin_address().to_string()).value();
    request.path = std::move(path);
    request.timeouts.first_byte = kPatience;
    net::HttpClient client{net::HttpClientOptions{}};
    return net::run_sync(client.send(request, nullptr, Deadline::after(kPatience))).value();
  }

  /// Answers come all the while; the policy is changed and reloaded in between.
  net::HttpResponse reload_under_load(std::vector<Seen>& seen) {
    std::vector<std::jthread> callers;
    seen.resize(kCallers);
    for (Seen& one : seen) callers.emplace_back([this, &one] { keep_asking(one); });
    wait_for_answers(kAnswersBefore);
    const net::HttpResponse response = admin("POST", "/suffice/v1/policy/reload");
    wait_for_answers(kAnswersAfter);
    stop = true;
    return response;
  }

  EngineFolder folder;
  std::unique_ptr<Application> application;
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0};
};

TEST_F(ModelRotation, MovesTrafficToTheNewEngineWithoutLosingARequest) {
  const std::string before = application->gateway().snapshot()->policy->version;
  std::optional<Answer> in_flight;
  std::jthread long_caller([&] { in_flight = ask("list"); });
  write_policy("mini.gguf", 2);

  std::vector<Seen> seen;
  const net::HttpResponse response = reload_under_load(seen);
  long_caller.join();

  EXPECT_EQ(response.status, 200) << response.body;
  const std::string after = application->gateway().snapshot()->policy->version;
  EXPECT_NE(after, before);
  for (const Seen& one : seen) {
    EXPECT_THAT(one.problems, ::testing::IsEmpty());
    EXPECT_THAT(one.versions, ::testing::IsSubsetOf({before, after}));
  }
  EXPECT_TRUE(in_flight->completion) << describe(in_flight->completion.error());
  EXPECT_EQ(ask("label").decision.policy_version, after);
  const std::string metrics = admin("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(suffice_model_rotations_total{model="mini",result="moved"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(suffice_engine_starts{model="mini"} 2)"));
  EXPECT_THAT(metrics, HasSubstr(R"(suffice_engine_ready{model="mini"} 1)"));
}

TEST_F(ModelRotation, KeepsTheOldEngineWhenTheNewOneDoesNotLoad) {
  const std::string before = application->gateway().snapshot()->policy->version;
  // Passes every check of ours, and is no model all the same.
  static_cast<void>(folder.file("broken.gguf", models::good_gguf()));
  write_policy("broken.gguf", 1);

  std::vector<Seen> seen;
  const net::HttpResponse response = reload_under_load(seen);

  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("models.mini"));
  EXPECT_EQ(application->gateway().snapshot()->policy->version, before);
  for (const Seen& one : seen) {
    EXPECT_THAT(one.problems, ::testing::IsEmpty());
    EXPECT_THAT(one.versions, ::testing::ElementsAre(before));
  }
  const std::string metrics = admin("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(suffice_model_rotations_total{model="mini",result="refused"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(suffice_policy_reloads_total{result="refused"} 1)"));
  EXPECT_THAT(admin("GET", "/readyz").body, HasSubstr(R"("ready":true,"problems":[])"));
}

TEST_F(ModelRotation, RefusesADamagedFileBeforeAnyEngineStarts) {
  static_cast<void>(folder.file("cut.gguf", models::good_gguf().substr(0, 200)));
  write_policy("cut.gguf", 1);
  const net::HttpResponse response = admin("POST", "/suffice/v1/policy/reload");
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("damaged"));
  EXPECT_TRUE(ask("label").completion);
}

TEST_F(ModelRotation, LoadsATrustedFileAgainThatWasReplaced) {
  std::filesystem::remove(folder.at("mini.gguf"));
  std::filesystem::copy_file(suffice::testing::real_model(), folder.at("mini.gguf"));
  EXPECT_EQ(admin("POST", "/suffice/v1/policy/reload").status, 200);
  EXPECT_TRUE(ask("label").completion);
  EXPECT_THAT(admin("GET", "/metrics").body, HasSubstr(R"(suffice_engine_starts{model="mini"} 2)"));
}

TEST_F(ModelRotation, LeavesAnEngineAloneWhoseModelHasNotChanged) {
  std::ofstream(folder.at("policy.yaml"), std::ios::app)
      << "  another: {tiers: [mini], labels: [build, test], confidence: label_probability, min_confidence: 0}\n";
  EXPECT_EQ(admin("POST", "/suffice/v1/policy/reload").status, 200);
  EXPECT_TRUE(ask("another").completion);
  EXPECT_THAT(admin("GET", "/metrics").body, HasSubstr(R"(suffice_engine_starts{model="mini"} 1)"));
}

}  // namespace
}  // namespace suffice::app
