#include "audit/recorder.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "audit/chain.hpp"
#include "audit/event_json.hpp"
#include "audit/vault.hpp"

namespace suffice::audit {
namespace {

using Done = std::function<void(Result<void>)>;

constexpr std::chrono::minutes kForgetEvery{1};

struct Item {
  Event event;
  Done done;
};

class ChainRecorder final : public Recorder {
 public:
  ChainRecorder(std::unique_ptr<AuditStore> store, RecorderOptions options, ChainEnd end)
      : store_(std::move(store)),
        options_(std::move(options)),
        end_(std::move(end)),
        writer_([this] { write_until_stopped(); }) {}

  ChainRecorder(const ChainRecorder&) = delete;
  ChainRecorder& operator=(const ChainRecorder&) = delete;

  ~ChainRecorder() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      stop_at_ = std::chrono::steady_clock::now() + options_.stop_limit;
    }
    wake_writer_.notify_all();
    writer_.join();
  }

  bool record(Event event) override { return enqueue(std::move(event), nullptr, Rouse::Recorder); }

  bool record_durably(Event event, Done done, Rouse rouse) override {
    return enqueue(std::move(event), std::move(done), rouse);
  }

  void rouse() override {
    {
      const std::lock_guard lock(mutex_);
      if (pending_.empty() || std::exchange(roused_, true)) return;
    }
    wake_writer_.notify_one();
  }

  Result<void> flush(std::chrono::milliseconds limit) override {
    rouse();
    std::unique_lock lock(mutex_);
    const std::uint64_t target = accepted_;
    const bool done = wake_flush_.wait_for(lock, limit, [&] { return durable_ >= target; });
    if (done) return {};
    return fail(ErrorCode::DeadlineExceeded,
                fmt::format("{} audit events are not durable after {} ms", target - durable_, limit.count()));
  }

  RecorderStats stats() const override {
    const std::lock_guard lock(mutex_);
    return RecorderStats{.accepted = accepted_,
                         .durable = durable_,
                         .dropped = dropped_,
                         .store_failures = store_failures_,
                         .queued = static_cast<std::size_t>(accepted_ - durable_)};
  }

  bool healthy() const override {
    const std::lock_guard lock(mutex_);
    return !failing_ && accepted_ - durable_ < options_.queue_max;
  }

