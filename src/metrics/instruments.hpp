#pragma once
// What is counted with: counters, gauges, histograms. Any thread; no lock and no allocation after construction.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace suffice::metrics {

/// A sum that only grows. Whole numbers are exact up to 2^53.
class Counter {
 public:
  /// `amount` must not be negative; a negative one (a bug elsewhere) is ignored, since a counter that falls looks like a restart.
  void add(double amount = 1) {
    if (amount > 0) value_.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<double> value_{0};  // its own cache line: neighbours are counted on other threads
};

/// A value that goes up and down.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<double> value_{0};
};

/// Counts of observations up to each bound, and their sum. observe() costs one binary search and two atomic additions.
class Histogram {
 public:
  /// `bounds`: inclusive upper bounds, finite and strictly ascending (std::logic_error otherwise); the last bucket, +Inf, is implied.
  explicit Histogram(std::span<const double> bounds);

  void observe(double value);
  /// Seconds, the base unit of Prometheus.
  void observe(std::chrono::nanoseconds span) { observe(std::chrono::duration<double>(span).count()); }

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  /// Observations in the bucket below bounds()[index], not accumulated; index == bounds().size() is +Inf.
  [[nodiscard]] std::uint64_t count_in(std::size_t index) const {
    return counts_[index].load(std::memory_order_relaxed);
  }
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Seconds: 50 us steps to 1 ms, where the gateway's own overhead lies, then coarser to 1 s.
[[nodiscard]] std::span<const double> overhead_buckets();
/// Seconds: 1 ms to 120 s, for whole requests and model calls.
[[nodiscard]] std::span<const double> latency_buckets();

/// Tokens of one call: powers of 4 from 1 to 2^26, as OpenTelemetry's conventions for generative AI advise.
[[nodiscard]] std::span<const double> token_buckets();

}  // namespace suffice::metrics
