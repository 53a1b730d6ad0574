// What an engine process can do wrong, and that its supervisor gets over it: the real engine with hostile files and signals,
// and suffice-engine-stand-in (src/testing/stand_in) for what the real one cannot be made to do.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/gguf.hpp"
#include "models/made_gguf.hpp"
#include "net/run_sync.hpp"
#include "providers/embedded_client.hpp"
#include "testing/engine_files.hpp"

namespace suffice::providers {
namespace {

using std::chrono::milliseconds;
using suffice::testing::EngineFolder;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr milliseconds kPatience{120'000};

/// Fast pulse, short pauses: the tests wait for several ends in a row.
EngineLimits quick_limits() {
  EngineLimits limits;
  limits.ping_every = milliseconds(20);
  limits.pong_max = milliseconds(2'000);
  limits.stalled_max = milliseconds(400);
  limits.restart_first = milliseconds(5);
  limits.restart_max = milliseconds(40);
  return limits;
}

class EngineFaults : public ::testing::Test {
 protected:
  /// The stand-in in the manner of `name`.
  EmbeddedEngine& stand_in(const std::string& name, EngineLimits limits = quick_limits()) {
    const std::string program = suffice::testing::stand_in_engine();
    EXPECT_EQ(::access(program.c_str(), X_OK), 0) << "build suffice-engine-stand-in";
    return start(program, folder.file(name + ".gguf", "no model"), limits);
  }
  EmbeddedEngine& start(const std::string& program, const std::string& model, EngineLimits limits) {
    EmbeddedEngine::Options options;
    options.command = {.program = program, .arguments = {"--model", model}};
    options.limits = limits;
    options.log = [this](wire::EngineLog::Level, std::string_view line) {
      const std::lock_guard lock(mutex);
      log.emplace_back(line);
    };
    engine = std::make_unique<EmbeddedEngine>(std::move(options));
    return *engine;
  }
  Result<void> wait_ready(std::uint64_t ends_max = EmbeddedEngine::kNoLimit) const {
    return net::run_sync(engine->wait_ready(Deadline::after(kPatience), ends_max));
  }
  Result<wire::EngineDone> call() const {
    wire::EngineCall request;
    request.messages = {{.role = "user", .text = "x"}};
    return net::run_sync(engine->run(std::move(request), nullptr, Deadline::after(kPatience)));
  }
  std::uint64_t ends(EngineEnd how) const { return engine->status().ends.at(static_cast<std::size_t>(how)); }

  EngineFolder folder;
  std::mutex mutex;
  std::vector<std::string> log;
  std::unique_ptr<EmbeddedEngine> engine;
};

TEST_F(EngineFaults, StandInAnswersWhenItIsNotAskedToMisbehave) {
  stand_in("answers");
  ASSERT_TRUE(wait_ready());
  EXPECT_EQ(call()->text, "ok");
  EXPECT_EQ(engine->status().starts, 1U);
}

TEST_F(EngineFaults, GetsOverWhatHappensInACall) {
  struct Case {
    const char* manner;
    EngineEnd how;
    const char* says;
  };
  const Case cases[] = {{"aborts", EngineEnd::Died, "signal 6"},
                        {"eats_memory", EngineEnd::Died, "ended"},  // how is up to a sanitizer
                        {"spins", EngineEnd::Hung, "without getting anywhere"},
                        {"babbles", EngineEnd::BrokeProtocol, "frame"},
                        {"floods", EngineEnd::Died, "status 3"}};
  for (const Case& c : cases) {
    stand_in(c.manner);
    ASSERT_TRUE(wait_ready()) << c.manner;
    const pid_t first = engine->status().pid;

    const Result<wire::EngineDone> cut = call();

    ASSERT_FALSE(cut) << c.manner;
    EXPECT_EQ(cut.error().code, ErrorCode::ModelUnavailable) << c.manner;
    EXPECT_THAT(cut.error().message, HasSubstr(c.says)) << c.manner;
    EXPECT_EQ(ends(c.how), 1U) << c.manner;
    if (c.how == EngineEnd::BrokeProtocol) continue;  // a lasting fault: nobody waits for its next start
    EXPECT_TRUE(wait_ready()) << c.manner;
    EXPECT_EQ(engine->status().starts, 2U) << c.manner;
    EXPECT_NE(engine->status().pid, first) << c.manner;
  }
}

TEST_F(EngineFaults, EndsEveryCallInFlightAtOnce) {
  stand_in("spins");
  ASSERT_TRUE(wait_ready());
  boost::asio::io_context io;
  int unavailable = 0;
  for (int i = 0; i < 10; ++i) {
    wire::EngineCall request;
    request.messages = {{.role = "user", .text = "x"}};
    boost::asio::co_spawn(io, engine->run(std::move(request), nullptr, Deadline::after(kPatience)),
                          [&](std::exception_ptr, const Result<wire::EngineDone>& done) {
                            unavailable += !done && done.error().code == ErrorCode::ModelUnavailable ? 1 : 0;
                          });
  }
  io.run();
  EXPECT_EQ(unavailable, 10);
  EXPECT_EQ(ends(EngineEnd::Hung), 1U);
}

TEST_F(EngineFaults, PassesOnlySomeLinesOfAFloodToTheLog) {
  stand_in("floods");
  ASSERT_TRUE(wait_ready());
  EXPECT_FALSE(call());
  ASSERT_TRUE(wait_ready());
  const std::lock_guard lock(mutex);
  EXPECT_THAT(log, ::testing::Contains("engine: line 0"));
  EXPECT_LE(log.size(), 60U);
}

TEST_F(EngineFaults, TriesAgainWhenLoadingFailsAndSaysHowOftenItDid) {
  stand_in("dies_loading");
  const Result<void> ready = wait_ready(4);
  EXPECT_EQ(ready.error().code, ErrorCode::ModelUnavailable);
  EXPECT_THAT(ready.error().message, HasSubstr("signal 6"));
  EXPECT_GE(engine->status().ends_before_ready, 4U);
  EXPECT_GE(engine->status().starts, 4U);
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(call().error().code, ErrorCode::ModelUnavailable) << "a call does not wait for a broken engine";
}

TEST_F(EngineFaults, EndsAnEngineThatDoesNotLoadInTime) {
  EngineLimits limits = quick_limits();
  limits.start_max = milliseconds(100);
  stand_in("never_ready", limits);
  const Result<void> ready = wait_ready(2);
  EXPECT_THAT(ready.error().message, HasSubstr("did not load its model in time"));
  EXPECT_GE(ends(EngineEnd::Hung), 2U);
}

TEST_F(EngineFaults, SaysThatTheProgramCannotBeStarted) {
  start("/nonexistent/engine", folder.file("m.gguf", ""), quick_limits());
  const Result<void> ready = wait_ready(3);
  EXPECT_THAT(ready.error().message, HasSubstr("cannot be started"));
  EXPECT_GE(ends(EngineEnd::NotStarted), 3U);
}

// ---- the real engine ----

class RealEngineFaults : public EngineFaults {
 protected:
  void SetUp() override {
    if (const std::string missing = suffice::testing::what_real_engine_lacks(); !missing.empty())
      GTEST_SKIP() << missing;
    std::ifstream source(suffice::testing::real_model(), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(source), {});
  }
  /// The shipped model with the number behind a metadata key overwritten.
  std::string with_number(std::string_view key, std::uint32_t value) const {
    std::string bytes = whole;
    const std::size_t at = bytes.find(key);
    EXPECT_NE(at, std::string::npos) << key;
    for (std::size_t i = 0; i < 4; ++i) bytes[at + key.size() + 4 + i] = static_cast<char>(value >> (8 * i));
    return bytes;
  }
  std::string whole;
};

// Each of these goes to libllama without our own check. Whatever it does with them, it does it in its process.
TEST_F(RealEngineFaults, FailsOnHostileFilesWithoutHarm) {
  std::string scrambled = whole;
  for (std::size_t i = 24; i < 4'096; i += 7) scrambled[i] = static_cast<char>(i);
  using models::MadeGguf;
  struct Case {
    const char* name;
    std::string bytes;
  };
  const Case cases[] = {
      {"empty", ""},
      {"no GGUF", std::string(1'000, 'x')},
      {"header alone", MadeGguf().header(10, 10).bytes()},
      {"cut in half", whole.substr(0, whole.size() / 2)},
      {"cut in its header", whole.substr(0, 1'000)},
      {"scrambled metadata", scrambled},
      {"absurd number of tensors", MadeGguf().header(~0ULL, 0).bytes()},
      {"absurd number of entries", MadeGguf().header(0, ~0ULL).bytes()},
      {"absurd text", MadeGguf().header(0, 1).text("a").u32(8).u64(~0ULL).bytes()},
      {"absurd array", MadeGguf().header(0, 1).text("a").u32(9).u32(8).u64(1ULL << 40U).bytes()},
      {"sizes that overflow", MadeGguf().header(1, 0).tensor("t", {1ULL << 33U, 1ULL << 33U}, 0, 0).data(64).bytes()},
      {"well-formed, without weights", models::good_gguf()},
      {"no attention heads", with_number("llama.attention.head_count", 0)},
      {"more heads than width", with_number("llama.attention.head_count", 1U << 30U)},
      {"a billion layers", with_number("llama.block_count", 1'000'000'000)},
      {"width of zero", with_number("llama.embedding_length", 0)},
  };
  for (const Case& c : cases) {
    start(suffice::testing::real_engine(), folder.file("hostile.gguf", c.bytes), quick_limits());
    const Result<void> ready = wait_ready(1);
    ASSERT_FALSE(ready) << c.name;
    EXPECT_THAT(ready.error().code, AnyOf(ErrorCode::ModelInvalid, ErrorCode::ModelUnavailable)) << c.name;
    EXPECT_FALSE(engine->ready()) << c.name;
    EXPECT_EQ(call().error().code, ErrorCode::ModelUnavailable) << c.name;
  }
}

TEST_F(RealEngineFaults, FailsOnWhatIsNoFile) {
  for (const std::string& path : {folder.path().string(), std::string("/dev/null"), folder.at("missing")}) {
    start(suffice::testing::real_engine(), path, quick_limits());
    EXPECT_FALSE(wait_ready(1)) << path;
  }
}

TEST_F(RealEngineFaults, EndsWhenItsMemoryIsLimitedBelowWhatTheModelNeeds) {
  EmbeddedEngine::Options options;
  options.command = {.program = suffice::testing::real_engine(),
                     .arguments = {"--model", suffice::testing::real_model(), "--address-space-mb", "24"}};
  options.limits = quick_limits();
  engine = std::make_unique<EmbeddedEngine>(std::move(options));
  const Result<void> ready = wait_ready(2);
  ASSERT_FALSE(ready);
  EXPECT_FALSE(engine->ready());
}

// The gateway's own look at the same kinds of files, before any engine is started.
TEST(EmbeddedClientCheck, RefusesDamagedFilesBeforeAnyEngineStarts) {
  const EngineFolder folder;
  policy::Model model;
  model.name = "mini";
  model.provider = policy::ProviderKind::Embedded;
  EmbeddedOptions options;
  options.engine_program = "/nonexistent/engine";
  const std::string cut = models::good_gguf().substr(0, 200);
  for (const std::string& path : {folder.file("cut.gguf", cut), folder.file("empty.gguf", ""), folder.at("missing"),
                                  folder.path().string(), folder.fifo("fifo.gguf")}) {
    model.model = path;
    const auto created = EmbeddedClient::create(model, options);
    ASSERT_FALSE(created.has_value()) << path;
    EXPECT_EQ(created.error().code, ErrorCode::ModelInvalid) << path;
    EXPECT_EQ(created.error().where, path);
  }
}

}  // namespace
}  // namespace suffice::providers
