#include "engine/service.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace suffice::engine {
namespace {

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::uint64_t microseconds(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

wire::EngineFailure failure(std::uint64_t id, Error error) {
  return {.id = id, .code = error.code, .message = std::move(error.message), .where = std::move(error.where)};
}

}  // namespace

bool FrameWriter::write(const wire::EngineFrame& frame) {
  Result<std::string> bytes = wire::encode(frame);
  if (!bytes) {
    const auto* done = std::get_if<wire::EngineDone>(&frame);
    if (done == nullptr) return true;
    bytes = wire::encode(failure(done->id, bytes.error()));
  }
  const std::lock_guard lock(mutex_);
  return send_all(fd_, *bytes);
}

Result<std::optional<wire::EngineFrame>> FrameReader::read() {
  for (;;) {
    Result<std::optional<wire::EngineFrame>> frame = decoder_.next();
    if (!frame || *frame) return frame;
    std::array<char, 65'536> buffer;
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    decoder_.feed({buffer.data(), static_cast<std::size_t>(size)});
  }
}

struct Service::Job {
  wire::EngineCall call;
  SteadyTime accepted;
  std::atomic<bool> cancelled{false};
};

class Service::Line final : public CallLine {
 public:
  Line(const Job& job, FrameWriter& writer) : job_(job), writer_(writer) {}
  [[nodiscard]] bool cancelled() const override { return job_.cancelled.load(std::memory_order_relaxed); }
  void delta(const wire::EngineDelta& delta) override { writer_.write(delta); }

 private:
  const Job& job_;
  FrameWriter& writer_;
};

Service::Service(FrameReader& reader, FrameWriter& writer, std::vector<std::unique_ptr<CallRunner>> runners,
                 Counters& counters, std::size_t queue_max)
    : reader_(reader), writer_(writer), runners_(std::move(runners)), counters_(counters), queue_max_(queue_max) {}

Service::~Service() = default;

Result<void> Service::run() {
  std::vector<std::jthread> threads;
  for (const auto& runner : runners_) threads.emplace_back([this, &runner] { work(*runner); });
  Result<void> outcome;
  for (;;) {
    Result<std::optional<wire::EngineFrame>> frame = reader_.read();
    if (!frame) {
      outcome = fail(std::move(frame).error());
      break;
    }
    if (!*frame) break;
    if (auto* call = std::get_if<wire::EngineCall>(&**frame)) {
      accept(std::move(*call));
    } else if (const auto* cancelled = std::get_if<wire::EngineCancel>(&**frame)) {
      cancel(cancelled->id);
    } else if (const auto* ping = std::get_if<wire::EnginePing>(&**frame)) {
      pong(ping->nonce);
    } else if (const auto* embed = std::get_if<wire::EngineEmbed>(&**frame)) {
      writer_.write(failure(
          embed->id, {.code = ErrorCode::UnsupportedField, .message = "this engine gives no embeddings", .where = {}}));
    } else if (const auto* order = std::get_if<wire::EngineAdapterOrder>(&**frame)) {
      writer_.write(failure(
          order->id, {.code = ErrorCode::UnsupportedField, .message = "this engine loads no adapters", .where = {}}));
    } else {
      outcome = fail(ErrorCode::ProtocolError, "the gateway sent a frame that only the engine may send");
      break;
    }
  }
  stop();
  return outcome;
}

void Service::accept(wire::EngineCall call) {
  const std::uint64_t id = call.id;
  auto job = std::make_shared<Job>();
  job->call = std::move(call);
  job->accepted = clock_.steady_now();
  const char* refused = nullptr;
  ErrorCode code = ErrorCode::Overloaded;
  {
    const std::lock_guard lock(mutex_);
    if (id == 0 || jobs_.contains(id)) {
      refused = "the call's id is in use";
      code = ErrorCode::ProtocolError;
    } else if (queue_.size() >= queue_max_) {
      refused = "the embedded model has too many calls waiting";
    } else {
      queue_.push_back(job);
      jobs_.emplace(id, job);
    }
  }
  if (refused == nullptr) {
    wake_.notify_one();
    return;
  }
  counters_.calls_failed.fetch_add(1);
  writer_.write(wire::EngineFailure{.id = id, .code = code, .message = refused, .where = {}});
}

void Service::cancel(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (const auto job = jobs_.find(id); job != jobs_.end()) job->second->cancelled.store(true);
}

void Service::pong(std::uint64_t nonce) {
  wire::EnginePong pong{.nonce = nonce,
                        .progress = counters_.progress.load(),
                        .busy = counters_.busy.load(),
                        .calls_done = counters_.calls_done.load(),
                        .calls_failed = counters_.calls_failed.load(),
                        .input_tokens = counters_.input_tokens.load(),
                        .cached_input_tokens = counters_.cached_input_tokens.load(),
                        .output_tokens = counters_.output_tokens.load()};
  {
    const std::lock_guard lock(mutex_);
    pong.queued = static_cast<std::uint32_t>(queue_.size());
  }
  writer_.write(pong);
}

std::shared_ptr<Service::Job> Service::next_job() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (stopping_) return nullptr;
  std::shared_ptr<Job> job = std::move(queue_.front());
  queue_.pop_front();
  return job;
}

void Service::work(CallRunner& runner) {
  while (const std::shared_ptr<Job> job = next_job()) {
    counters_.busy.fetch_add(1);
    compute(runner, *job);
    counters_.busy.fetch_sub(1);
  }
}

void Service::compute(CallRunner& runner, Job& job) {
  const SteadyTime started = clock_.steady_now();
  Line line(job, writer_);
  Result<wire::EngineDone> done = fail(ErrorCode::Cancelled, "the call was cancelled");
  try {
    if (!job.cancelled.load()) done = runner.run(job.call, line);
  } catch (const std::exception& exception) {
    // Not its text: an exception of the library may quote what it was given.
    done = fail(ErrorCode::Internal, "the embedded model failed on this call");
  }
  {
    // Before the answer is written: the gateway may reuse the id as soon as it has read it.
    const std::lock_guard lock(mutex_);
    jobs_.erase(job.call.id);
  }
  if (!done) {
    counters_.calls_failed.fetch_add(1);
    writer_.write(failure(job.call.id, std::move(done).error()));
    return;
  }
  done->id = job.call.id;
  done->queue_us = microseconds(job.accepted, started);
  counters_.calls_done.fetch_add(1);
  counters_.input_tokens.fetch_add(static_cast<std::uint64_t>(done->usage.input_tokens));
  counters_.cached_input_tokens.fetch_add(static_cast<std::uint64_t>(done->usage.cached_input_tokens));
  counters_.output_tokens.fetch_add(static_cast<std::uint64_t>(done->usage.output_tokens));
  writer_.write(*done);
}

void Service::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    for (const auto& [id, job] : jobs_) job->cancelled.store(true);
  }
  wake_.notify_all();
}

}  // namespace suffice::engine
