#include "metrics/instruments.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace suffice::metrics {

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {
  const bool finite = std::all_of(bounds.begin(), bounds.end(), [](double bound) { return std::isfinite(bound); });
  const bool ascending = std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>{}) == bounds.end();
  if (!finite || !ascending) throw std::logic_error("histogram bounds must be finite and strictly ascending");
}

void Histogram::observe(double value) {
  if (std::isnan(value)) return;  // it would poison the sum for good
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::span<const double> overhead_buckets() {
  static constexpr std::array kBounds{0.00005, 0.0001, 0.00015, 0.0002, 0.00025, 0.0003, 0.00035, 0.0004,
                                      0.00045, 0.0005, 0.00055, 0.0006, 0.00065, 0.0007, 0.00075, 0.0008,
                                      0.00085, 0.0009, 0.00095, 0.001,  0.0015,  0.002,  0.003,   0.005,
                                      0.01,    0.025,  0.05,    0.1,    0.25,    1.0};
  return kBounds;
}

std::span<const double> latency_buckets() {
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,
                                      1.0,   2.5,    5.0,   10.0, 20.0,  30.0, 60.0, 120.0};
  return kBounds;
}

std::span<const double> token_buckets() {
  static constexpr std::array kBounds{1.0,         4.0,         16.0,         64.0,        256.0,
                                      1'024.0,     4'096.0,     16'384.0,     65'536.0,    262'144.0,
                                      1'048'576.0, 4'194'304.0, 16'777'216.0, 67'108'864.0};
  return kBounds;
}

}  // namespace suffice::metrics
