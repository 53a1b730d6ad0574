#include "engine/service.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
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

constexpr std::uint64_t kDeadlineMaxUs = 24ULL * 3'600'000'000;

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

/// A call from its frame to its end. The workers hold it as a Job.
class Service::Call final : public Job {
 public:
  Call(Service& service, std::uint64_t id, Request request, SteadyTime accepted, SteadyTime deadline)
      : service_(service), id_(id), request_(std::move(request)), accepted_(accepted), deadline_(deadline) {}

  [[nodiscard]] const Request& request() const override { return request_; }
  [[nodiscard]] SteadyTime accepted() const override { return accepted_; }
  [[nodiscard]] SteadyTime deadline() const override { return deadline_; }
  [[nodiscard]] bool cancelled() const override { return cancelled_.load(std::memory_order_relaxed); }
  void cancel() { cancelled_.store(true); }

  void delta(const wire::EngineDelta& delta) override { service_.writer_.write(delta); }

  void done(wire::EngineDone answer) override {
    count(answer.usage);
    answer.id = id_;
    end(answer);
  }
  void embedded(wire::EngineEmbedded answer) override {
    count(answer.usage);
    answer.id = id_;
    end(answer);
  }
  void counted(wire::EngineCounted answer) override {
    service_.counters_.calls_done.fetch_add(1);
    answer.id = id_;
    end(answer);
  }
  void failed(Error error) override {
    Counters& counters = service_.counters_;
    counters.calls_failed.fetch_add(1);
    if (error.code == ErrorCode::Cancelled) counters.calls_cancelled.fetch_add(1);
    if (error.code == ErrorCode::DeadlineExceeded) counters.calls_expired.fetch_add(1);
    end(failure(id_, std::move(error)));
  }

 private:
  void count(const Usage& usage) {
    Counters& counters = service_.counters_;
    counters.calls_done.fetch_add(1);
    counters.input_tokens.fetch_add(static_cast<std::uint64_t>(usage.input_tokens));
    counters.cached_input_tokens.fetch_add(static_cast<std::uint64_t>(usage.cached_input_tokens));
    counters.output_tokens.fetch_add(static_cast<std::uint64_t>(usage.output_tokens));
  }
  void end(const wire::EngineFrame& frame) {
    // Before the answer is written: the gateway may use the id again as soon as it has read it.
    service_.forget(id_);
    service_.writer_.write(frame);
  }

  Service& service_;
  std::uint64_t id_;
  Request request_;
  SteadyTime accepted_;
  SteadyTime deadline_;
  std::atomic<bool> cancelled_{false};
};

Service::Service(FrameReader& reader, FrameWriter& writer, std::vector<std::unique_ptr<Worker>> workers,
                 std::unique_ptr<Worker> counting, AdapterShelf& adapters, Counters& counters, const Limits& limits,
                 const Clock& clock)
    : reader_(reader),
      writer_(writer),
      workers_(std::move(workers)),
      counting_(std::move(counting)),
      adapters_(adapters),
      counters_(counters),
      clock_(clock),
      queue_(limits.queue_max, limits.task_queue_max, clock),
      counts_(limits.queue_max, limits.task_queue_max, clock) {}

Service::~Service() = default;

Result<void> Service::run() {
  std::vector<std::jthread> threads;
  for (const auto& worker : workers_) threads.emplace_back([this, &worker] { worker->run(queue_); });
  threads.emplace_back([this] { counting_->run(counts_); });
  Result<void> outcome;
  while (outcome) {
    Result<std::optional<wire::EngineFrame>> frame = reader_.read();
    if (!frame) {
      outcome = fail(std::move(frame).error());
      break;
    }
    if (!*frame) break;
    outcome = handle(std::move(**frame));
  }
  stop();
  return outcome;
}