 private:
  bool enqueue(Event&& event, Done&& done, Rouse rouse) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (accepted_ - durable_ >= options_.queue_max) {
        ++dropped_;
        return false;
      }
      pending_.push_back(Item{.event = std::move(event), .done = std::move(done)});
      ++accepted_;
      const bool full = pending_.size() == options_.batch_max;
      wake = (rouse == Rouse::Recorder || full) && (!std::exchange(roused_, true) || full);
    }
    if (wake) wake_writer_.notify_one();
    return true;
  }

  void write_until_stopped() {
    std::vector<Item> taken;
    while (take(taken)) {
      for (std::size_t from = 0; from < taken.size(); from += options_.batch_max) {
        const std::size_t count = std::min(options_.batch_max, taken.size() - from);
        if (!write(std::span(taken).subspan(from, count))) {
          give_up(std::span(taken).subspan(from));
          return;
        }
      }
      taken.clear();
    }
  }

  /// Waits to be roused and takes all that is there; false when stopping with nothing left.
  bool take(std::vector<Item>& taken) {
    std::unique_lock lock(mutex_);
    wake_writer_.wait(lock, [&] { return roused_ || stopping_; });
    if (pending_.empty()) return false;
    if (options_.batch_wait.count() > 0 && pending_.size() < options_.batch_max) {
      wake_writer_.wait_for(lock, options_.batch_wait,
                            [&] { return pending_.size() >= options_.batch_max || stopping_; });
    }
    taken.swap(pending_);
    roused_ = false;
    return true;
  }

  /// Makes one batch durable, however often the store has to be asked; false when stopping and time is up.
  bool write(std::span<Item> items) {
    const std::vector<StoredEvent> batch = chained(items);
    std::chrono::milliseconds wait = options_.retry_wait_first;
    while (true) {
      Result<void> written = store_->append(batch);
      if (written || was_committed(batch)) {
        const WallTime now = items.back().event.time;
        succeed(items, batch);
        forget_expired(now);
        return true;
      }
      fail_once(items, written.error());
      if (!wait_to_retry(wait)) return false;
      wait = std::min(wait * 2, options_.retry_wait_max);
    }
  }

  std::vector<StoredEvent> chained(std::span<Item> items) const {
    std::vector<StoredEvent> batch;
    batch.reserve(items.size());
    ChainEnd end = end_;
    for (const Item& item : items) {
      StoredEvent stored = stored_form(item.event, options_.preview_code_points_max);
      stored.sealed = sealed(item.event);
      stored.sequence = ++end.sequence;
      stored.previous_hash = std::move(end.hash);
      stored.hash = chain_hash(stored.previous_hash, stored.json);
      end.hash = stored.hash;
      batch.push_back(std::move(stored));
    }
    return batch;
  }

  /// What is kept of the texts: nothing where it cannot be encrypted, because a record without them is better than none.
  std::optional<SealedTexts> sealed(const Event& event) const {
    if (!options_.vault || !options_.keep_for || event.kind != Event::Kind::Request) return std::nullopt;
    const auto keep_for = options_.keep_for(event.task);
    if (!keep_for) return std::nullopt;
    Result<SealedTexts> texts = options_.vault->seal(event.id, event.time + *keep_for, {event.input, event.output});
    return texts ? std::optional(*std::move(texts)) : std::nullopt;
  }

  /// At most once a minute of the events' time. What could not be removed now is removed later, and given out by nobody.
  void forget_expired(WallTime now) {
    if (!options_.vault || now < forget_next_) return;
    forget_next_ = now + kForgetEvery;
    static_cast<void>(store_->forget_expired(rfc3339_ms(now)));
  }

  /// A commit may have happened although its answer was lost.
  bool was_committed(const std::vector<StoredEvent>& batch) {
    const auto last = store_->last();
    return last && *last && (*last)->hash == batch.back().hash;
  }

  void succeed(std::span<Item> items, const std::vector<StoredEvent>& batch) {
    end_ = ChainEnd{.sequence = batch.back().sequence, .hash = batch.back().hash};
    {
      const std::lock_guard lock(mutex_);
      durable_ += items.size();
      failing_ = false;
    }
    wake_flush_.notify_all();
    for (Item& item : items) {
      if (item.done) std::exchange(item.done, nullptr)(Result<void>{});
    }
  }

  /// Counts a failed attempt and tells everyone who waits for durability that it will not come soon.
  void fail_once(std::span<Item> items, const Error& error) {
    std::vector<Done> told;
    std::size_t waiting = 0;
    const auto collect = [&](Item& item) {
      if (item.done) told.push_back(std::exchange(item.done, nullptr));
    };
    {
      const std::lock_guard lock(mutex_);
      ++store_failures_;
      failing_ = true;
      waiting = static_cast<std::size_t>(accepted_ - durable_);
      std::ranges::for_each(pending_, collect);
    }
    std::ranges::for_each(items, collect);
    for (const Done& done : told) done(fail(error));
    if (options_.on_store_failure) options_.on_store_failure(error, waiting);
    last_error_ = error;
  }

  /// False when stopping and time is up. While stopping it waits no longer than the first wait.
  bool wait_to_retry(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    wake_writer_.wait_for(lock, wait, [&] { return stopping_; });
    if (!stopping_) return true;
    wake_writer_.wait_for(lock, std::min(wait, options_.retry_wait_first), [] { return false; });
    return std::chrono::steady_clock::now() < stop_at_;
  }

  /// The store stayed away until the end: what is left is lost, and said.
  void give_up(std::span<Item> rest) {
    std::vector<Item> pending;
    {
      const std::lock_guard lock(mutex_);
      pending.swap(pending_);
    }
    const auto tell = [&](Item& item) {
      if (item.done) item.done(fail(last_error_));
    };
    std::ranges::for_each(rest, tell);
    std::ranges::for_each(pending, tell);
    options_.on_lost(last_error_, rest.size() + pending.size());
  }

  std::unique_ptr<AuditStore> store_;  // writer thread only, as are end_ and last_error_
  const RecorderOptions options_;
  ChainEnd end_;
  WallTime forget_next_{};
  Error last_error_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable wake_writer_;
  std::condition_variable wake_flush_;
  std::vector<Item> pending_;
  std::uint64_t accepted_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t store_failures_ = 0;
  bool failing_ = false;
  bool roused_ = false;  ///< the writer may take what is pending
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stop_at_{};

  std::thread writer_;  // last: it uses all of the above
};

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::create(std::unique_ptr<AuditStore> store, RecorderOptions options) {
  if (options.queue_max == 0 || options.batch_max == 0) {
    return fail(ErrorCode::InvalidArgument, "the audit queue and its batches hold at least one event");
  }
  if (!options.on_lost) {
    options.on_lost = [](const Error& error, std::size_t events) {
      fmt::print(stderr, "suffice: {} audit events could not be written and are lost: {}\n", events, describe(error));
    };
  }
  SUFFICE_TRY(const std::optional<StoredEvent> last, store->last());
  ChainEnd end;
  if (last) {
    if (!hash_matches(*last)) {
      return fail(
          ErrorCode::ChainBroken,
          fmt::format(
              "the last audit event (sequence {}) was altered; run `suffice audit verify`, then move the record away to start "
              "a new one",
              last->sequence));
    }
    end = ChainEnd{.sequence = last->sequence, .hash = last->hash};
  }
  return std::make_unique<ChainRecorder>(std::move(store), std::move(options), std::move(end));
}

}  // namespace suffice::audit
