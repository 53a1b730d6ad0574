#include "learned/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace suffice::learned {
namespace {

/// False when the vector has no direction.
bool to_length_one(std::span<float> vector) {
  double square = 0;
  for (const float number : vector) square += static_cast<double>(number) * number;
  if (!std::isfinite(square) || square == 0) return false;
  const auto length = static_cast<float>(std::sqrt(square));
  for (float& number : vector) number /= length;
  return true;
}

}  // namespace

Result<Neighbours> Neighbours::create(std::size_t dimensions, std::vector<float> rows, std::vector<double> outcomes) {
  if (dimensions == 0 || outcomes.empty() || rows.size() != dimensions * outcomes.size())
    return fail(ErrorCode::InvalidArgument, "neighbours need one vector of the same length for each outcome");
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!to_length_one(std::span(rows).subspan(i * dimensions, dimensions)) || !std::isfinite(outcomes[i]))
      return fail(ErrorCode::InvalidArgument, "a vector is zero, or a number of it is not finite", std::to_string(i));
  }
  return Neighbours(dimensions, std::move(rows), std::move(outcomes));
}

Result<Neighbours::Estimate> Neighbours::estimate(std::span<const float> query, std::size_t k,
                                                  double temperature) const {
  std::vector<float> direction(query.begin(), query.end());
  if (query.size() != dimensions_ || k == 0 || temperature <= 0 || !to_length_one(direction))
    return fail(ErrorCode::InvalidArgument,
                "a query needs a direction in the neighbours' dimensions, k and temperature");
  std::vector<double> cosine(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const auto row = std::span(rows_).subspan(i * dimensions_, dimensions_);
    cosine[i] = std::inner_product(row.begin(), row.end(), direction.begin(), 0.0);
  }
  std::vector<std::size_t> order(size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(k, size());
  const auto nearer = [&](std::size_t a, std::size_t b) {
    return cosine[a] != cosine[b] ? cosine[a] > cosine[b] : a < b;
  };
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count), nearer);
  Estimate estimate{.value = 0, .nearest = cosine[order.front()]};
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = std::exp((cosine[order[i]] - estimate.nearest) / temperature);
    estimate.value += weight * outcomes_[order[i]];
    total += weight;
  }
  estimate.value /= total;
  return estimate;
}

}  // namespace suffice::learned
