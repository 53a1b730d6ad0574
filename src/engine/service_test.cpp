// The service over a real socket pair, with workers that do what the test says instead of computing.
#include "engine/service.hpp"

#include <future>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/fake_engine.hpp"

namespace suffice::engine {
namespace {

/// Answers with the text of the first message; "wait" computes until it is cancelled.
class EchoWorker final : public Worker {
 public:
  void run(JobQueue& queue) override {
    const auto any = [](const std::string&) { return true; };
    while (const std::shared_ptr<Job> job = queue.take(JobQueue::Wait::Yes, any)) {
      ++counters->busy;
      compute(*job);
      --counters->busy;
    }
  }
  static void compute(Job& job) {
    if (std::holds_alternative<wire::EngineEmbed>(job.request())) return job.embedded({.vectors = {{0.5F}}});
    if (const auto* count = std::get_if<wire::EngineCount>(&job.request()))
      return job.counted({.tokens = count->messages.size()});
    const auto& call = std::get<wire::EngineCall>(job.request());
    const std::string& text = call.messages.at(0).text;
    while (text == "wait" && !job.cancelled()) std::this_thread::yield();
    if (job.cancelled()) return job.failed({.code = ErrorCode::Cancelled, .message = "cancelled", .where = {}});
    if (text == "fail") return job.failed({.code = ErrorCode::Internal, .message = "failed", .where = {}});
    if (call.stream) job.delta({.id = call.id, .text = text, .logprobs = {}});
    wire::EngineDone done;
    done.text = text;
    done.usage.input_tokens = 3;
    job.done(std::move(done));
  }
  explicit EchoWorker(Counters& total) : counters(&total) {}
  Counters* counters;
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

  void start(int workers, std::size_t queue_max) {
    thread_ = std::thread([this, workers, queue_max] {
      FrameReader reader(theirs_);
      FrameWriter writer(theirs_);
      std::vector<std::unique_ptr<Worker>> list;
      for (int i = 0; i < workers; ++i) list.push_back(std::make_unique<EchoWorker>(counters_));
      const Service::Limits limits{.queue_max = queue_max, .task_queue_max = queue_max};
      Service service(reader, writer, std::move(list), std::make_unique<EchoWorker>(counters_), shelf_, counters_,
                      limits, clock_);
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
  FakeShelf shelf_;
  SystemClock clock_;
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
  while (pong(1).busy == 0) std::this_thread::yield();
  send(wire::EngineCancel{.id = 2});
  send(wire::EngineCancel{.id = 1});
  for (const std::uint64_t id : {2U, 1U}) {
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

TEST_F(ServiceTest, CountsWhatItDid) {
  start(2, 4);
  call(1, "a");
  next();
  call(2, "fail");
  next();
  const wire::EnginePong counters = pong(5);
  EXPECT_EQ(counters.calls_done, 1U);
  EXPECT_EQ(counters.calls_failed, 1U);
  EXPECT_EQ(counters.input_tokens, 3U);
}

TEST_F(ServiceTest, NeverComputesACallWhoseDeadlinePassedWhileItWaited) {
  start(1, 4);
  call(1, "wait");
  while (pong(1).busy == 0) std::this_thread::yield();
  wire::EngineCall late{.id = 2, .messages = {{"user", "late"}}};
  late.deadline_us = 1;
  send(late);

  send(wire::EnginePing{.nonce = 2});

  const wire::EngineFrame frame = next();
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).id, 2U);
  EXPECT_EQ(std::get<wire::EngineFailure>(frame).code, ErrorCode::DeadlineExceeded);
  EXPECT_EQ(std::get<wire::EnginePong>(next()).calls_expired, 1U);
}

TEST_F(ServiceTest, CountsTokensWhileItsWorkerComputes) {
  start(1, 4);
  call(8, "wait");
  send(wire::EngineCount{.id = 9, .messages = {{"system", "a"}, {"user", "b"}}});

  const wire::EngineFrame counted = next();

  EXPECT_EQ(std::get<wire::EngineCounted>(counted), (wire::EngineCounted{.id = 9, .tokens = 2}));
  send(wire::EngineCancel{.id = 8});
}

TEST_F(ServiceTest, AnswersEmbeddingsAndAdapterOrdersWithTheirIds) {
  start(1, 4);
  send(wire::EngineEmbed{.id = 5, .texts = {"x"}});
  const wire::EngineFrame embedded = next();
  EXPECT_EQ(std::get<wire::EngineEmbedded>(embedded).id, 5U);

  send(wire::EngineAdapterOrder{.id = 6, .action = wire::EngineAdapterOrder::Action::Load, .name = "red", .path = "p"});
  const wire::EngineFrame loaded = next();
  EXPECT_EQ(std::get<wire::EngineAdapters>(loaded).id, 6U);
  EXPECT_EQ(std::get<wire::EngineAdapters>(loaded).adapters.at(0).name, "red");

  send(wire::EngineAdapterOrder{.id = 7, .action = wire::EngineAdapterOrder::Action::Load, .name = "broken"});
  const wire::EngineFrame refused = next();
  EXPECT_EQ(std::get<wire::EngineFailure>(refused).id, 7U);
  EXPECT_EQ(std::get<wire::EngineFailure>(refused).code, ErrorCode::ModelInvalid);
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
