// The fakes keep their promises, above all the promise to fail on a surprise.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <tuple>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "core/clock.hpp"
#include "net/http_client.hpp"
#include "net/run_sync.hpp"
#include "testing/golden.hpp"
#include "testing/imposter.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::testing {
namespace {

using namespace std::chrono_literals;

net::HttpRequest request_to(const Imposter& imposter, std::string path, std::string body = "") {
  net::HttpRequest request;
  request.endpoint = net::Endpoint::parse(imposter.url()).value();
  request.path = std::move(path);
  request.body = std::move(body);
  return request;
}

Result<net::HttpResponse> send(net::HttpClient& client, const net::HttpRequest& request) {
  return net::run_sync(client.send(request, nullptr, Deadline::after(10s)));
}

Task<std::pair<std::string, std::string>> send_both(net::HttpClient& client, const net::HttpRequest& first,
                                                    const net::HttpRequest& second) {
  const auto one = co_await client.send(first, nullptr, Deadline::after(10s));
  const auto two = co_await client.send(second, nullptr, Deadline::after(10s));
  co_return std::pair(one ? one->body : describe(one.error()), two ? two->body : describe(two.error()));
}

TEST(Imposter, PlaysItsScriptsInOrderAndRecordsTheRequests) {
  Imposter imposter;
  imposter.expect("POST", "/a?x=1").respond(200, "one");
  imposter.expect("POST", "/b").stream({"tw", "o"}).finish();
  net::HttpClient client({});
  net::HttpRequest first = request_to(imposter, "/a?x=1", "hello");
  first.headers.add("X-Test", "yes");
  const net::HttpRequest second = request_to(imposter, "/b");

  const auto bodies = net::run_sync(send_both(client, first, second));

  EXPECT_EQ(bodies, (std::pair<std::string, std::string>("one", "two")));
  ASSERT_EQ(imposter.requests().size(), 2U);
  EXPECT_EQ(imposter.requests()[0].body, "hello");
  EXPECT_EQ(imposter.requests()[0].headers.get("x-test"), "yes");
  EXPECT_EQ(imposter.connections(), 1U) << "a kept connection serves the next request";
}

TEST(Imposter, CanCutResetStallAndHold) {
  Imposter imposter;
  const SharedGate gate = make_gate();
  imposter.expect("POST", "/cut").stream({"half"}).close();
  imposter.expect("POST", "/reset").reset();
  imposter.expect("POST", "/stall").stall();
  imposter.expect("POST", "/hold").open(gate).wait_for(gate).respond(200, "late");
  net::HttpClient client({});

  EXPECT_EQ(send(client, request_to(imposter, "/cut")).error().code, ErrorCode::ConnectionClosed);
  EXPECT_EQ(send(client, request_to(imposter, "/reset")).error().code, ErrorCode::ConnectionClosed);
  net::HttpRequest slow = request_to(imposter, "/stall");
  slow.timeouts.first_byte = 20ms;
  EXPECT_EQ(send(client, slow).error().code, ErrorCode::FirstTokenTimeout);
  // On a busy machine the imposter reads that request only after its client has given up; scripts go in the order of reading.
  while (imposter.requests().size() < 3) std::this_thread::yield();
  EXPECT_EQ(send(client, request_to(imposter, "/hold"))->body, "late");
  EXPECT_TRUE(gate->is_open());
}

void call_unscripted() {
  Imposter imposter;
  net::HttpClient client({});
  std::ignore = send(client, request_to(imposter, "/surprise"));
}

void leave_a_script_unused() {
  Imposter imposter;
  imposter.expect("POST", "/never").respond(200, "");
}

void call_the_wrong_path() {
  Imposter imposter;
  imposter.expect("POST", "/right").respond(200, "");
  net::HttpClient client({});
  std::ignore = send(client, request_to(imposter, "/wrong"));
}

TEST(Imposter, FailsTheTestOnASurprise) {
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(call_unscripted(), "unexpected POST /surprise");
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(leave_a_script_unused(), "1 expected requests never came");
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(call_the_wrong_path(), "expected POST /right, came POST /wrong");
}

Result<Completion> call(providers::ModelClient& model, providers::TokenSink* sink = nullptr) {
  const providers::ModelCall request;
  return net::run_sync(model.complete(request, sink, Deadline::never()));
}

TEST(ScriptedModel, AnswersFailsAndCutsAsWritten) {
  ScriptedModel model;
  model.answer("hello").fail_with(ErrorCode::RateLimited, 500).cut_after("half");
  CollectingSink sink;

  EXPECT_EQ(call(model, &sink)->text, "hello");
  EXPECT_EQ(sink.text(), "hello");
  EXPECT_EQ(call(model).error().retry_after_ms, 500);
  EXPECT_EQ(call(model, &sink).error().code, ErrorCode::ConnectionClosed);
  EXPECT_EQ(sink.text(), "hellohalf");
  EXPECT_EQ(model.calls().size(), 3U);
  EXPECT_EQ(model.turns_left(), 0U);
}

TEST(ScriptedModel, StopsWhenItsSinkSaysSo) {
  ScriptedModel model;
  ScriptedTurn turn;
  turn.deltas.resize(3);
  model.then(turn);
  CollectingSink sink(2);

  EXPECT_EQ(call(model, &sink).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(sink.deltas().size(), 2U);
}

void call_beyond_the_script() {
  ScriptedModel model;
  std::ignore = call(model);
}

void leave_a_turn_unused() {
  ScriptedModel model;
  model.answer("never");
}

TEST(ScriptedModel, FailsTheTestOnASurprise) {
  EXPECT_NONFATAL_FAILURE(call_beyond_the_script(), "a call beyond the script");
  EXPECT_NONFATAL_FAILURE(leave_a_turn_unused(), "1 turns were never asked for");
}

TEST(ManualClock, MovesOnlyByHand) {
  ManualClock clock;
  const SteadyTime steady = clock.steady_now();
  const WallTime wall = clock.wall_now();
  EXPECT_EQ(clock.steady_now(), steady);

  clock.advance(1500ms);
  clock.step_wall(-1h);

  EXPECT_EQ(clock.steady_now() - steady, 1500ms);
  EXPECT_EQ(clock.wall_now() - wall, 1500ms - 1h);
}

TEST(ManualSleeper, MovesTheClockInsteadOfWaiting) {
  ManualClock clock;
  ManualSleeper sleeper(clock);
  const SteadyTime start = clock.steady_now();

  EXPECT_EQ(net::run_sync(sleeper.sleep(1h)), providers::Sleeper::Woken::InTime);
  EXPECT_EQ(clock.steady_now() - start, 1h);
  EXPECT_EQ(sleeper.slept(), (std::vector<std::chrono::milliseconds>{1h}));
  sleeper.cancel_next();
  EXPECT_EQ(net::run_sync(sleeper.sleep(1h)), providers::Sleeper::Woken::Cancelled);
}

TEST(Golden, ComparesAndShowsTheFirstDifferentLine) {
  const std::filesystem::path file =
      std::filesystem::path(::testing::TempDir()) / ("golden-" + std::to_string(::getpid()) + ".txt");
  std::ofstream(file) << "a\nb\nc\n";

  EXPECT_TRUE(golden_file(file, "a\nb\nc\n"));
  const auto differs = golden_file(file, "a\nX\nc\n");
  EXPECT_FALSE(differs);
  EXPECT_NE(std::string(differs.message()).find("line 2:\n- b\n+ X"), std::string::npos) << differs.message();
  EXPECT_FALSE(golden_file(file, "a\nb\n"));
  EXPECT_FALSE(golden_file(file.string() + ".missing", "x"));
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace suffice::testing
