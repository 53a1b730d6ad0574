// The service over a real socket pair, with runners that do what the test says instead of computing.
#include "engine/service.hpp"

#include <future>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace suffice::engine {
namespace {

/// Answers with the text of the first message; "throw" throws, "wait" computes until it is cancelled.
class EchoRunner final : public CallRunner {
 public:
  Result<wire::EngineDone> run(const wire::EngineCall& call, CallLine& line) override {
    const std::string& text = call.messages.at(0).text;
    if (text == "throw") throw std::runtime_error("secret words of the caller");
    while (text == "wait" && !line.cancelled()) std::this_thread::yield();
    if (line.cancelled()) return fail(ErrorCode::Cancelled, "cancelled");
    if (call.stream) line.delta({.id = call.id, .text = text, .logprobs = {}});
    wire::EngineDone done;
    done.text = text;
    done.usage.input_tokens = 3;
    return done;
  }
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours_ = fds[0];
    theirs_ = fds[1];
    reader_.emplace(ours_);
    writer_.emplace(ours_);
  }
  ~ServiceTest() override {
    hang_up();
    if (thread_.joinable()) thread_.join();
    ::close(theirs_);
  }

  void start(int runners, std::size_t queue_max) {
    thread_ = std::thread([this, runners, queue_max] {
      FrameReader reader(theirs_);
      FrameWriter writer(theirs_);
      std::vector<std::unique_ptr<CallRunner>> list;
      for (int i = 0; i < runners; ++i) list.push_back(std::make_unique<EchoRunner>());
      Service service(reader, writer, std::move(list), counters_, queue_max);
      outcome_.set_value(service.run());
    });
  }
  void send(const wire::EngineFrame& frame) { ASSERT_TRUE(writer_->write(frame)); }
  void call(std::uint64_t id, std::string text, bool stream = false) {
    wire::EngineCall out{.id = id, .messages = {{"user", std::move(text)}}};
    out.stream = stream;
    send(out);
  }
  wire::EngineFrame next() { return reader_->read().value().value(); }
  /// Answers until the one to `nonce`: proves that everything sent before has been read.
  wire::EnginePong pong(std::uint64_t nonce) {
    send(wire::EnginePing{.nonce = nonce});
    for (;;) {
      const wire::EngineFrame frame = next();
      if (const auto* pong = std::get_if<wire::EnginePong>(&frame)) return *pong;
    }
  }
  void hang_up() {
    if (ours_ >= 0) ::shutdown(ours_, SHUT_RDWR);
    if (ours_ >= 0) ::close(ours_);
    ours_ = -1;
  }

  Counters counters_;
  int ours_ = -1;
  int theirs_ = -1;
  std::optional<FrameReader> reader_;
  std::optional<FrameWriter> writer_;
  std::thread thread_;
  std::promise<Result<void>> outcome_;
};

TEST_F(ServiceTest, AnswersACallWithItsId) {
  start(1, 4);
  call(11, "hello", true);
  EXPECT_EQ(std::get<wire::EngineDelta>(next()).id, 11U);
  const wire::EngineFrame frame = next();
  const auto& done = std::get<wire::EngineDone>(frame);
  EXPECT_EQ(done.id, 11U);
  EXPECT_EQ(done.text, "hello");
}

TEST_F(ServiceTest, CancelsWaitingAndComputingCalls) {
  start(1, 4);
  call(1, "wait");
  call(2, "second");
  send(wire::EngineCancel{.id = 2});
  send(wire::EngineCancel{.id = 1});
  for (const std::uint64_t id : {1U, 2U}) {
    const wire::EngineFrame frame = next();
    EXPECT_EQ(std::get<wire::EngineFailure>(frame).id, id);
    EXPECT_EQ(std::get<wire::EngineFailure>(frame).code, ErrorCode::Cancelled);
  }
}

TEST_F(ServiceTest, RefusesCallsBeyondItsQueue) {
  start(1, 1);
  call(1, "wait");
  while (pong(1).busy == 0) std::this_thread::yield();
  call(2, "queued");
  call(3, "too much");
  const wire::EngineFrame frame = next();
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).id, 3U);
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).code, ErrorCode::Overloaded);
  EXPECT_EQ(pong(2).queued, 1U);
}

TEST_F(ServiceTest, OutlivesARunnerThatThrowsAndDoesNotQuoteIt) {
  start(1, 4);
  call(1, "throw");
  const wire::EngineFrame frame = next();
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).code, ErrorCode::Internal);
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).message.find("secret"), std::string::npos);
  call(2, "after");
  EXPECT_EQ(std::get<wire::EngineDone>(next()).text, "after");
}

TEST_F(ServiceTest, CountsWhatItDid) {
  start(2, 4);
  call(1, "a");
  next();
  call(2, "throw");
  next();
  const wire::EnginePong counters = pong(5);
  EXPECT_EQ(counters.calls_done, 1U);
  EXPECT_EQ(counters.calls_failed, 1U);
  EXPECT_EQ(counters.input_tokens, 3U);
}

TEST_F(ServiceTest, RefusesAnIdInUse) {
  start(1, 4);
  call(1, "wait");
  call(1, "again");
  EXPECT_EQ(std::get<wire::EngineFailure>(next()).code, ErrorCode::ProtocolError);
  call(0, "zero");
  EXPECT_EQ(std::get<wire::EngineFailure>(next()).code, ErrorCode::ProtocolError);
}

TEST_F(ServiceTest, EndsWhenTheGatewayIsGoneEvenWhileComputing) {
  start(1, 4);
  call(1, "wait");
  hang_up();
  EXPECT_TRUE(outcome_.get_future().get().has_value());
}

TEST_F(ServiceTest, EndsOnBytesThatAreNoFrame) {
  start(1, 4);
  ASSERT_EQ(::send(ours_, "\0\0\0\0\0", 5, 0), 5);
  EXPECT_EQ(outcome_.get_future().get().error().code, ErrorCode::ProtocolError);
}

}  // namespace
}  // namespace suffice::engine
