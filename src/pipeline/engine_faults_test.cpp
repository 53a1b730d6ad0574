// What callers and the record see when the embedded model's process fails under them: requests in flight are answered by the
// frontier with local_unavailable, other traffic goes on, the record is whole, and the model comes back. The real engine with the
// shipped model, hurt by signals and limits; suffice-engine-stand-in (src/testing/stand_in) for what only a bug inside would do.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/recorder.hpp"
#include "audit/sqlite_store.hpp"
#include "audit/verify.hpp"
#include "models/made_gguf.hpp"
#include "net/run_sync.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "pipeline/levers.hpp"
#include "providers/embedded_client.hpp"
#include "testing/engine_files.hpp"

namespace suffice::pipeline {
namespace {

namespace asio = boost::asio;
using providers::EngineEnd;
using std::chrono::milliseconds;
using suffice::testing::EngineFolder;
using ::testing::ElementsAre;

constexpr milliseconds kPatience{120'000};
constexpr int kInFlight = 3;
constexpr int kOthersMax = 100;

/// A list that takes the small model hundreds of tokens.
constexpr const char* kLongList = R"({"type":"array","items":{"type":"boolean"},"minItems":200,"maxItems":256})";

std::string booleans(int count) {
  std::string text = "[true";
  for (int i = 1; i < count; ++i) text += ",true";
  return text + "]";
}

/// Always there.
class Frontier final : public providers::ModelClient {
 public:
  Task<Result<Completion>> complete(const providers::ModelCall&, providers::TokenSink*, Deadline) override {
    Completion completion;
    completion.text = booleans(200);
    completion.finish = FinishReason::Stop;
    completion.usage = Usage{.input_tokens = 1, .output_tokens = 1};
    co_return completion;
  }
  [[nodiscard]] providers::Capabilities capabilities() const override {
    return {
        .logprobs = true, .json_schema = true, .labels = true, .tools = true, .streaming = true, .context_window = 0};
  }
  [[nodiscard]] std::string_view provider_name() const override { return "openai"; }
  [[nodiscard]] bool available() const override { return true; }
};

/// The embedded model, and a hand on its process: `strike` is called once, when `calls_needed` calls are under way and the first
/// words of one have come.
class Struck final : public providers::ModelClient {
 public:
  explicit Struck(providers::EmbeddedClient& inner) : inner_(inner) {}
  std::function<void(pid_t)> strike;
  int calls_needed = kInFlight;

  Task<Result<Completion>> complete(const providers::ModelCall& call, providers::TokenSink*,
                                    Deadline deadline) override {
    ++calls_;
    Watch watch(*this);
    Task<Result<Completion>> answering = inner_.complete(call, &watch, deadline);
    co_return co_await std::move(answering);
  }
  [[nodiscard]] providers::Capabilities capabilities() const override { return inner_.capabilities(); }
  [[nodiscard]] std::string_view provider_name() const override { return inner_.provider_name(); }
  [[nodiscard]] bool available() const override { return inner_.available(); }

 private:
  class Watch final : public providers::TokenSink {
   public:
    explicit Watch(Struck& owner) : owner_(owner) {}
    Task<providers::SinkAction> on_delta(const Delta&) override {
      if (owner_.strike && owner_.calls_ >= owner_.calls_needed) {
        std::exchange(owner_.strike, nullptr)(owner_.inner_.status().pid);
      }
      co_return providers::SinkAction::Continue;
    }

   private:
    Struck& owner_;
  };
  providers::EmbeddedClient& inner_;
  int calls_ = 0;
};

class EngineFaultsBehindTheGateway : public ::testing::Test {
 protected:
  EngineFaultsBehindTheGateway() {
    policy::Model& mini = policy_.models["mini"];
    mini.name = "mini";
    mini.provider = policy::ProviderKind::Embedded;
    mini.local = true;
    policy_.models["big"].name = "big";
    policy_.models["big"].price_known = true;
    policy_.frontier = "big";
    policy_.version = "v1";
    policy::Task& list = policy_.tasks["list"];
    list.name = "list";
    list.tiers = {{.model = "mini", .prompt = {}}, {.model = "big", .prompt = {}}};
    list.schema.text = kLongList;
    list.confidence = policy::ConfidenceSignal::None;
    list.min_confidence = 0;
    list.max_input_chars = 20'000'000;
    list.max_output_tokens = 900;
    policy::Task& label = policy_.tasks["label"];
    label.name = "label";
    label.tiers = list.tiers;
    label.labels = {"build", "test"};
    label.confidence = policy::ConfidenceSignal::LabelProbability;
    label.min_confidence = 0;
    policy::Task& other = policy_.tasks["other"];
    other.name = "other";
    other.local = false;
    other.tiers = {{.model = "big", .prompt = {}}};
  }

  void start(const std::string& program, const std::string& model, milliseconds stalled_max) {
    policy_.models["mini"].model = model;
    providers::EmbeddedOptions options;
    options.engine_program = program;
    options.limits.ping_every = milliseconds(50);
    options.limits.pong_max = milliseconds(2'000);
    options.limits.stalled_max = stalled_max;
    options.limits.restart_first = milliseconds(10);
    auto made = providers::EmbeddedClient::create(policy_.models["mini"], std::move(options));
    ASSERT_TRUE(made.has_value()) << describe(made.error());
    embedded_ = *std::move(made);
    struck_ = std::make_shared<Struck>(*embedded_);
    wait_ready();
    auto store = audit::open_sqlite_store(folder.at("audit.sqlite"));
    ASSERT_TRUE(store.has_value()) << describe(store.error());
    recorder_ = audit::Recorder::create(*std::move(store), audit::RecorderOptions{}).value();
    const ClientSource clients = [this](const policy::Model& m) -> Result<std::shared_ptr<providers::ModelClient>> {
      if (m.local) return struck_;
      return frontier_;
    };
    auto snapshot = make_snapshot(std::make_shared<const policy::Policy>(policy_), prompts::PromptLibrary{}, clients);
    ASSERT_TRUE(snapshot.has_value()) << describe(snapshot.error());
    gateway_ = std::make_unique<Gateway>(
        Gateway::Parts{
            .recorder = *recorder_, .levers = levers_, .clock = clock_, .random = random_, .metrics = metrics_},
        GatewayOptions{.record_wait_max = std::chrono::seconds{60}}, *std::move(snapshot));
  }
  void start_real() {
    if (const std::string missing = suffice::testing::what_real_engine_lacks(); !missing.empty())
      GTEST_SKIP() << missing;
    start(suffice::testing::real_engine(), suffice::testing::real_model(), kPatience);
  }
  void start_stand_in(const std::string& manner) {
    start(suffice::testing::stand_in_engine(), folder.file(manner + ".gguf", models::good_gguf()), milliseconds(500));
  }

  void wait_ready() const {
    const Result<void> ready = net::run_sync(embedded_->wait_ready(Deadline::after(kPatience)));
    ASSERT_TRUE(ready) << describe(ready.error());
  }

  Request request(const std::string& task, std::string text = "go") {
    Request made;
    made.chat.model = "suffice/" + task;
    made.chat.messages.push_back(Message::of(Role::User, std::move(text)));
    made.request_id = "req-" + std::to_string(++sent_);
    made.surface = "test";
    return made;
  }

  Task<void> keep_local_busy(std::string text) {
    const Request mine = request("list", std::move(text));
    Task<Answer> answering = gateway_->answer(mine, nullptr, Deadline::after(kPatience));
    Answer answer = co_await std::move(answering);
    local_.push_back(std::move(answer));
  }

  /// Requests that have nothing to do with the engine, one after the other, for as long as `expected` local ones are under way.
  Task<void> keep_others_coming(std::size_t expected) {
    while (local_.size() < expected && others_.size() < kOthersMax) {
      const Request mine = request("other");
      Task<Answer> answering = gateway_->answer(mine, nullptr, Deadline::after(kPatience));
      Answer answer = co_await std::move(answering);
      others_.push_back(std::move(answer));
    }
  }

  /// `kInFlight` local requests, and others beside them, until all have their answer.
  void run_traffic(int local = kInFlight) {
    asio::io_context io;
    const auto rethrow = [](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
    };
    io_ = &io;
    for (int i = 0; i < local; ++i) asio::co_spawn(io, keep_local_busy("go"), rethrow);
    asio::co_spawn(io, keep_others_coming(static_cast<std::size_t>(local)), rethrow);
    io.run();
    io_ = nullptr;
  }

  static void expect_escalated(const Answer& answer) { expect_escalated(answer, {Reason::LocalUnavailable}); }
  static void expect_escalated(const Answer& answer, const std::vector<Reason>& one_of) {
    ASSERT_TRUE(answer.completion) << describe(answer.completion.error());
    EXPECT_EQ(answer.completion->text, booleans(200));
    EXPECT_EQ(answer.decision.route, Route::EscalatedAfterValidation);
    EXPECT_THAT(answer.decision.reasons, ElementsAre(::testing::AnyOfArray(one_of)));
  }

  void expect_others_did_not_notice() const {
    EXPECT_FALSE(others_.empty());
    for (const Answer& answer : others_) {
      EXPECT_TRUE(answer.completion);
      EXPECT_EQ(answer.decision.route, Route::Frontier);
      EXPECT_EQ(answer.decision.model, "big");
    }
  }

  /// Every request has exactly one event, in an unbroken chain.
  void expect_whole_record(std::size_t local_unavailable) const {
    ASSERT_TRUE(recorder_->flush(kPatience));
    EXPECT_TRUE(recorder_->healthy());
    const auto reader = audit::open_sqlite_reader(folder.at("audit.sqlite")).value();
    const audit::VerifyReport report = audit::verify(*reader).value();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.events, sent_);
    std::size_t unavailable = 0;
    const Result<void> read = reader->read(audit::EventFilter{}, [&](const audit::StoredEvent& event) {
      unavailable += event.reason == "local_unavailable" ? 1U : 0U;
      return true;
    });
    EXPECT_TRUE(read);
    EXPECT_EQ(unavailable, local_unavailable);
  }

  void expect_it_comes_back(std::initializer_list<EngineEnd> hows) {
    wait_ready();
    const providers::EngineStatus status = embedded_->status();
    EXPECT_EQ(status.starts, 2U);
    std::uint64_t ends = 0;
    for (const EngineEnd how : hows) ends += status.ends.at(static_cast<std::size_t>(how));
    EXPECT_EQ(ends, 1U);
    const Request again = request("label");
    const Answer answer = net::run_sync(gateway_->answer(again, nullptr, Deadline::after(kPatience)));
    ASSERT_TRUE(answer.completion) << describe(answer.completion.error());
    EXPECT_EQ(answer.decision.route, Route::Local);
  }

  EngineFolder folder;
  policy::Policy policy_;
  std::unique_ptr<providers::EmbeddedClient> embedded_;
  std::shared_ptr<Struck> struck_;
  std::shared_ptr<Frontier> frontier_ = std::make_shared<Frontier>();
  SystemClock clock_;
  SeededRandom random_{1};
  Levers levers_{LeverState{}};
  metrics::Registry registry_;
  GatewayMetrics metrics_{registry_};
  std::unique_ptr<audit::Recorder> recorder_;
  std::unique_ptr<Gateway> gateway_;
  std::int64_t sent_ = 0;
  std::vector<Answer> local_;
  std::vector<Answer> others_;
  asio::io_context* io_ = nullptr;
};

TEST_F(EngineFaultsBehindTheGateway, KilledEngineEscalatesWhatIsInFlightAndComesBack) {
  start_real();
  if (IsSkipped() || HasFatalFailure()) return;
  struck_->strike = [](pid_t pid) { ::kill(pid, SIGKILL); };

  run_traffic();

  ASSERT_EQ(local_.size(), kInFlight);
  for (const Answer& answer : local_) expect_escalated(answer);
  expect_others_did_not_notice();
  expect_it_comes_back({EngineEnd::Died});
  expect_whole_record(kInFlight);
}

TEST_F(EngineFaultsBehindTheGateway, AbortedEngineEscalatesWhatIsInFlightAndComesBack) {
  start_real();
  if (IsSkipped() || HasFatalFailure()) return;
  struck_->strike = [](pid_t pid) { ::kill(pid, SIGABRT); };

  run_traffic();

  for (const Answer& answer : local_) expect_escalated(answer);
  expect_others_did_not_notice();
  expect_it_comes_back({EngineEnd::Died});
  expect_whole_record(kInFlight);
}

TEST_F(EngineFaultsBehindTheGateway, HungEngineEscalatesWhatIsInFlightAndComesBack) {
  start_real();
  if (IsSkipped() || HasFatalFailure()) return;
  struck_->strike = [](pid_t pid) { ::kill(pid, SIGSTOP); };

  run_traffic();

  for (const Answer& answer : local_) expect_escalated(answer);
  expect_others_did_not_notice();
  expect_it_comes_back({EngineEnd::Hung});
  expect_whole_record(kInFlight);
}

// The limit comes down onto the running engine, and then a request that needs memory: a prompt of eight megabytes. An engine built
// with a sanitizer may hang in the report of it, which is as good.
TEST_F(EngineFaultsBehindTheGateway, EngineWithoutMemoryEscalatesAndComesBack) {
  start_real();
  if (IsSkipped() || HasFatalFailure()) return;
  struck_->calls_needed = 1;
  struck_->strike = [this](pid_t pid) {
    const rlimit nothing_more{.rlim_cur = 1, .rlim_max = 1};
    ASSERT_EQ(::prlimit(pid, RLIMIT_AS, &nothing_more, nullptr), 0);
    asio::co_spawn(*io_, keep_local_busy(std::string(8'000'000, 'x')), [](const std::exception_ptr&) {});
  };

  run_traffic(1);

  ASSERT_EQ(local_.size(), 2U);
  // On a busy machine the huge prompt may reach the engine that has come back, which can only say that it does not fit.
  expect_escalated(local_.back(), {Reason::LocalUnavailable, Reason::ContextOverflow});
  expect_others_did_not_notice();
  expect_it_comes_back({EngineEnd::Died, EngineEnd::Hung});
}

// What only a bug inside the library does: the stand-in has it. It is never well again, so that it comes back is all that is asked.
TEST_F(EngineFaultsBehindTheGateway, FaultsInsideACallEscalateAndLeaveTheRestAlone) {
  struct Case {
    const char* manner;
    EngineEnd how;
  };
  for (const Case& c :
       {Case{"aborts", EngineEnd::Died}, Case{"spins", EngineEnd::Hung}, Case{"eats_memory", EngineEnd::Died}}) {
    gateway_.reset();
    recorder_.reset();
    std::filesystem::remove(folder.at("audit.sqlite"));
    std::filesystem::remove(folder.at("audit.sqlite-wal"));
    std::filesystem::remove(folder.at("audit.sqlite-shm"));
    sent_ = 0;
    local_.clear();
    others_.clear();
    start_stand_in(c.manner);
    ASSERT_FALSE(HasFatalFailure()) << c.manner;

    run_traffic();

    for (const Answer& answer : local_) expect_escalated(answer);
    expect_others_did_not_notice();
    expect_whole_record(kInFlight);
    wait_ready();
    EXPECT_GE(embedded_->status().ends.at(static_cast<std::size_t>(c.how)), 1U) << c.manner;
  }
}

}  // namespace
}  // namespace suffice::pipeline