Result<void> Service::handle(wire::EngineFrame frame) {
  if (auto* call = std::get_if<wire::EngineCall>(&frame)) {
    accept(call->id, call->deadline_us, std::move(*call), queue_);
  } else if (auto* embed = std::get_if<wire::EngineEmbed>(&frame)) {
    accept(embed->id, embed->deadline_us, std::move(*embed), queue_);
  } else if (auto* count = std::get_if<wire::EngineCount>(&frame)) {
    accept(count->id, count->deadline_us, std::move(*count), counts_);
  } else if (const auto* cancelled = std::get_if<wire::EngineCancel>(&frame)) {
    cancel(cancelled->id);
  } else if (const auto* adapters = std::get_if<wire::EngineAdapterOrder>(&frame)) {
    order(*adapters);
  } else if (const auto* ping = std::get_if<wire::EnginePing>(&frame)) {
    pong(ping->nonce);
  } else {
    return fail(ErrorCode::ProtocolError, "the gateway sent a frame that only the engine may send");
  }
  return {};
}

void Service::accept(std::uint64_t id, std::uint64_t deadline_us, Request request, JobQueue& queue) {
  const SteadyTime now = clock_.steady_now();
  // Nobody waits for hours; the limit keeps the sum from overflowing.
  const auto left = std::chrono::microseconds(std::min(deadline_us, kDeadlineMaxUs));
  const SteadyTime deadline = deadline_us == 0 ? SteadyTime::max() : now + left;
  auto call = std::make_shared<Call>(*this, id, std::move(request), now, deadline);
  {
    const std::lock_guard lock(mutex_);
    if (id == 0 || !calls_.emplace(id, call).second) call = nullptr;
  }
  if (!call) return refuse(id, ErrorCode::ProtocolError, "the call's id is in use");
  switch (queue.push(call)) {
    case JobQueue::Pushed::Yes:
      return;
    case JobQueue::Pushed::QueueFull:
      forget(id);
      return refuse(id, ErrorCode::Overloaded, "the embedded model has too many calls waiting");
    case JobQueue::Pushed::TaskFull:
      forget(id);
      return refuse(id, ErrorCode::Overloaded, "the embedded model has too many calls of this task waiting");
  }
}

void Service::refuse(std::uint64_t id, ErrorCode code, const char* why) {
  counters_.calls_failed.fetch_add(1);
  writer_.write(wire::EngineFailure{.id = id, .code = code, .message = why, .where = {}});
}

void Service::forget(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  calls_.erase(id);
}

void Service::cancel(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto call = calls_.find(id);
    if (call == calls_.end()) return;
    call->second->cancel();
  }
  queue_.sweep();  // frees its place at once
  counts_.sweep();
}

void Service::order(const wire::EngineAdapterOrder& order) {
  Result<std::vector<wire::EngineAdapterFacts>> adapters = adapters_.carry_out(order);
  if (adapters) {
    writer_.write(wire::EngineAdapters{.id = order.id, .adapters = *std::move(adapters)});
  } else {
    writer_.write(failure(order.id, std::move(adapters).error()));
  }
}

void Service::pong(std::uint64_t nonce) {
  queue_.sweep();
  counts_.sweep();
  const Counters& c = counters_;
  writer_.write(wire::EnginePong{.nonce = nonce,
                                 .progress = c.progress.load(),
                                 .busy = c.busy.load(),
                                 .queued = static_cast<std::uint32_t>(queue_.size()),
                                 .calls_done = c.calls_done.load(),
                                 .calls_failed = c.calls_failed.load(),
                                 .input_tokens = c.input_tokens.load(),
                                 .cached_input_tokens = c.cached_input_tokens.load(),
                                 .output_tokens = c.output_tokens.load(),
                                 .active = c.active.load(),
                                 .calls_expired = c.calls_expired.load(),
                                 .calls_cancelled = c.calls_cancelled.load(),
                                 .calls_given_up = c.calls_given_up.load(),
                                 .prefix_hits = c.prefix_hits.load(),
                                 .prefix_misses = c.prefix_misses.load(),
                                 .label_list_hits = c.label_list_hits.load(),
                                 .label_list_misses = c.label_list_misses.load(),
                                 .decode_steps = c.decode_steps.load(),
                                 .decode_tokens = c.decode_tokens.load(),
                                 .adapter_switches = c.adapter_switches.load(),
                                 .texts_embedded = c.texts_embedded.load()});
}

void Service::stop() {
  queue_.stop();
  counts_.stop();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, call] : calls_) call->cancel();
}

}  // namespace suffice::engine
